"""What tests of every part may need: servers of our own, started for one test."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from simulator.server import Simulator
from simulator.settings import SimulatorSettings
from tests.harness import Phones, ServerProcess
from tests.redis_server import RedisServer


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A redis-server that runs, and that the test may stop and start again."""
    folder = tmp_path / "redis"
    folder.mkdir()
    server = RedisServer(folder)
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(SimulatorSettings()) as running:
        yield running


@pytest.fixture
async def phones(simulator: Simulator) -> AsyncIterator[Phones]:
    found = Phones(simulator.url)
    yield found
    await found.close()


@pytest.fixture
async def server(simulator: Simulator, tmp_path: Path) -> AsyncIterator[ServerProcess]:
    """A running server; whatever a test does with it, no browser may be left in the end."""
    running = ServerProcess(tmp_path, simulator.url)
    await running.start()
    yield running
    await running.close()
    await running.no_chromium_is_left()
