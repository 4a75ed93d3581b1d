"""What a page may tell: of which types, and how long."""

import json
from typing import Any

import pytest

from actors.browser.facts.schema import (
    FACT_BYTES,
    ID,
    NAME,
    TEXT,
    WORD,
    BadFact,
    check_answer,
    check_error,
    parse,
)

MESSAGE = {
    "fact": "message",
    "id": "false_491700000002@c.us_1",
    "chat": "491700000002@c.us",
    "sender": "491700000002@c.us",
    "recipient": "491700000001@c.us",
    "kind": "chat",
    "text": "hello",
    "at": 1767225600,
    "senderName": "Bob",
    "senderPhone": "491700000002",
    "recovered": False,
}
STATE = {
    "fact": "state",
    "mode": "MAIN",
    "info": "NORMAL",
    "socket": "CONNECTED",
    "online": True,
    "authenticated": True,
    "loaded": True,
    "phone": "491700000001",
    "pushName": "Ada",
    "build": "2.3000.1",
}
PROGRESS = {"fact": "progress", "percent": 50}


def told(fact: dict[str, Any], **changes: Any) -> str:
    return json.dumps(fact | changes)


def test_what_is_in_order_goes_on_as_it_is() -> None:
    assert parse(told(MESSAGE)) == MESSAGE | {"truncated": False}
    assert parse(told(STATE)) == STATE
    assert parse(told(PROGRESS)) == PROGRESS


def test_what_a_fact_does_not_have_is_left_out_of_it() -> None:
    assert parse(told(PROGRESS, more="x" * 1000)) == PROGRESS


@pytest.mark.parametrize(
    "payload",
    [
        None,
        7,
        "",
        "{",
        "[]",
        "7",
        "null",
        "{}",
        "[" * 100_000,
        '{"fact": []}',
        '{"fact": "weather"}',
        '{"fact": "progress", "percent": NaN}',
        '{"fact": "progress", "percent": Infinity}',
        '{"fact": "progress", "percent": -Infinity}',
        '{"fact": "progress", "percent": 1e999}',
        '{"fact": "progress", "percent": 1' + 400 * "0" + "}",
        '{"fact": "progress", "percent": 1' + 5000 * "0" + "}",
        '{"fact": "progress", "percent": true}',
        '{"fact": "progress", "percent": "50"}',
    ],
)
def test_what_is_no_fact_is_refused_and_not_quoted(payload: object) -> None:
    with pytest.raises(BadFact) as refused:
        parse(payload)
    assert len(str(refused.value)) < 100


NO_TEXTS: list[object] = [7, ["x"], {"x": 1}, True]
NO_FLAGS: list[object] = [1, "true", [], {}]
NO_IDS: list[object] = [*NO_TEXTS, None, "", "x" * (ID + 1)]
NO_PHONES: list[object] = [491700000001, "", "x", "+491700000001", "4917" * 9, "\u0661", "1\n"]
WRONG: list[tuple[dict[str, Any], tuple[str, ...], list[object]]] = [
    (MESSAGE, ("id", "chat", "sender", "recipient"), NO_IDS),
    (MESSAGE, ("kind",), [None, 7, ""]),
    (MESSAGE, ("text", "senderName"), NO_TEXTS),
    (MESSAGE, ("recovered",), [*NO_FLAGS, None]),
    (STATE, ("online", "authenticated", "loaded"), NO_FLAGS),
    (STATE, ("mode", "info", "socket", "build", "pushName"), NO_TEXTS),
    (STATE, ("phone",), NO_PHONES),
]


@pytest.mark.parametrize(
    ("fact", "name", "value"),
    [(fact, name, value) for fact, names, values in WRONG for name in names for value in values],
)
def test_a_member_of_another_type_or_without_a_bound_is_refused(
    fact: dict[str, Any], name: str, value: object
) -> None:
    with pytest.raises(BadFact, match=name):
        parse(told(fact, **{name: value}))


@pytest.mark.parametrize("code", [None, "", 7, "x" * (ID + 1), "\ud800", "a b", "ä"])
def test_a_code_that_no_phone_could_read_is_refused(code: object) -> None:
    for kind in ("code", "pairing_code"):
        with pytest.raises(BadFact):
            parse(json.dumps({"fact": kind, "code": code}))


@pytest.mark.parametrize("missing", [None, "Conn", [7], ["x" * 1000], ["x"] * 1000])
def test_what_is_missing_is_a_list_of_words(missing: object) -> None:
    with pytest.raises(BadFact):
        parse(json.dumps({"fact": "loaded", "missing": missing, "lacking": [], "build": None}))


def test_a_message_is_not_lost_for_the_length_of_its_text() -> None:
    whole = parse(told(MESSAGE, text="ä" * TEXT))
    assert (len(whole["text"]), whole["truncated"]) == (TEXT, False)

    cut = parse(told(MESSAGE, text="x" * (TEXT + 1), senderName="x" * (NAME + 1)))
    assert (cut["text"], cut["truncated"]) == ("x" * TEXT + "…", True)
    assert cut["senderName"] == "x" * NAME + "…"


@pytest.mark.parametrize("character", ["x", "ä"])
def test_a_fact_without_a_bound_is_not_even_read(character: str) -> None:
    text = json.dumps(MESSAGE | {"text": character * FACT_BYTES}, ensure_ascii=False)
    with pytest.raises(BadFact, match="more than 1,000,000 bytes"):
        parse(text[: -FACT_BYTES // 2] if character == "ä" else text)


def test_a_time_that_is_none_costs_no_message() -> None:
    for at in (None, "noon", [1], True):
        assert parse(told(MESSAGE, at=at))["at"] is None


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        ("sendText", None),
        ("sendText", {"id": 7, "ack": 1}),
        ("sendText", {"id": "x" * (ID + 1), "ack": 1}),
        ("pairingCode", {}),
        ("pairingCode", {"code": 7}),
        ("compare", {}),
        ("compare", {"untold": "1"}),
    ],
)
def test_an_answer_of_another_type_is_refused(call: str, answer: object) -> None:
    with pytest.raises(BadFact):
        check_answer(call, answer)


@pytest.mark.parametrize("error", [None, 7, {}, {"name": 7, "message": [], "build": {}}])
def test_an_error_of_a_page_has_a_name_and_a_message_whatever_it_is(error: object) -> None:
    assert check_error(error) == ("Error", "It does not say why.", None)


def test_an_error_of_a_page_is_bounded() -> None:
    name, message, build = check_error(dict.fromkeys(("name", "message", "build"), "x" * 10**6))
    assert max(len(name), len(message), len(build or "")) <= NAME + 1


@pytest.mark.parametrize("phone", ["", "server", "+49170", 7, ["1"], "1" * 33])
def test_a_message_is_not_lost_for_an_odd_number_of_its_sender(phone: object) -> None:
    assert parse(told(MESSAGE, senderPhone=phone))["senderPhone"] is None


def test_a_long_word_for_the_kind_of_a_message_is_cut() -> None:
    assert parse(told(MESSAGE, kind="k" * 200))["kind"] == "k" * WORD
