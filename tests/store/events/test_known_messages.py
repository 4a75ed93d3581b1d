"""What the log says about the messages that an account has heard, by WhatsApp's clock."""

from datetime import UTC, datetime, timedelta
from typing import cast

from store import accounts
from store.accounts import LINKING, AccountChanges
from store.events.event_log import Event, timestamp
from store.events.known_messages import READ_AT_ONCE, KnownMessages, read
from store.events.recorder import Recorder
from tests.store.parts import status

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WRONG = datetime(2020, 1, 1, tzinfo=UTC)
"""What the host's clock said when the events were recorded."""


def seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def message(seq: int, sent_at: datetime, account_id: str = "ada") -> Event:
    data = {"id": f"message-{seq}", "sentAt": timestamp(sent_at)}
    return Event("message", account_id, WRONG, data, seq=seq)


async def record(recorder: Recorder, *events: Event) -> None:
    for event in events:
        recorder.record(event)
    assert await recorder.flush(5)


async def test_an_account_without_messages_has_heard_nothing(recorder: Recorder) -> None:
    await record(recorder, status("ada", 1))

    assert await read("ada", MINUTE, 10) == KnownMessages()


async def test_an_account_has_heard_what_was_sent_until_its_newest_message(
    recorder: Recorder,
) -> None:
    await record(
        recorder,
        message(1, NOON + 2 * MINUTE),
        message(2, NOON),
        message(3, NOON + MINUTE),
        status("ada", 4),
    )

    found = await read("ada", MINUTE, 10)

    assert found.heard_until == NOON + 2 * MINUTE
    assert found.ids == ("message-1", "message-3")


async def test_only_the_newest_messages_of_the_account_are_returned(recorder: Recorder) -> None:
    await record(
        recorder,
        *(message(seq, NOON + seq * MINUTE) for seq in range(1, 6)),
        message(1, NOON + 9 * MINUTE, "bob"),
    )

    assert (await read("ada", 10 * MINUTE, 2)).ids == ("message-4", "message-5")


async def test_as_many_messages_are_read_as_were_sent_lately(recorder: Recorder) -> None:
    lately = 2 * READ_AT_ONCE + 1
    await record(
        recorder,
        *(message(seq, NOON - MINUTE * 5) for seq in range(1, 10)),
        *(message(seq, NOON) for seq in range(10, 10 + lately)),
    )

    assert len((await read("ada", MINUTE, 5_000)).ids) == lately


async def account(recorder: Recorder, **changes: int) -> str:
    row, event = await accounts.create("Support")
    recorder.record(event, cast("AccountChanges", changes))
    assert await recorder.flush(5)
    return row.id


async def test_the_end_of_the_history_is_that_of_the_account(recorder: Recorder) -> None:
    account_id = await account(recorder, history_until=seconds(NOON))

    assert (await read(account_id, MINUTE, 10)).history_until == NOON


async def test_what_was_heard_and_is_trimmed_from_the_log_is_history(recorder: Recorder) -> None:
    account_id = await account(
        recorder, history_until=seconds(NOON), heard_until=seconds(NOON + MINUTE)
    )

    assert await read(account_id, MINUTE, 10) == KnownMessages(history_until=NOON + MINUTE)


async def test_what_was_heard_before_a_phone_linked_the_device_says_nothing_of_news(
    recorder: Recorder,
) -> None:
    account_id = await account(recorder, history_until=LINKING)
    await record(recorder, message(2, NOON, account_id))

    assert await read(account_id, MINUTE, 10) == KnownMessages(("message-2",), linking=True)
