"""Fixtures for tests against a real server process."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from simulator.server import Simulator
from simulator.settings import SimulatorSettings
from tests.harness import Phones, ServerProcess


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
