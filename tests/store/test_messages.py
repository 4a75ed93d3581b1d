"""What the log says about the messages that an account has heard."""

from datetime import UTC, datetime, timedelta

import pytest

from store.events import Event
from store.messages import heard
from store.recorder import Recorder

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def message(seq: int, at: datetime, account_id: str = "ada") -> Event:
    return Event("message", account_id, at, {"id": f"message-{seq}"}, seq=seq)


def status(
    seq: int, at: datetime, status: str, previous: str | None = None, cause: str = "ready"
) -> Event:
    data = {"status": status, "previous": previous, "cause": cause}
    return Event("status", "ada", at, data, seq=seq)


async def record(recorder: Recorder, *events: Event) -> None:
    for event in events:
        recorder.record(event)
    assert await recorder.flush(5)


@pytest.mark.parametrize("past", [[], [status(1, NOON, "CONNECTING")]])
async def test_an_account_that_was_never_connected_has_heard_nothing(
    recorder: Recorder, past: list[Event]
) -> None:
    await record(recorder, *past)

    assert (await heard("ada", MINUTE, 10)).ids == ()
    assert (await heard("ada", MINUTE, 10)).until is None


async def test_an_account_listened_until_its_last_message(recorder: Recorder) -> None:
    await record(
        recorder,
        status(1, NOON, "CONNECTED"),
        message(2, NOON + MINUTE),
        message(3, NOON + 2 * MINUTE),
        status(4, NOON + 9 * MINUTE, "CONNECTING", "DISCONNECTED"),
    )

    found = await heard("ada", MINUTE, 10)

    assert found.until == NOON + 2 * MINUTE
    assert found.ids == ("message-2", "message-3")


async def test_the_restore_after_a_crash_is_no_moment_of_listening(recorder: Recorder) -> None:
    await record(
        recorder,
        status(1, NOON, "CONNECTED"),
        message(2, NOON + MINUTE),
        status(3, NOON + 60 * MINUTE, "CONNECTING", "CONNECTED", "restore"),
    )

    found = await heard("ada", MINUTE, 10)

    assert found.until == NOON + MINUTE
    assert found.ids == ("message-2",)


async def test_with_nothing_else_in_the_log_a_restore_has_to_do(recorder: Recorder) -> None:
    await record(recorder, status(1, NOON, "CONNECTING", "CONNECTED", "restore"))

    assert (await heard("ada", MINUTE, 10)).until == NOON


async def test_an_account_listened_until_it_was_no_longer_connected(recorder: Recorder) -> None:
    await record(
        recorder,
        status(1, NOON, "CONNECTED"),
        message(2, NOON),
        status(3, NOON + 5 * MINUTE, "DISCONNECTED", "CONNECTED"),
    )

    found = await heard("ada", MINUTE, 10)

    assert found.until == NOON + 5 * MINUTE
    assert found.ids == ()


async def test_only_the_newest_messages_of_the_account_are_returned(recorder: Recorder) -> None:
    await record(
        recorder,
        *(message(seq, NOON + seq * MINUTE) for seq in range(1, 6)),
        message(1, NOON + 9 * MINUTE, "bob"),
    )

    assert (await heard("ada", 10 * MINUTE, 2)).ids == ("message-4", "message-5")
