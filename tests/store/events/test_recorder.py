"""What is recorded is kept first and published second, in its order, whatever the database does."""

import logging
import sys
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from store import accounts, models
from store.database.opening import open_database
from store.events import event_log
from store.events.bus import Bus
from store.events.recorder import Recorder
from store.status import Cause, Status
from tests.held import HeldDatabase
from tests.store.parts import Listener, qr, status, until
from tests.surroundings import Surroundings


async def test_an_event_is_published_with_the_id_under_which_it_is_kept(
    recorder: Recorder, listener: Listener
) -> None:
    recorder.record(status("a", 1))
    await until(lambda: listener.heard)

    assert listener.heard == (await event_log.page(0, 10)).items


async def test_nothing_is_published_before_it_is_kept(
    recorder: Recorder, listener: Listener, held: HeldDatabase
) -> None:
    held.hold()
    recorder.record(status("a", 1))
    await until(lambda: not recorder.healthy)
    assert listener.heard == []

    held.release()
    await until(lambda: listener.heard)


async def test_a_commit_that_is_never_answered_is_tried_anew(
    recorder: Recorder,
    listener: Listener,
    surroundings: Surroundings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("store.events.recorder.COMMIT_SECONDS", 0.1)
    async with surroundings.silence():
        recorder.record(status("a", 1))
        recorder.record(status("a", 2))
        await until(lambda: not recorder.healthy)
        assert "did not answer" in str(recorder.reason)
        assert recorder.oldest_pending_seconds > 0

    await until(lambda: listener.seqs == [1, 2])
    assert recorder.healthy


async def test_the_account_changes_together_with_its_event(recorder: Recorder) -> None:
    row, first = await accounts.create("one")
    recorder.record(first)
    since = datetime(2026, 11, 22, 12, tzinfo=UTC)

    recorder.record(
        status(row.id, 2),
        {"status": Status.CONNECTING, "cause": Cause.USER_CONNECT, "since": since, "attempt": 1},
    )
    recorder.record(
        status(row.id, 3),
        {"status": Status.CONNECTED, "cause": Cause.READY, "detail": {"a": 1}, "phone": "49170"},
    )
    await recorder.flush(5)

    kept = await accounts.get(row.id)
    assert kept is not None
    assert (kept.status, kept.cause, kept.detail) == (Status.CONNECTED, Cause.READY, {"a": 1})
    assert (kept.since, kept.attempt, kept.phone, kept.seq) == (since, 1, "49170", 3)
    assert kept.name == "one"


async def test_a_refused_event_changes_nothing_of_its_account(
    recorder: Recorder, listener: Listener
) -> None:
    row, first = await accounts.create("one")
    recorder.record(first)
    recorder.record(status(row.id, 1, twice=True), {"status": Status.FAILED})
    await recorder.flush(5)

    kept = await accounts.get(row.id)
    assert kept is not None
    assert kept.status is Status.DISCONNECTED
    assert listener.seqs == [1]


async def test_a_transient_event_comes_in_its_turn_and_is_not_kept(
    recorder: Recorder, listener: Listener
) -> None:
    recorder.record(status("a", 1))
    recorder.announce(qr("a"))
    recorder.record(status("a", 2))
    await recorder.flush(5)
    await until(lambda: len(listener.heard) == 3)

    assert listener.seqs == [1, None, 2]
    assert listener.heard[1].id is None
    assert [event.seq for event in (await event_log.page(0, 10)).items] == [1, 2]


async def test_while_the_database_is_away_all_keeps_its_order_and_the_state_says_so(
    recorder: Recorder, listener: Listener, held: HeldDatabase
) -> None:
    held.hold()
    for seq in range(1, 501):
        recorder.record(status("a", seq))
    await until(lambda: not recorder.healthy)

    assert recorder.reason in ("database is locked", "canceling statement due to lock timeout")
    assert recorder.pending == 500
    assert recorder.oldest_pending_seconds > 0
    assert await recorder.flush(0.05) is False

    held.release()

    assert await recorder.flush(10) is True
    assert (recorder.healthy, recorder.pending, recorder.oldest_pending_seconds) == (True, 0, 0)
    await until(lambda: len(listener.heard) == 500)
    assert listener.seqs == list(range(1, 501))


async def test_an_outage_is_logged_once_and_so_is_its_end(
    recorder: Recorder, held: HeldDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "store.events.recorder")
    held.hold()
    recorder.record(status("a", 1))
    assert await recorder.flush(0.3) is False

    held.release()
    await recorder.flush(5)

    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


async def test_recording_returns_at_once_while_the_database_is_away(
    recorder: Recorder, held: HeldDatabase
) -> None:
    held.hold()
    started = time.monotonic()

    for seq in range(1, 1001):
        recorder.record(status("a", seq))

    assert recorder.pending == 1000
    assert time.monotonic() - started < 1


async def test_a_refused_event_does_not_hold_up_the_others(
    recorder: Recorder, listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    recorder.record(status("a", 1))
    recorder.record(status("b", 1))
    recorder.record(status("a", 1, twice=True))
    recorder.record(status("a", 2, data=object()))
    recorder.record(status("b", 2))
    recorder.record(status("a", 2))
    assert await recorder.flush(5)
    await until(lambda: len(listener.heard) == 4)

    assert [(event.account_id, event.seq) for event in listener.heard] == [
        ("a", 1),
        ("b", 1),
        ("b", 2),
        ("a", 2),
    ]
    assert recorder.healthy
    assert recorder.lost == 2
    assert "Event 1 of account a (status) is lost" in caplog.text


async def test_changes_that_cannot_be_kept_do_not_hold_up_the_next(recorder: Recorder) -> None:
    row, first = await accounts.create("one")
    recorder.record(first)
    recorder.record(status(row.id, 2), {"attempt": 2**70})
    recorder.record(status(row.id, 3), {"push_name": "Ann"})
    assert await recorder.flush(5)

    kept = await accounts.get(row.id)
    assert kept is not None
    assert (kept.push_name, kept.seq) == ("Ann", 3)


async def test_what_no_database_can_keep_is_replaced_and_told_as_it_is_kept(
    recorder: Recorder, listener: Listener
) -> None:
    row, first = await accounts.create("nul \0")
    recorder.record(first)
    recorder.record(
        status(row.id, 2, text="\0 and \ud83c", lines=["\udfea", {"k\0": 1}]), {"push_name": "A\0"}
    )
    assert await recorder.flush(5)

    await until(lambda: len(listener.heard) == 2)
    told = listener.heard[1]
    assert told.data == {"text": "\ufffd and \ufffd", "lines": ["\ufffd", {"k\ufffd": 1}]}
    assert (await event_log.page(first.seq or 0, 10, account_ids=(row.id,))).items == [told]
    kept = await accounts.get(row.id)
    assert kept is not None
    assert (kept.name, kept.push_name) == ("nul \ufffd", "A\ufffd")


async def test_a_commit_whose_answer_was_lost_is_recognised(
    recorder: Recorder, listener: Listener
) -> None:
    event = status("a", 1)
    row = await models.Event.create(
        account_id="a", seq=1, type=event.type, at=event.at, data=event.data
    )

    recorder.record(event)
    await recorder.flush(5)
    await until(lambda: listener.heard)

    assert listener.heard == [event.with_id(row.id)]
    assert recorder.lost == 0


async def test_an_answer_after_an_outage_is_its_end_even_if_it_refuses(
    recorder: Recorder, held: HeldDatabase
) -> None:
    recorder.record(status("a", 1))
    await recorder.flush(5)
    held.hold()
    recorder.record(status("a", 1, twice=True))
    await until(lambda: not recorder.healthy)

    held.release()
    await recorder.flush(5)

    assert recorder.healthy


async def test_what_was_recorded_before_the_start_is_written_first(
    bus: Bus, listener: Listener, database: None
) -> None:
    recorder = Recorder(bus)
    recorder.record(status("a", 1))

    await recorder.start()
    recorder.record(status("a", 2))
    assert await recorder.close(5)
    await until(lambda: len(listener.heard) == 2)

    assert listener.seqs == [1, 2]


async def test_closing_says_what_could_not_be_written(
    bus: Bus, held: HeldDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder(bus)
    await recorder.start()
    held.hold()
    recorder.record(status("a", 1))

    assert await recorder.close(0.1) is False

    assert "1 events were not written" in caplog.text


async def test_flushing_does_not_wait_for_what_comes_later(
    recorder: Recorder, held: HeldDatabase
) -> None:
    recorder.record(status("a", 1))
    await recorder.flush(5)
    held.hold()

    assert await recorder.flush(0) is True


async def test_an_event_without_seq_cannot_be_recorded(recorder: Recorder) -> None:
    with pytest.raises(ValueError, match="seq"):
        recorder.record(qr("a"))


async def test_an_event_with_seq_cannot_be_announced(recorder: Recorder) -> None:
    with pytest.raises(ValueError, match="seq"):
        recorder.announce(status("a", 1))


async def test_two_accounts_can_be_loud(surroundings: Surroundings, bus: Bus) -> None:
    async with open_database(surroundings.database_url):
        recorder = Recorder(bus)
        await recorder.start()
        started = time.perf_counter()
        for seq in range(1, 501):
            recorder.record(status("a", seq))
            recorder.record(status("b", seq))
        assert await recorder.close(30)

        seconds = time.perf_counter() - started
        assert len((await event_log.page(0, 2000)).items) == 1000
        sys.stdout.write(f"1,000 events kept in {seconds:.2f} s\n")


async def test_an_event_that_is_refused_for_what_it_changes_is_kept_without_that(
    recorder: Recorder, listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    row, first = await accounts.create("one")
    recorder.record(first)
    unfit = {"phone": "4" * 33, "restarts": "many", "attempt": 2**80}
    for seq in range(2, 7):
        changes: Any = {"status": Status.CONNECTED, "cause": Cause.READY, **unfit}
        recorder.record(status(row.id, seq), changes)
    recorder.record(status(row.id, 7), {"phone": "49170", "attempt": 3})
    assert await recorder.flush(5)

    assert listener.seqs == list(range(1, 8))
    assert [event.seq for event in (await event_log.page(0, 10)).items] == list(range(1, 8))
    kept = await accounts.get(row.id)
    assert kept is not None
    assert (kept.seq, kept.phone, kept.attempt, kept.restarts) == (7, "49170", 3, 0)
    assert recorder.lost == 0
    said = [line for line in caplog.messages if line.startswith("An event is kept without")]
    assert 0 < len(said) <= 3


async def test_a_status_is_kept_although_what_else_the_event_changes_is_refused(
    recorder: Recorder,
) -> None:
    row, first = await accounts.create("one")
    recorder.record(first)
    recorder.record(status(row.id, 2), {"status": Status.CONNECTED, "phone": "4" * 33})
    await recorder.flush(5)

    kept = await accounts.get(row.id)
    assert kept is not None
    assert (kept.status, kept.phone, kept.seq) == (Status.CONNECTED, None, 2)


async def test_a_number_that_json_does_not_have_is_kept_as_nothing(recorder: Recorder) -> None:
    row, first = await accounts.create("one")
    recorder.record(first)
    told = status(row.id, 2, numbers=[float("nan"), float("inf"), {"a": float("-inf")}, 1.5])
    recorder.record(told, {"detail": {"a": float("nan")}})
    await recorder.flush(5)

    found = ((await event_log.page(0, 10)).items)[-1]
    assert found.data["numbers"] == [None, None, {"a": None}, 1.5]
    kept = await accounts.get(row.id)
    assert kept is not None
    assert kept.detail == {"a": None}
