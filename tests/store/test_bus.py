"""What every bus promises to who listens in its own process."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from store.bus import Bus, InProcessBus, RedisBus
from tests.redis_server import RedisServer
from tests.store.parts import Listener, qr, soon, status, until


@pytest.fixture(params=["in process", "redis"])
async def bus(request: pytest.FixtureRequest) -> AsyncIterator[Bus]:
    bus: Bus
    if request.param == "redis":
        server: RedisServer = request.getfixturevalue("redis_server")
        bus = RedisBus(server.url)
    else:
        bus = InProcessBus()
    await bus.start()
    yield bus
    await bus.close()


async def test_a_listener_hears_everything_once_and_in_its_order(
    bus: Bus, listener: Listener
) -> None:
    told = [
        status("a", 1).with_id(1),
        qr("a"),
        status("b", 1).with_id(2),
        status("a", 2).with_id(3),
    ]

    for event in told:
        bus.publish(event)
    bus.publish(last := status("z", 1))
    await until(lambda: last in listener.heard)

    assert listener.heard == [*told, last]


async def test_a_listener_hears_only_the_accounts_and_types_it_asked_for(bus: Bus) -> None:
    async with bus.subscribe(accounts=["a", "b"], types=["status"]) as subscription:
        bus.publish(qr("a"))
        bus.publish(status("c", 1))
        bus.publish(status("b", 1))

        heard = await soon(anext(subscription))

    assert heard.account_id == "b"


async def test_what_was_published_before_is_not_heard(bus: Bus) -> None:
    bus.publish(status("a", 1))

    async with bus.subscribe() as subscription:
        bus.publish(status("a", 2))

        assert (await soon(anext(subscription))).seq == 2


async def test_a_slow_reader_is_cut_off_and_harms_nobody(bus: Bus, listener: Listener) -> None:
    slow = bus.subscribe(max_queue=2)

    for seq in (1, 2, 3, 4):
        bus.publish(status("a", seq))
    await until(lambda: len(listener.heard) == 4)

    assert slow.overflowed
    assert [event async for event in slow] == []
    assert listener.seqs == [1, 2, 3, 4]


async def test_a_reader_in_time_is_not_cut_off(bus: Bus) -> None:
    async with bus.subscribe(max_queue=2) as subscription:
        for seq in range(1, 10):
            bus.publish(status("a", seq))
            assert (await soon(anext(subscription))).seq == seq

        assert not subscription.overflowed


async def test_a_closed_subscription_ends_after_what_is_already_here(bus: Bus) -> None:
    subscription = bus.subscribe()
    bus.publish(status("a", 1))

    subscription.close()
    bus.publish(status("a", 2))

    assert [event.seq async for event in subscription] == [1]
    assert not subscription.overflowed


async def test_closing_the_bus_ends_who_waits(bus: Bus) -> None:
    subscription = bus.subscribe()
    waiting = asyncio.ensure_future(anext(subscription, None))
    await asyncio.sleep(0)

    await bus.close()

    async with asyncio.timeout(5):
        assert await waiting is None


async def test_waiting_can_be_given_up_without_losing_anything(bus: Bus) -> None:
    async with bus.subscribe() as subscription:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(subscription), 0.01)
        bus.publish(status("a", 1))

        assert (await soon(anext(subscription))).seq == 1


async def test_a_bus_that_is_there_says_so(bus: Bus) -> None:
    assert bus.state.ok
    assert bus.state.reason is None
