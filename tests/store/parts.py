"""Small things for the tests of the store: events, what a listener heard, and a held database."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from store.bus import Bus
from store.events import Event


async def until(condition: Callable[[], object]) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


async def soon(work: Awaitable[Event]) -> Event:
    """Wait for an event that must come."""
    async with asyncio.timeout(10):
        return await work


def status(account_id: str, seq: int, **data: object) -> Event:
    return Event("status", account_id, datetime.now(UTC), data, seq=seq)


def qr(account_id: str, code: str = "2@code") -> Event:
    return Event("qr", account_id, datetime.now(UTC), {"qr": code})


class Listener:
    """Listens to a bus, and keeps what it hears."""

    def __init__(self, bus: Bus) -> None:
        self.heard: list[Event] = []
        self.ours: list[bool] = []
        bus.listen(self._hear)

    def _hear(self, event: Event, ours: bool) -> None:
        self.heard.append(event)
        self.ours.append(ours)

    @property
    def seqs(self) -> list[int | None]:
        return [event.seq for event in self.heard]


class HeldDatabase:
    """An SQLite file that another program may hold, so that nobody else can write to it."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(
            path, isolation_level=None, timeout=5, check_same_thread=False
        )

    def hold(self) -> None:
        if not self._connection.in_transaction:
            self._connection.execute("BEGIN IMMEDIATE")

    def release(self) -> None:
        if self._connection.in_transaction:
            self._connection.rollback()

    def close(self) -> None:
        self.release()
        self._connection.close()
