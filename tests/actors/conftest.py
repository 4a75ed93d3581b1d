"""Actors on a real store, with browsers that are told what to report."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from actors.account.context import Deadlines
from actors.account.restarts import RestartPolicy
from actors.browser.config import BrowserConfig
from actors.browser.reports import Authenticated, QrShown, Ready
from actors.config import ManagerConfig
from actors.leases.policy import LeaseTerms
from store.database.opening import open_database
from store.events import event_log
from store.events.bus import Bus
from store.events.recorder import Recorder
from store.status import Status
from tests.surroundings import Surroundings
from tests.told import ToldManager, ToldRun, until

READY = Ready("491700000001", "Support", "2.3000.1")
TERMS = LeaseTerms(seconds=1.5, margin=0.5)
QUICK = RestartPolicy(first_delay=0.01, max_delay=0.02, lock_delay=0.01)


def qr(number: int = 1) -> QrShown:
    return QrShown(f"2@code-{number}", number, 6, datetime.now(UTC) + timedelta(seconds=60))


@dataclass
class Stage:
    """A manager with told browsers, and eyes on what it recorded."""

    manager: ToldManager
    recorder: Recorder
    ids: list[str] = field(default_factory=list)

    async def create(self) -> str:
        row = await self.manager.create("Support")
        await until(lambda: self.manager.view(row.id))
        return row.id

    async def start(self, account_id: str) -> ToldRun:
        """Connect an account and give the run that this starts."""
        await self.manager.connect(account_id)
        return await self.run(account_id)

    async def linked(self) -> tuple[str, ToldRun]:
        """Have an account linked and CONNECTED, and give its run."""
        account_id = await self.create()
        run = await self.start(account_id)
        run.report(Authenticated(fresh=True))
        run.report(READY)
        await self.reaches(account_id, Status.CONNECTED)
        return account_id, run

    async def run(self, account_id: str, after: ToldRun | None = None) -> ToldRun:
        """Return the account's run, a later one than `after`."""
        await until(lambda: self.manager.runs.get(account_id) not in (None, after))
        return self.manager.runs[account_id]

    async def reaches(self, account_id: str, status: Status) -> None:
        await until(lambda: self.status(account_id) is status)

    def status(self, account_id: str) -> Status:
        view = self.manager.view(account_id)
        assert view is not None
        return view.status

    async def waits(self, account_id: str, place: int, waits_for: str) -> None:
        """Wait until an account is shown in this place of the start queue."""
        detail = {"place": place, "waitsFor": waits_for}
        await until(lambda: (v := self.manager.view(account_id)) and v.detail == detail)

    async def tells(self, account_id: str, *causes: str) -> None:
        """Wait until what was recorded of an account ends with these causes."""
        async with asyncio.timeout(10):
            while tuple((await self.causes(account_id))[-len(causes) :]) != causes:
                await asyncio.sleep(0.005)

    async def causes(self, account_id: str) -> list[str]:
        """Return the causes of all that was recorded of an account."""
        assert await self.recorder.flush(5)
        log = (await event_log.page(0, 500, account_ids=(account_id,))).items
        assert [event.seq for event in log] == list(range(1, len(log) + 1))
        return [event.data["cause"] for event in log if event.type == "status"]


Start = Callable[..., Awaitable[Stage]]


class Servers:
    """Managers on one database, each with a recorder of its own."""

    def __init__(self, config: ManagerConfig, bus: Bus, opened: AsyncExitStack) -> None:
        self._config = config
        self._bus = bus
        self._opened = opened

    async def start(
        self, data: Path | None = None, terms: LeaseTerms = TERMS, **changes: Any
    ) -> Stage:
        """Start one more, on the same data directory unless another is given.

        Args:
            data: Its data directory.
            terms: How long its leases last.
            changes: What else is different in its configuration.
        """
        config = replace(self._config, leases=terms, **changes)
        if data is not None:
            config = replace(
                config, browser=replace(config.browser, profiles_dir=data / "profiles")
            )
        recorder = Recorder(self._bus, first_retry=0.01, longest_retry=0.05)
        await recorder.start()
        self._opened.push_async_callback(recorder.close, 5)
        manager = ToldManager(config, recorder)
        await manager.start()
        self._opened.push_async_callback(manager.stop, 5)
        return Stage(manager, recorder)


@pytest.fixture
def config(tmp_path: Path) -> ManagerConfig:
    browser = BrowserConfig(profiles_dir=tmp_path / "profiles", server_id="test")
    return ManagerConfig(browser, policy=QUICK, deadlines=Deadlines())


@pytest.fixture
async def recorder(surroundings: Surroundings, bus: Bus) -> AsyncIterator[Recorder]:
    async with open_database(surroundings.database_url):
        recorder = Recorder(bus)
        await recorder.start()
        yield recorder
        await recorder.close(5)


@pytest.fixture
async def start(config: ManagerConfig, recorder: Recorder) -> AsyncIterator[Start]:
    """Start a manager, with changes to its configuration."""
    stages: list[Stage] = []

    async def start(**changes: Any) -> Stage:
        manager = ToldManager(replace(config, **changes), recorder)
        await manager.start()
        stages.append(Stage(manager, recorder))
        return stages[-1]

    yield start
    for stage in stages:
        await stage.manager.stop(5)


@pytest.fixture
async def stage(start: Start) -> Stage:
    return await start()


@pytest.fixture
async def servers(config: ManagerConfig, recorder: Recorder, bus: Bus) -> AsyncIterator[Servers]:
    async with AsyncExitStack() as opened:
        yield Servers(config, bus, opened)
