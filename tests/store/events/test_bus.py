"""What every bus promises to who listens in its own process."""

from collections.abc import AsyncIterator

import pytest

from store.events.bus import Bus, InProcessBus, RedisBus
from tests.redis_server import RedisServer
from tests.store.parts import Listener, qr, status, until


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


async def test_what_was_published_before_is_not_heard(bus: Bus) -> None:
    bus.publish(status("a", 1))
    listener = Listener(bus)

    bus.publish(status("a", 2))

    await until(lambda: listener.heard)
    assert listener.seqs == [2]


async def test_a_closed_bus_tells_nothing(bus: Bus, listener: Listener) -> None:
    await bus.close()

    bus.publish(status("a", 1))

    assert listener.heard == []


async def test_a_listener_knows_our_own_events(bus: Bus, listener: Listener) -> None:
    bus.publish(status("a", 1))

    await until(lambda: listener.heard)
    assert listener.ours == [True]


async def test_a_bus_that_is_there_says_so(bus: Bus) -> None:
    assert bus.state.ok
    assert bus.state.reason is None
