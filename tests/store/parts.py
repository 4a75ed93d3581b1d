"""Small things for the tests of the store: events, and what a listener heard."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from store.events.bus import Bus
from store.events.event_log import Event


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
