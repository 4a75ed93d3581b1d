"""What the page's facts mean, without a page."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from actors.browser.config import BrowserConfig
from actors.browser.facts.interpreter import Interpreter
from actors.browser.facts.schema import Fact, check
from actors.browser.reports import (
    ActionKind,
    ActionRequired,
    Authenticated,
    LoggedOut,
    MessageReceived,
    PairingCodeShown,
    QrExhausted,
    QrShown,
    Ready,
    Reconnected,
    Reloaded,
    Report,
    SyncProgress,
    WentOffline,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DOCUMENT: Fact = {"fact": "document", "query": ""}
LOGOUT_DOCUMENT: Fact = {"fact": "document", "query": "?post_logout=1&logout_reason=4"}
IDLE: Fact = {"fact": "codes_idle"}


@pytest.fixture
def interpreter() -> Interpreter:
    config = BrowserConfig(Path("profiles"), "server", qr_first_seconds=60, qr_next_seconds=20)
    return Interpreter(config, lambda: NOW)


def code(text: str) -> Fact:
    return {"fact": "code", "code": text}


def state(**changes: Any) -> Fact:
    """The state of a page on which messages flow, but for the changes."""
    connected = {
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
    return connected | changes


def syncing(**changes: Any) -> Fact:
    return state(mode="SYNCING", info="SYNCING", **changes)


def message(ident: str, **changes: Any) -> Fact:
    told = {
        "fact": "message",
        "id": ident,
        "chat": "491700000002@c.us",
        "sender": "491700000002@c.us",
        "recipient": "491700000001@c.us",
        "kind": "chat",
        "text": "hello",
        "at": 1767225600,
        "senderName": "Bob",
        "recovered": False,
    }
    return told | changes


def read(interpreter: Interpreter, *facts: Fact) -> list[Report]:
    return [report for fact in facts for report in interpreter.read(check(fact))]


def kinds(reports: list[Report]) -> list[type[Report]]:
    return [type(report) for report in reports]


READY = Ready("491700000001", "Ada", "2.3000.1")


def test_codes_are_counted_and_the_first_one_lives_longer(interpreter: Interpreter) -> None:
    reports = read(interpreter, DOCUMENT, code("a"), code("b"))

    assert reports == [
        QrShown("a", 1, 6, NOW + timedelta(seconds=60)),
        QrShown("b", 2, 6, NOW + timedelta(seconds=20)),
    ]


def test_a_code_that_is_told_twice_is_reported_once(interpreter: Interpreter) -> None:
    assert kinds(read(interpreter, DOCUMENT, code("a"), code("a"))) == [QrShown]


def test_unused_codes_end_once(interpreter: Interpreter) -> None:
    assert kinds(read(interpreter, DOCUMENT, code("a"), IDLE, IDLE)) == [QrShown, QrExhausted]


def test_codes_are_counted_anew_after_they_ended(interpreter: Interpreter) -> None:
    reports = read(interpreter, DOCUMENT, code("a"), code("b"), IDLE, code("c"))

    last = reports[-1]
    assert isinstance(last, QrShown)
    assert last.number == 1


def test_a_phone_that_links_makes_a_fresh_session(interpreter: Interpreter) -> None:
    reports = read(interpreter, DOCUMENT, code("a"), syncing(), state())

    assert reports[1:] == [Authenticated(fresh=True), READY]


def test_a_pairing_code_makes_a_fresh_session_too(interpreter: Interpreter) -> None:
    interpreter.pairing_for("491700000001")
    pairing: Fact = {"fact": "pairing_code", "code": "ABCD1234"}

    reports = read(interpreter, DOCUMENT, pairing, pairing, syncing())

    expires_at = NOW + timedelta(seconds=180)
    assert reports == [
        PairingCodeShown("ABCD1234", "491700000001", expires_at),
        Authenticated(fresh=True),
    ]


def test_a_pairing_code_that_is_asked_for_again_expires_no_later() -> None:
    moments = iter((NOW, NOW + timedelta(seconds=100)))
    interpreter = Interpreter(BrowserConfig(Path("profiles"), "server"), lambda: next(moments))
    interpreter.pairing_for("491700000001")
    shown = interpreter.pairing_shown("ABCD1234")
    interpreter.pairing_for("491700000001")

    assert interpreter.pairing_shown("ABCD1234") == shown


def test_a_pairing_code_that_the_page_renews_after_the_codes_ends_the_linking(
    interpreter: Interpreter,
) -> None:
    interpreter.pairing_for("491700000001")
    first: Fact = {"fact": "pairing_code", "code": "ABCD1234"}
    renewed: Fact = {"fact": "pairing_code", "code": "EFGH5678"}

    reports = read(interpreter, DOCUMENT, code("a"), first, IDLE, renewed)

    assert kinds(reports) == [QrShown, PairingCodeShown, QrExhausted, QrExhausted]


def test_qr_codes_that_end_wait_for_a_pairing_code_that_is_on_its_way(
    interpreter: Interpreter,
) -> None:
    read(interpreter, DOCUMENT, code("a"))
    interpreter.pairing_for("491700000001")

    assert read(interpreter, IDLE) == []
    shown = read(interpreter, {"fact": "pairing_code", "code": "ABCD1234"})

    assert kinds(shown) == [PairingCodeShown, QrExhausted]


def test_qr_codes_that_end_do_not_wait_for_a_pairing_code_that_does_not_come(
    interpreter: Interpreter,
) -> None:
    read(interpreter, DOCUMENT, code("a"))
    interpreter.pairing_for("491700000001")
    read(interpreter, IDLE)

    assert kinds(interpreter.pairing_failed()) == [QrExhausted]


def test_a_session_that_was_there_is_resumed(interpreter: Interpreter) -> None:
    assert read(interpreter, DOCUMENT, syncing(), state()) == [Authenticated(fresh=False), READY]


@pytest.mark.parametrize(
    "changes",
    [
        {"mode": "SYNCING"},
        {"mode": "QR"},
        {"info": "SYNCING"},
        {"info": "OPENING"},
        {"loaded": False},
        {"online": False},
        {"phone": None},
    ],
)
def test_nothing_less_than_a_flowing_stream_is_ready(
    interpreter: Interpreter, changes: dict[str, Any]
) -> None:
    assert kinds(read(interpreter, DOCUMENT, state(**changes))) == [Authenticated]


def test_the_codes_screen_is_not_ready_although_the_page_is_loaded(
    interpreter: Interpreter,
) -> None:
    assert read(interpreter, DOCUMENT, state(mode="QR", authenticated=False)) == []


def test_an_interruption_is_told_once_and_so_is_its_end(interpreter: Interpreter) -> None:
    lost = state(info="OFFLINE", online=False, socket="TIMEOUT")
    opening = state(info="OPENING", socket="OPENING")

    reports = read(interpreter, DOCUMENT, state(), lost, opening, state())

    assert kinds(reports) == [Authenticated, Ready, WentOffline, Ready]


OFFLINE = state(mode="SYNCING", info="OFFLINE", online=False)


def test_a_page_that_comes_up_without_a_network_is_offline_once(interpreter: Interpreter) -> None:
    opening = state(mode="SYNCING", info="OPENING")

    reports = read(interpreter, DOCUMENT, OFFLINE, opening, OFFLINE, opening, state(), OFFLINE)

    assert kinds(reports) == [Authenticated, WentOffline, Ready, WentOffline]
    assert reports[1] == WentOffline(
        "stream SYNCING/OFFLINE, socket CONNECTED, the browser's network offline"
    )


SYNCS = state(info="RESUMING")


def test_a_page_that_is_offline_tells_each_time_that_it_has_its_connection_back(
    interpreter: Interpreter,
) -> None:
    reports = read(interpreter, DOCUMENT, state(), OFFLINE, SYNCS, SYNCS, OFFLINE, SYNCS, state())

    cycle = [WentOffline, Reconnected]
    assert kinds(reports) == [Authenticated, Ready, *cycle, *cycle, Ready]


def test_a_page_is_watched_while_it_is_offline_and_not_while_it_resumes(
    interpreter: Interpreter,
) -> None:
    read(interpreter, DOCUMENT, OFFLINE)
    assert interpreter.settled
    read(interpreter, SYNCS)
    assert not interpreter.settled


@pytest.mark.parametrize("info", ["OPENING", "PAIRING", "CONNECTING", "SYNCING", None])
def test_what_every_start_passes_is_not_offline(interpreter: Interpreter, info: str | None) -> None:
    reports = read(interpreter, DOCUMENT, state(mode="SYNCING", info=info), state())

    assert kinds(reports) == [Authenticated, Ready]


def test_a_page_that_nobody_is_linked_to_is_not_offline(interpreter: Interpreter) -> None:
    assert read(interpreter, DOCUMENT, state(info="OFFLINE", authenticated=False)) == []


def test_a_page_that_is_offline_is_told_to_be_so_after_a_reload_again(
    interpreter: Interpreter,
) -> None:
    reports = read(interpreter, DOCUMENT, state(), OFFLINE, DOCUMENT, OFFLINE, OFFLINE)

    assert kinds(reports) == [Authenticated, Ready, WentOffline, Reloaded, WentOffline]


def test_syncing_while_ready_is_no_interruption(interpreter: Interpreter) -> None:
    reports = read(interpreter, DOCUMENT, state(), state(info="RESUMING"), state())

    assert kinds(reports) == [Authenticated, Ready]


def test_progress_is_told_while_it_syncs_and_only_when_it_moves(interpreter: Interpreter) -> None:
    half: Fact = {"fact": "progress", "percent": 50}
    reports = read(interpreter, DOCUMENT, half, syncing(), half, half, state(), half)

    assert kinds(reports) == [Authenticated, SyncProgress, Ready]


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"mode": "CONFLICT"}, ActionKind.CONFLICT),
        ({"socket": "CONFLICT"}, ActionKind.CONFLICT),
        ({"socket": "TOS_BLOCK"}, ActionKind.TERMS),
        ({"mode": "SMB_TOS_BLOCK"}, ActionKind.TERMS),
        ({"socket": "PROXYBLOCK"}, ActionKind.BLOCKED),
        ({"mode": "DEPRECATED_VERSION"}, ActionKind.BLOCKED),
    ],
)
def test_what_a_human_must_do_is_told_once_and_ends_with_ready(
    interpreter: Interpreter, changes: dict[str, Any], kind: ActionKind
) -> None:
    reports = read(interpreter, DOCUMENT, state(), state(**changes), state(**changes), state())

    assert kinds(reports) == [Authenticated, Ready, ActionRequired, Ready]
    assert isinstance(reports[2], ActionRequired)
    assert reports[2].kind is kind


def test_another_thing_that_a_human_must_do_is_told(interpreter: Interpreter) -> None:
    terms, conflict = state(socket="TOS_BLOCK"), state(mode="CONFLICT")

    reports = read(interpreter, DOCUMENT, state(), terms, conflict, terms)

    asked = [report.kind for report in reports if isinstance(report, ActionRequired)]
    assert asked == [ActionKind.TERMS, ActionKind.CONFLICT, ActionKind.TERMS]


def test_what_a_human_must_do_after_a_reload_is_told_again(interpreter: Interpreter) -> None:
    terms = state(socket="TOS_BLOCK")

    reports = read(interpreter, DOCUMENT, state(), terms, DOCUMENT, terms)

    assert kinds(reports)[2:] == [ActionRequired, Reloaded, ActionRequired]


def test_a_page_that_is_offline_asks_for_no_human_until_it_does_again(
    interpreter: Interpreter,
) -> None:
    terms = state(socket="TOS_BLOCK")

    reports = read(interpreter, DOCUMENT, state(), OFFLINE, terms, OFFLINE, OFFLINE, terms, state())

    assert kinds(reports)[2:] == [
        WentOffline,
        ActionRequired,
        WentOffline,
        ActionRequired,
        Ready,
    ]


def test_a_passkey_is_asked_of_a_human(interpreter: Interpreter) -> None:
    reports = read(interpreter, DOCUMENT, code("a"), {"fact": "passkey"})

    assert isinstance(reports[-1], ActionRequired)
    assert reports[-1].kind is ActionKind.PASSKEY


def test_a_logout_is_told_once_although_the_page_tells_it_twice(interpreter: Interpreter) -> None:
    logout: Fact = {"fact": "logout", "reason": "device_removed"}

    reports = read(interpreter, DOCUMENT, state(), logout, state(), LOGOUT_DOCUMENT, code("a"))

    assert kinds(reports) == [Authenticated, Ready, LoggedOut, Reloaded, QrShown]
    assert reports[2] == LoggedOut("device_removed")


def test_a_logout_before_wa_js_came_up_is_known_by_the_address(interpreter: Interpreter) -> None:
    assert read(interpreter, DOCUMENT, LOGOUT_DOCUMENT) == [LoggedOut("4"), Reloaded()]


def test_an_account_can_be_linked_again_after_a_logout(interpreter: Interpreter) -> None:
    read(interpreter, DOCUMENT, state(), LOGOUT_DOCUMENT)

    reports = read(interpreter, code("a"), state())

    assert reports[1:] == [Authenticated(fresh=True), READY]


def test_a_reload_keeps_the_session_and_ends_in_ready(interpreter: Interpreter) -> None:
    reports = read(interpreter, DOCUMENT, state(), DOCUMENT, syncing(), state())

    assert kinds(reports) == [Authenticated, Ready, Reloaded, Ready]


def test_a_message_is_reported_once(interpreter: Interpreter) -> None:
    reports = read(interpreter, DOCUMENT, message("1"), message("1"), message("2"))

    assert kinds(reports) == [MessageReceived, MessageReceived]
    assert reports[0] == MessageReceived(
        message_id="1",
        chat="491700000002@c.us",
        sender="491700000002@c.us",
        recipient="491700000001@c.us",
        kind="chat",
        text="hello",
        at=datetime(2026, 1, 1, tzinfo=UTC),
        sender_name="Bob",
    )


def test_a_message_that_cannot_be_read_yet_is_reported_when_it_can(
    interpreter: Interpreter,
) -> None:
    reports = read(interpreter, DOCUMENT, message("1", kind="ciphertext"), message("1"))

    assert kinds(reports) == [MessageReceived]


def test_status_updates_are_nobodys_messages(interpreter: Interpreter) -> None:
    assert read(interpreter, DOCUMENT, message("1", chat="status@broadcast")) == []


@pytest.mark.parametrize("at", [None, 0, "noon", -1, 1e300, float("nan"), [1767225600]])
def test_a_message_without_a_time_came_now(interpreter: Interpreter, at: object) -> None:
    reports = read(interpreter, message("1", at=at))

    assert [report.at for report in reports if isinstance(report, MessageReceived)] == [NOW]


@pytest.mark.parametrize("broken", ["mode", "info", "loaded", "online", "phone", "pushName"])
def test_what_a_state_leaves_out_keeps_nothing_from_being_told(
    interpreter: Interpreter, broken: str
) -> None:
    partial = {name: value for name, value in state().items() if name != broken}

    reports = read(interpreter, DOCUMENT, partial, state())

    assert kinds(reports) == [Authenticated, Ready]


def test_a_message_on_record_is_not_reported_again(interpreter: Interpreter) -> None:
    interpreter.remember(["one", "two"])

    reports = read(interpreter, message("two", recovered=True), message("three", recovered=True))

    assert [(r.message_id, r.recovered) for r in reports if isinstance(r, MessageReceived)] == [
        ("three", True)
    ]


def test_a_passkey_that_is_wanted_again_is_told_again(interpreter: Interpreter) -> None:
    passkey = {"fact": "passkey"}

    reports = read(interpreter, DOCUMENT, code("1"), passkey, passkey, code("2"), passkey)

    assert [type(report) for report in reports] == [
        QrShown,
        ActionRequired,
        QrShown,
        ActionRequired,
    ]


def test_a_page_is_settled_unless_it_loads_or_syncs(interpreter: Interpreter) -> None:
    seen = []
    for fact in (DOCUMENT, code("1"), {"fact": "passkey"}, syncing(), state(), DOCUMENT):
        interpreter.read(fact)
        seen.append(interpreter.settled)

    assert seen == [False, True, True, False, True, False]
