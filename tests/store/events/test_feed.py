"""The feed tells readers everything once, in the log's order, whatever the bus told or forgot."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from store import models
from store.errors import DatabaseAway
from store.events import event_log, retention
from store.events.bus import InProcessBus
from store.events.event_log import Event
from store.events.feed import Feed
from store.events.recorder import Recorder
from store.events.retention import YOUNG, Retention
from store.events.subscription import Subscription
from tests.store.parts import qr, soon, status


@pytest.fixture
def bus() -> InProcessBus:
    """A bus by which a test says what another server tells."""
    return InProcessBus()


@pytest.fixture
async def feed(recorder: Recorder, bus: InProcessBus) -> AsyncIterator[Feed]:
    feed = Feed(bus, poll_seconds=60)
    await feed.start()
    yield feed
    await feed.close()


async def written_elsewhere(account_id: str, seq: int) -> Event:
    """Have another server write an event."""
    event = status(account_id, seq)
    row = await models.Event.create(
        account_id=account_id, seq=seq, type=event.type, at=event.at, data={}
    )
    return event.with_id(row.id)


async def read(reader: Subscription, count: int) -> list[Event]:
    return [await soon(anext(reader)) for _ in range(count)]


def keys(told: Sequence[Event]) -> list[tuple[str, int | None]]:
    return [(event.account_id, event.seq) for event in told]


async def test_a_reader_hears_what_is_recorded(feed: Feed, recorder: Recorder) -> None:
    async with feed.subscribe() as reader:
        recorder.record(status("a", 1))
        recorder.announce(qr("a"))
        recorder.record(status("a", 2))

        heard = await read(reader, 3)

    assert keys(heard) == [("a", 1), ("a", None), ("a", 2)]
    assert [event.id for event in heard] == [1, None, 2]


async def test_what_was_recorded_before_is_not_heard(feed: Feed, recorder: Recorder) -> None:
    recorder.record(status("a", 1))
    assert await recorder.flush(5)

    async with feed.subscribe() as reader:
        recorder.record(status("a", 2))

        assert (await soon(anext(reader))).seq == 2


async def test_another_servers_events_come_in_their_place(
    feed: Feed, recorder: Recorder, bus: InProcessBus
) -> None:
    async with feed.subscribe() as reader:
        recorder.record(status("a", 1))
        assert await recorder.flush(5)
        theirs = await written_elsewhere("b", 1)
        recorder.record(status("a", 2))
        assert await recorder.flush(5)
        # The bus brings the other server's last, as a network may.
        bus.pass_on(theirs, ours=False)

        assert keys(await read(reader, 3)) == [("a", 1), ("b", 1), ("a", 2)]


async def test_an_event_that_the_bus_brings_twice_is_told_once(
    feed: Feed, recorder: Recorder, bus: InProcessBus
) -> None:
    async with feed.subscribe() as reader:
        theirs = await written_elsewhere("b", 1)
        for _ in range(3):
            bus.pass_on(theirs, ours=False)
        first = await read(reader, 1)
        bus.pass_on(theirs, ours=False)
        recorder.record(status("a", 1))

        assert keys(first + await read(reader, 1)) == [("b", 1), ("a", 1)]


async def test_what_the_bus_never_told_is_found_in_the_log(
    recorder: Recorder, bus: InProcessBus
) -> None:
    feed = Feed(bus, poll_seconds=0.02)
    await feed.start()
    async with feed.subscribe() as reader:
        await written_elsewhere("b", 1)
        await written_elsewhere("b", 2)

        assert keys(await read(reader, 2)) == [("b", 1), ("b", 2)]
    await feed.close()


async def test_more_than_a_page_that_the_bus_never_told_is_found(
    recorder: Recorder, bus: InProcessBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.events.feed.PAGE", 3)
    feed = Feed(bus, poll_seconds=0.02)
    await feed.start()
    async with feed.subscribe() as reader:
        for seq in range(1, 11):
            await written_elsewhere("b", seq)

        assert keys(await read(reader, 10)) == [("b", seq) for seq in range(1, 11)]
    await feed.close()


async def test_an_event_of_another_log_is_not_ours(
    feed: Feed, recorder: Recorder, bus: InProcessBus
) -> None:
    """Two installations on one Redis, by mistake: neither hides the other's events."""
    stranger = status("x", 1)
    async with feed.subscribe() as reader:
        bus.pass_on(stranger.with_id(1), ours=False)
        bus.pass_on(stranger.with_id(4711), ours=False)
        recorder.record(status("a", 1))
        recorder.record(status("a", 2))

        assert keys(await read(reader, 2)) == [("a", 1), ("a", 2)]


async def test_a_missing_event_is_told_when_the_database_can_be_read_again(
    feed: Feed, recorder: Recorder, bus: InProcessBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = asyncio.Event()
    really_read = event_log.page

    async def page(event_id: int, limit: int) -> event_log.EventPage:
        if not away.is_set():
            away.set()
            raise DatabaseAway
        return await really_read(event_id, limit)

    monkeypatch.setattr("store.events.feed.RETRY_SECONDS", 0.01)
    monkeypatch.setattr("store.events.feed.event_log.page", page)
    async with feed.subscribe() as reader:
        bus.pass_on(await written_elsewhere("b", 1), ours=False)
        await away.wait()

        assert keys(await read(reader, 1)) == [("b", 1)]


@pytest.mark.parametrize("kept", [0, 1])
async def test_a_log_that_is_trimmed_before_it_was_told_ends_its_readers_and_then_goes_on(
    feed: Feed, recorder: Recorder, bus: InProcessBus, kept: int
) -> None:
    readers = [feed.subscribe(), feed.subscribe(types=["message"])]
    bus.publish(qr("a"))
    last = [await written_elsewhere("b", seq) for seq in (1, 2, 3)][-1]
    await retention.trim(Retention(max_count=kept), last.at + 2 * YOUNG)

    bus.pass_on(last, ours=False)

    assert keys(await read(readers[0], 1)) == [("a", None)]
    for reader in readers:
        with pytest.raises(DatabaseAway, match="trimmed"):
            await soon(anext(reader))
    async with feed.subscribe() as back:
        bus.pass_on(last, ours=False)
        recorder.record(status("a", 1))
        assert keys(await read(back, 1)) == [("a", 1)]


async def test_a_log_that_is_trimmed_no_further_than_it_was_told_ends_no_reader(
    feed: Feed, recorder: Recorder, bus: InProcessBus
) -> None:
    async with feed.subscribe() as reader:
        recorder.record(status("a", 1))
        told = await read(reader, 1)
        await retention.trim(Retention(max_count=0), told[0].at + 2 * YOUNG)
        bus.pass_on(await written_elsewhere("b", 1), ours=False)

        assert keys(await read(reader, 1)) == [("b", 1)]


async def test_a_reader_hears_only_the_accounts_and_types_it_asked_for(
    feed: Feed, bus: InProcessBus
) -> None:
    async with feed.subscribe(accounts=["a", "b"], types=["status"]) as reader:
        bus.publish(qr("a"))
        bus.publish(status("c", 1).with_id(1))
        bus.publish(status("b", 1).with_id(2))

        assert keys(await read(reader, 1)) == [("b", 1)]


async def test_a_slow_reader_is_cut_off_and_harms_nobody(feed: Feed, bus: InProcessBus) -> None:
    slow, other = feed.subscribe(max_queue=2), feed.subscribe()

    for seq in (1, 2, 3, 4):
        bus.publish(status("a", seq).with_id(seq))

    assert slow.overflowed
    assert [event async for event in slow] == []
    assert keys(await read(other, 4)) == [("a", 1), ("a", 2), ("a", 3), ("a", 4)]


async def test_a_reader_in_time_is_not_cut_off(feed: Feed, bus: InProcessBus) -> None:
    async with feed.subscribe(max_queue=2) as reader:
        for seq in range(1, 10):
            bus.publish(status("a", seq).with_id(seq))
            assert (await soon(anext(reader))).seq == seq

        assert not reader.overflowed


async def test_a_closed_subscription_ends_after_what_is_already_here(
    feed: Feed, bus: InProcessBus
) -> None:
    reader = feed.subscribe()
    bus.publish(qr("a"))

    reader.close()
    bus.publish(qr("b"))

    assert [event.account_id async for event in reader] == ["a"]
    assert not reader.overflowed


async def test_closing_the_feed_ends_who_waits(feed: Feed) -> None:
    reader = feed.subscribe()
    waiting = asyncio.ensure_future(anext(reader, None))
    await asyncio.sleep(0)

    await feed.close()

    async with asyncio.timeout(5):
        assert await waiting is None


async def test_waiting_can_be_given_up_without_losing_anything(
    feed: Feed, bus: InProcessBus
) -> None:
    async with feed.subscribe() as reader:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(reader), 0.01)
        bus.publish(qr("a"))

        assert (await soon(anext(reader))).account_id == "a"


async def test_a_reader_for_whom_too_much_memory_waits_is_cut_off(
    feed: Feed, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.events.subscription.MAX_BYTES", 100_000)
    slow, quick = feed.subscribe(), feed.subscribe()
    for seq in range(1, 11):
        recorder.record(status("a", seq, text="x" * 20_000))
        await read(quick, 1)

    assert slow.overflowed
    with pytest.raises(StopAsyncIteration):
        await anext(slow)
    assert not quick.overflowed
    quick.close()


async def test_one_event_however_long_reaches_its_reader(
    feed: Feed, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.events.subscription.MAX_BYTES", 1000)
    async with feed.subscribe() as reader:
        recorder.record(status("a", 1, text="x" * 20_000))
        assert keys(await read(reader, 1)) == [("a", 1)]
