"""An event's JSON is what clients rely on, and the log gives back what was recorded."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from store import events, models
from store.events import Event, timestamp
from store.recorder import Recorder
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
    return [event.id or 0 for event in await events.after(0, 100)]


async def test_the_log_is_read_from_an_event_on(log: list[int]) -> None:
    found = await events.after(log[1], 3)

    assert [event.id for event in found] == log[2:5]


async def test_the_log_is_read_for_some_accounts_and_types(log: list[int]) -> None:
    assert {e.account_id for e in await events.after(0, 100, account_ids=["b"])} == {"b"}
    assert {e.account_id for e in await events.after(0, 100, types=["status"])} == {"a"}
    assert await events.after(0, 100, account_ids=["a"], types=["message"]) == []
    assert await events.after(0, 100, account_ids=[]) == []
    assert len(await events.after(0, 100, account_ids=["a", "b"], types=None)) == 6


async def test_one_accounts_history_is_read_from_an_event_on(log: list[int]) -> None:
    found = await events.of_account("a", log[0], 100)

    assert [(event.account_id, event.seq) for event in found] == [("a", 2), ("a", 3)]


async def test_an_event_comes_back_from_the_log_as_it_was(recorder: Recorder) -> None:
    event = Event("message", "a", AT, {"text": "é🏪", "n": [1, None, {"x": 1.5}]}, seq=1)
    recorder.record(event)
    await recorder.flush(5)

    (found,) = await events.after(0, 10)

    assert found == event.with_id(found.id or 0)


async def test_the_ends_of_the_log_are_known(log: list[int]) -> None:
    assert await events.newest_id() == log[-1]
    assert await events.oldest_id() == log[0]


async def test_an_empty_log_has_no_ends(database: None) -> None:
    assert await events.newest_id() == 0
    assert await events.oldest_id() is None


async def test_an_id_is_never_given_twice(log: list[int], recorder: Recorder) -> None:
    await models.Event.all().delete()

    recorder.record(status("a", 4))
    await recorder.flush(5)

    assert await events.newest_id() > log[-1]
