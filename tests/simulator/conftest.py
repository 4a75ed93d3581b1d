"""What the simulator's tests share: a running simulator, its phones and its faults."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest

from simulator.server import Simulator
from simulator.settings import SimulatorSettings
from tests.simulator.clients import Api, Faults, PageClient, Phone
from tests.simulator.libraries import WaJs

ALICE = "491700000001"
BOB = "491700000002"
FRESH_PROFILE = "profile"


@pytest.fixture
def settings() -> SimulatorSettings:
    """Overridden where a test needs other times, or TLS."""
    return SimulatorSettings(sync_seconds=0.0)


@pytest.fixture
async def simulator(settings: SimulatorSettings) -> AsyncIterator[Simulator]:
    async with Simulator(settings) as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    # the simulator signs its certificate itself
    connector = aiohttp.TCPConnector(ssl=False)
    async with aiohttp.ClientSession(connector=connector) as session:
        yield session


@pytest.fixture
def alice(simulator: Simulator, http: aiohttp.ClientSession) -> Phone:
    return Phone(http, simulator.url, ALICE)


@pytest.fixture
def bob(simulator: Simulator, http: aiohttp.ClientSession) -> Phone:
    return Phone(http, simulator.url, BOB)


@pytest.fixture
def phones(simulator: Simulator, http: aiohttp.ClientSession) -> Api:
    return Api(http, f"{simulator.url}/sim/phones")


@pytest.fixture
def faults(simulator: Simulator, http: aiohttp.ClientSession) -> Faults:
    return Faults(http, simulator.url)


@pytest.fixture
def open_page(simulator: Simulator, http: aiohttp.ClientSession) -> Callable[[], PageClient]:
    return lambda: PageClient(http, simulator.url)


@pytest.fixture
async def page(simulator: Simulator, tmp_path: Path) -> AsyncIterator[WaJs]:
    async with WaJs(tmp_path / FRESH_PROFILE, simulator.url) as opened:
        yield opened
