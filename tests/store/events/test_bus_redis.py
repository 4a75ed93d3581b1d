"""Over Redis events reach other servers and consumers, and Redis may come and go."""

import asyncio
import itertools
import json
import logging
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from redis.asyncio import Redis

from store.events import bus as bus_module
from store.events.bus import RedisBus
from tests.redis_server import RedisServer
from tests.store.parts import Listener, qr, status, until

StartBus = Callable[[], Awaitable[RedisBus]]


@pytest.fixture(autouse=True)
def _impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus_module, "FIRST_RETRY", 0.01)
    monkeypatch.setattr(bus_module, "LONGEST_RETRY", 0.05)


@pytest.fixture
async def start_bus(redis_server: RedisServer) -> AsyncIterator[StartBus]:
    """Start a server's bus; call it again for another server's."""
    started: list[RedisBus] = []

    async def start() -> RedisBus:
        bus = RedisBus(redis_server.url)
        started.append(bus)
        await bus.start()
        return bus

    yield start
    for bus in started:
        await bus.close()


async def test_another_servers_listeners_hear_everything_in_its_order(start_bus: StartBus) -> None:
    ours, theirs = await start_bus(), await start_bus()
    listener = Listener(theirs)
    told = [status("a", seq, n=seq).with_id(seq + 10) for seq in range(1, 1201)]

    for event in told:
        ours.publish(event)
    await until(lambda: len(listener.heard) == len(told))

    assert [event.as_json() for event in listener.heard] == [event.as_json() for event in told]


async def test_our_own_events_are_heard_once(start_bus: StartBus) -> None:
    ours, theirs = await start_bus(), await start_bus()
    listener = Listener(ours)

    ours.publish(status("a", 1).with_id(1))
    theirs.publish(status("b", 1).with_id(2))
    await until(lambda: len(listener.heard) == 2)

    # What comes back from Redis comes in the order of publication, so our own is here by now.
    assert [event.account_id for event in listener.heard] == ["a", "b"]
    assert listener.ours == [True, False]


async def test_what_was_published_is_not_held_in_memory(start_bus: StartBus) -> None:
    bus = await start_bus()
    tracemalloc.start()
    try:
        for seq in range(1, 51):
            bus.publish(status("a", seq, text="x" * 1_000_000).with_id(seq))
            await until(lambda: bus.state.waiting == 0)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert held < 20_000_000


async def test_a_consumer_gets_the_events_json_on_a_channel_of_its_type_and_account(
    start_bus: StartBus, redis_server: RedisServer
) -> None:
    bus = await start_bus()
    event = status("6f1c", 17, status="CONNECTED").with_id(1043)
    async with Redis.from_url(redis_server.url) as client, client.pubsub() as channels:
        await channels.psubscribe("wa:status:*")
        await channels.get_message(timeout=5)

        bus.publish(event)
        message = await channels.get_message(timeout=5)

    assert message is not None
    assert message["channel"] == b"wa:status:6f1c"
    assert json.loads(message["data"]) == event.as_json()


async def test_without_redis_a_start_goes_on_and_listeners_here_hear_everything(
    start_bus: StartBus, redis_server: RedisServer
) -> None:
    redis_server.stop()
    bus = await start_bus()
    listener = Listener(bus)

    bus.publish(status("a", 1))
    bus.publish(qr("a"))
    await until(lambda: len(listener.heard) == 2)

    assert not bus.state.ok
    assert bus.state.reason is not None
    assert "connect" in bus.state.reason.lower()


async def test_what_was_recorded_without_redis_is_published_when_it_takes_it(
    start_bus: StartBus, redis_server: RedisServer
) -> None:
    redis_server.stop()
    ours, theirs = await start_bus(), await start_bus()
    listener = Listener(theirs)
    for seq in (1, 2, 3):
        ours.publish(status("a", seq))
        ours.publish(qr("a"))

    # Nobody may publish before the other server listens again: Redis keeps nothing for it.
    redis_server.start(mute=True)
    await until(lambda: theirs.state.ok and not ours.state.ok)
    redis_server.unmute()
    await until(lambda: ours.state.ok and len(listener.heard) == 3)

    assert listener.seqs == [1, 2, 3]


async def test_after_an_outage_servers_hear_each_other_again(
    start_bus: StartBus, redis_server: RedisServer
) -> None:
    ours, theirs = await start_bus(), await start_bus()
    listener = Listener(theirs)
    ours.publish(status("a", 1))
    await until(lambda: len(listener.heard) == 1)

    redis_server.stop()
    await until(lambda: not ours.state.ok and not theirs.state.ok)
    redis_server.start()
    await until(lambda: ours.state.ok and theirs.state.ok)
    ours.publish(status("a", 2))
    await until(lambda: len(listener.heard) == 2)

    assert listener.seqs == [1, 2]


async def test_a_redis_that_keeps_silent_is_noticed(
    start_bus: StartBus, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_module, "ANSWER_SECONDS", 0.2)
    bus = await start_bus()
    assert bus.state.ok

    redis_server.freeze()

    await until(lambda: not bus.state.ok)


async def test_a_redis_with_nothing_to_say_is_not_taken_for_away(
    start_bus: StartBus,
    redis_server: RedisServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(bus_module, "ANSWER_SECONDS", 0.2)
    bus = await start_bus()
    asked = redis_server.pings

    await until(lambda: redis_server.pings >= asked + 3)

    assert bus.state.ok
    assert caplog.records == []


async def test_a_refusal_by_redis_is_told_without_what_was_to_be_published(
    start_bus: StartBus, redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    redis_server.stop()
    bus = await start_bus()
    bus.publish(status("a", 1, text="a secret"))

    redis_server.start(mute=True)
    await until(lambda: "publish" in (bus.state.reason or ""))

    assert "secret" not in caplog.text + str(bus.state.reason)


async def test_an_outage_is_logged_once_and_so_is_its_end(
    start_bus: StartBus, redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "store.events.bus")
    bus = await start_bus()
    caplog.clear()

    redis_server.stop()
    for seq in range(1, 20):
        bus.publish(status("a", seq))
        await asyncio.sleep(0.01)
    redis_server.start()
    await until(lambda: bus.state.ok)

    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


async def test_the_events_that_wait_for_redis_are_bounded(
    start_bus: StartBus, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_module, "OUTBOX", 250_000)
    redis_server.stop()
    ours, theirs = await start_bus(), await start_bus()
    listener = Listener(theirs)
    for seq in (1, 2, 3, 4):
        ours.publish(status("a", seq, text="x" * 100_000))

    redis_server.start(mute=True)
    await until(lambda: theirs.state.ok)
    redis_server.unmute()
    await until(lambda: len(listener.heard) == 2)

    assert listener.seqs == [3, 4]
    assert ours.state.dropped == 2


async def test_there_is_room_again_when_redis_has_taken_events(
    start_bus: StartBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_module, "OUTBOX", 250_000)
    bus = await start_bus()
    for seq in range(1, 11, 2):
        bus.publish(status("a", seq, text="x" * 100_000))
        bus.publish(status("a", seq + 1, text="x" * 100_000))
        await until(lambda: bus.state.waiting == 0)

    assert bus.state.dropped == 0


@pytest.mark.parametrize("length", [0, 100, 10_000])
async def test_what_waits_for_redis_takes_no_more_memory_than_it_may(
    start_bus: StartBus, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    monkeypatch.setattr(bus_module, "OUTBOX", 1_000_000)
    redis_server.stop()
    bus = await start_bus()
    seqs = itertools.count(1)
    tracemalloc.start()
    try:
        while not bus.state.dropped:
            bus.publish(status("a", next(seqs), text="😀" * length))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert 800_000 < held <= 1_050_000


async def test_a_stop_ends_also_when_the_client_puts_an_error_in_its_place(
    start_bus: StartBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lose_the_connection(_: RedisBus) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ConnectionError("lost while it was closed") from None

    monkeypatch.setattr(RedisBus, "_listen", lose_the_connection)
    monkeypatch.setattr(bus_module, "START_SECONDS", 0.01)
    bus = await start_bus()

    await asyncio.wait_for(bus.close(), 5)


async def test_a_stop_lets_redis_take_what_is_left(
    start_bus: StartBus, caplog: pytest.LogCaptureFixture
) -> None:
    ours, theirs = await start_bus(), await start_bus()
    listener = Listener(theirs)

    for seq in range(1, 1001):
        ours.publish(status("a", seq))
    await ours.close()
    await until(lambda: len(listener.heard) == 1000)

    assert listener.seqs == list(range(1, 1001))
    assert caplog.records == []


async def test_a_stop_does_not_wait_for_a_redis_that_is_away(
    start_bus: StartBus, redis_server: RedisServer
) -> None:
    bus = await start_bus()
    redis_server.stop()
    await until(lambda: not bus.state.ok)
    bus.publish(status("a", 1))

    async with asyncio.timeout(0.5):
        await bus.close()


async def test_a_stop_says_what_a_redis_that_is_away_will_never_get(
    start_bus: StartBus,
    redis_server: RedisServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(bus_module, "OUTBOX", 250_000)
    redis_server.stop()
    bus = await start_bus()
    for seq in (1, 2, 3):
        bus.publish(status("a", seq, text="x" * 100_000))
    caplog.clear()

    await bus.close()

    (said,) = caplog.records
    assert said.levelname == "WARNING"
    assert "3 recorded events" in said.message
    assert str(bus.state.reason) in said.message


@pytest.mark.parametrize("payload", ["", "{", "[]", "{}", b"\xff"])
async def test_what_is_no_event_on_our_channels_is_passed_over(
    start_bus: StartBus, redis_server: RedisServer, payload: str | bytes
) -> None:
    ours, theirs = await start_bus(), await start_bus()
    listener = Listener(ours)
    async with Redis.from_url(redis_server.url) as client:
        await client.publish("wa:status:a", payload)

    theirs.publish(status("a", 1))
    await until(lambda: listener.heard)

    assert listener.seqs == [1]
    assert ours.state.ok


async def test_servers_with_another_prefix_do_not_hear_each_other(
    start_bus: StartBus, redis_server: RedisServer
) -> None:
    ours = await start_bus()
    other = RedisBus(redis_server.url, prefix="other")
    await other.start()
    listener = Listener(ours)

    other.publish(status("b", 1))
    await other.close()
    (await start_bus()).publish(status("a", 1))
    await until(lambda: listener.heard)

    assert [event.account_id for event in listener.heard] == ["a"]


@pytest.mark.parametrize("url", ["", "localhost:6379", "http://localhost"])
async def test_an_address_that_is_not_redis_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="scheme"):
        RedisBus(url)


@pytest.mark.parametrize("prefix", ["", "w*", "w a", "[wa]", "wa?"])
async def test_a_prefix_with_a_meaning_to_redis_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="prefix"):
        RedisBus("redis://localhost", prefix)
