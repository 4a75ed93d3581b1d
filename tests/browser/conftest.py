"""What the browser's tests share: a simulator with phones and faults, and runs to watch."""

import gc
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from actors.browser.config import BrowserConfig
from actors.browser.reports import Closed
from simulator.server import Simulator
from simulator.settings import SimulatorSettings
from store.events.known_messages import KnownMessages
from tests.browser.watched import SERVER, Faults, Phone, Start, WatchedRun, processes

NOTHING = KnownMessages()


@pytest.fixture
def settings() -> SimulatorSettings:
    """The simulator's times; a test module overrides it for shorter ones."""
    return SimulatorSettings()


@pytest.fixture
async def simulator(settings: SimulatorSettings) -> AsyncIterator[Simulator]:
    async with Simulator(settings) as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def phone(simulator: Simulator, http: aiohttp.ClientSession) -> Callable[[str], Phone]:
    return lambda number: Phone(http, simulator.url, number)


@pytest.fixture
def faults(simulator: Simulator, http: aiohttp.ClientSession) -> Faults:
    return Faults(http, simulator.url)


@pytest.fixture
def config(simulator: Simulator, tmp_path: Path) -> BrowserConfig:
    times = simulator.settings
    return BrowserConfig(
        profiles_dir=tmp_path / "profiles",
        server_id=SERVER,
        web_url=f"{simulator.url}/",
        qr_first_seconds=times.qr_first_seconds,
        qr_next_seconds=times.qr_next_seconds,
        qr_codes=times.qr_codes,
        # A fresh login would be held back for a second in every test.
        durable_seconds=0.0,
    )


@pytest.fixture
async def start(config: BrowserConfig, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Start]:
    """Starts runs, and shows at the end that each said Closed last and left nothing behind."""
    runs: list[WatchedRun] = []

    def start_run(
        account_id: str = "account", known: KnownMessages = NOTHING, **changes: Any
    ) -> WatchedRun:
        run = WatchedRun(account_id, replace(config, **changes), known)
        runs.append(run)
        return run

    yield start_run
    for run in runs:
        await run.close()
    for run in runs:
        assert [type(report) for report in run.reports].index(Closed) == len(run.reports) - 1
        assert processes(run.account_id) == []
    gc.collect()
    # Such as a task whose failure nobody looked at.
    assert [record for record in caplog.records if record.name == "asyncio"] == []
