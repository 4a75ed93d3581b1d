"""An event's JSON is what clients rely on, and the log gives back what was recorded."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from store import models
from store.events import event_log
from store.events.event_log import Event, timestamp
from store.events.recorder import Recorder
from tests.store.parts import qr, status

AT = datetime(2026, 11, 22, 12, 0, 0, 123456, UTC)


def test_a_recorded_event_shows_its_numbers() -> None:
    event = Event("status", "6f1c", AT, {"status": "CONNECTED"}, seq=17).with_id(1043)

    assert event.as_json() == {
        "id": 1043,
        "seq": 17,
        "type": "status",
        "accountId": "6f1c",
        "at": "2026-11-22T12:00:00.123Z",
        "data": {"status": "CONNECTED"},
    }


def test_a_transient_event_has_no_numbers() -> None:
    event = Event("qr", "6f1c", AT, {"qr": "2@x"})

    assert event.as_json().keys() == {"type", "accountId", "at", "data"}


@pytest.mark.parametrize("event", [status("a", 1, n=1.5, text="é\x00"), qr("a")])
def test_an_event_is_read_back_from_its_json(event: Event) -> None:
    text = json.dumps(event.as_json())

    assert Event.from_json(text).as_json() == event.as_json()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[]",
        "1",
        "{}",
        '{"type": "qr", "accountId": "a", "at": "today", "data": {}}',
        '{"type": "qr", "accountId": "a", "at": 5, "data": {}}',
        '{"type": "qr", "accountId": "a", "at": "2026-11-22T12:00:00Z", "data": 5}',
        '{"type": "qr", "accountId": "a", "at": "2026-11-22T12:00:00Z", "data": "ab"}',
        '{"type": "qr", "accountId": "a", "at": "2026-11-22T12:00:00Z", "data": {}, "id": "7"}',
        '{"type": "qr", "accountId": "a", "at": "2026-11-22T12:00:00Z", "data": {}, "seq": [1]}',
        b"\xff\xfe",
    ],
)
def test_what_is_no_event_is_refused(text: str | bytes) -> None:
    with pytest.raises(ValueError, match="not an event"):
        Event.from_json(text)


def test_a_moment_of_another_zone_is_shown_in_utc() -> None:
    moment = datetime(2026, 1, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))

    assert timestamp(moment) == "2025-12-31T23:30:00.000Z"


@pytest.fixture
async def log(recorder: Recorder) -> list[int]:
    """Six events of two accounts, and their ids."""
    for seq in (1, 2, 3):
        recorder.record(status("a", seq))
        recorder.record(Event("message", "b", AT, {"text": "hi"}, seq=seq))
    assert await recorder.flush(5)
    return [event.id or 0 for event in (await event_log.page(0, 100)).items]


async def test_the_log_is_read_from_an_event_on(log: list[int]) -> None:
    found = (await event_log.page(log[1], 3)).items

    assert [event.id for event in found] == log[2:5]


async def test_the_log_is_read_for_some_accounts_and_types(log: list[int]) -> None:
    assert {e.account_id for e in (await event_log.page(0, 100, account_ids=["b"])).items} == {"b"}
    assert {e.account_id for e in (await event_log.page(0, 100, types=["status"])).items} == {"a"}
    assert (await event_log.page(0, 100, account_ids=["a"], types=["message"])).items == []
    assert (await event_log.page(0, 100, account_ids=[])).items == []
    assert len((await event_log.page(0, 100, account_ids=["a", "b"], types=None)).items) == 6


async def test_one_accounts_history_is_read_from_an_event_on(log: list[int]) -> None:
    found = (await event_log.page(log[0], 100, account_ids=("a",))).items

    assert [(event.account_id, event.seq) for event in found] == [("a", 2), ("a", 3)]


async def test_an_event_comes_back_from_the_log_as_it_was(recorder: Recorder) -> None:
    event = Event("message", "a", AT, {"text": "é🏪", "n": [1, None, {"x": 1.5}]}, seq=1)
    recorder.record(event)
    await recorder.flush(5)

    (found,) = (await event_log.page(0, 10)).items

    assert found == event.with_id(found.id or 0)


async def test_the_ends_of_the_log_are_known(log: list[int]) -> None:
    assert await event_log.newest_id() == log[-1]
    assert await event_log.oldest_id() == log[0]


async def test_an_empty_log_has_no_ends(database: None) -> None:
    assert await event_log.newest_id() == 0
    assert await event_log.oldest_id() is None


async def test_an_id_is_never_given_twice(log: list[int], recorder: Recorder) -> None:
    await models.Event.all().delete()

    recorder.record(status("a", 4))
    await recorder.flush(5)

    assert await event_log.newest_id() > log[-1]


async def test_what_is_read_of_the_log_at_once_is_bounded_by_its_size_as_well(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seq in range(1, 8):
        text = "é" * (5000 if seq == 5 else 100)
        recorder.record(Event("message", "a", AT, {"text": text}, seq=seq))
    assert await recorder.flush(5)
    monkeypatch.setattr(event_log, "PAGE_BYTES", 2000)

    read, since, more = [], 0, True
    while more:
        page = await event_log.page(since, 3, account_ids=["a"])
        assert len(page.items) == 1 or sum(len(e.data["text"]) for e in page.items) < 2000
        read.append([event.seq for event in page.items])
        since, more = page.items[-1].id or 0, page.more

    # Of three at most, of so many bytes, and one that is longer than that.
    assert [seq for seqs in read for seq in seqs] == list(range(1, 8))
    assert max(map(len, read)) == 3
    assert [5] in read
    assert not (await event_log.page(since, 3)).more


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_an_event_is_json_for_all_whatever_an_earlier_version_kept(number: float) -> None:
    event = Event("status", "a", AT, {"detail": {"percent": [number, 1.5]}}, seq=1)

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    told = json.loads(event.text, parse_constant=refuse)
    assert told["data"] == {"detail": {"percent": [None, 1.5]}}


def test_what_another_server_tells_is_refused_if_it_is_not_json_for_all() -> None:
    text = '{"type": "status", "accountId": "a", "at": "2026-11-22T12:00:00Z", "data": {"x": NaN}}'
    with pytest.raises(ValueError, match="not an event"):
        Event.from_json(text)
