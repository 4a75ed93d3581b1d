"""The client of a server whose browsers are told what to report, and who tells them."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from aiohttp import web
from aiohttp.test_utils import TestClient

from actors.browser.reports import Authenticated, QrShown, Ready
from api.app_keys import BUS, MANAGER, RECORDER
from api.lifetime import LIFETIME
from api.streams.clients import CLIENTS
from store import models
from store.database.opening import transaction
from store.events import event_log, retention
from store.events.event_log import Event
from store.events.retention import Retention
from store.status import Cause, Status
from tests.told import ToldManager, ToldRun, until

T = TypeVar("T")

KEY = "a-key-for-tests-of-the-api"
BEARER = {"Authorization": f"Bearer {KEY}"}
PHONE = "491700000001"


class Api(TestClient[web.Request, web.Application]):
    """A client with the key, and with hands on what happens to the accounts."""

    @property
    def manager(self) -> ToldManager:
        manager = self.part(MANAGER)
        assert isinstance(manager, ToldManager)
        return manager

    async def create(self, name: str = "Support") -> str:
        """Create an account."""
        async with self.post("/accounts", json={"name": name}) as response:
            assert response.status == 201
            account_id: str = (await response.json())["id"]
        await until(lambda: self.manager.view(account_id))
        return account_id

    async def start(self, account_id: str) -> ToldRun:
        """Connect an account and wait for its browser, unless one runs already."""
        async with self.post(f"/accounts/{account_id}/connect") as response:
            assert response.status == 202
        await until(lambda: (r := self.manager.runs.get(account_id)) and not r.stopped)
        return self.manager.runs[account_id]

    async def show_qr(self, account_id: str, code: str = "2@first") -> QrShown:
        """Have an account show a QR code."""
        run = await self.start(account_id)
        shown = QrShown(code, 1, 6, datetime.now(UTC) + timedelta(seconds=60))
        run.report(shown)
        await self.until(account_id, Status.QR_READY)
        return shown

    async def link(self, account_id: str) -> ToldRun:
        """Have an account linked and CONNECTED."""
        run = await self.start(account_id)
        run.report(Authenticated(fresh=True))
        run.report(Ready(PHONE, "Support", "2.3000"))
        await self.until(account_id, Status.CONNECTED)
        return run

    async def until(self, account_id: str, status: Status) -> None:
        """Wait until an account has a status."""
        await until(lambda: (v := self.manager.view(account_id)) and v.status is status)

    def cause(self, account_id: str) -> Cause | None:
        """Tell why an account's status is what it is."""
        view = self.manager.view(account_id)
        return None if view is None else view.cause

    async def recorded(self) -> None:
        """Wait until all that happened is in the log."""
        assert await self.part(RECORDER).flush(10)

    def record(self, event: Event) -> None:
        """Have an event recorded."""
        self.part(RECORDER).record(event)

    def publish(self, event: Event) -> None:
        """Have an event published that is in no log."""
        self.part(BUS).publish(event)

    async def trim_log(self, keep: int) -> int:
        """Leave only the newest events in the log, and tell the oldest of them."""
        await self._trim(keep)
        oldest = await event_log.oldest_id()
        assert oldest is not None
        return oldest

    async def trimmed_elsewhere(self) -> Event:
        """Have another server record events and remove all but the last, before any was told."""
        now = datetime.now(UTC)
        async with transaction() as connection:
            for seq in (1, 2, 3):
                row = await models.Event.create(
                    account_id="b", seq=seq, type="status", at=now, data={}, using_db=connection
                )
            await models.Event.filter(id__lt=row.id).using_db(connection).delete()
            await models.Trimmed.create(id=models.ONLY, until=row.id - 1, using_db=connection)
        return Event("status", "b", now, {}, seq=3, id=row.id)

    async def empty_log(self) -> int:
        """Leave no event in the log, and tell the id of the last one."""
        newest = await event_log.newest_id()
        await self._trim(0)
        assert await event_log.oldest_id() is None
        return newest

    async def _trim(self, keep: int) -> None:
        await models.Event.all().update(at=datetime.now(UTC) - timedelta(days=1))
        await retention.trim(Retention(max_count=keep), datetime.now(UTC))

    async def flood(self, size: int = 1_000_000) -> None:
        """Tell more than anybody can keep for a client that does not read, until none is left."""
        large = Event("qr", "a", datetime.now(UTC), {"qr": "x" * size})
        async with asyncio.timeout(10):
            while self.streams:
                self.publish(large)
                await asyncio.sleep(0.01)

    @property
    def streams(self) -> int:
        """How many clients follow the stream."""
        return len(self.part(CLIENTS))

    def transports(self) -> list[asyncio.Transport]:
        """Return the connections of clients as the server has them."""
        runner = self.server.runner
        assert runner is not None
        assert runner.server is not None
        found = [each.transport for each in runner.server.connections]
        return [transport for transport in found if transport is not None]

    def begin_stopping(self) -> None:
        """Have the server refuse what it refuses while it stops."""
        self.part(LIFETIME).stopping = True

    def end_stopping(self) -> None:
        """Take `begin_stopping` back, so that the server can be stopped in earnest."""
        if not self.manager.stopping:
            self.part(LIFETIME).stopping = False

    def part(self, key: web.AppKey[T]) -> T:
        """Return a part of the server."""
        assert self.app is not None
        return self.app[key]
