"""Turns: what many streams want of the store at once they get a few at a time. All else goes on.

After a restart all clients come back in the same moment. What they want is read once for all who
want the same: requests, leases and the recorder wait for a few reads, not for those of all clients.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class Turns:
    """Gives each stream its turn, in the order in which they want one. Lives on the loop."""

    def __init__(self) -> None:
        self._reads: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._waiting: dict[tuple[str, Hashable], asyncio.Task[Any]] = {}

    async def to_read(self, kind: str, which: Hashable, read: Callable[[], Awaitable[T]]) -> T:
        """Return what is read, once for all who ask for the same before the turn comes.

        It is never older than the question: what a client is told from the moment of its
        subscription on goes on from what is read here, without a hole between them.

        Args:
            kind: Of each kind one read is under way at a time.
            which: Says what of this kind is read: whoever gives the same gets the same.
            read: Reads it.

        Raises:
            Exception: Whatever `read` raises, for each who waits for it.
        """
        what = (kind, which)
        reading: asyncio.Task[T] | None = self._waiting.get(what)
        if reading is None:
            reading = self._waiting[what] = asyncio.create_task(self._read(what, read))
            reading.add_done_callback(_take_note)
        # One who goes away takes nothing from the others.
        return await asyncio.shield(reading)

    async def _read(self, what: tuple[str, Hashable], read: Callable[[], Awaitable[T]]) -> T:
        async with self._reads[what[0]]:
            # Whoever asks from now on wants what happened meanwhile.
            del self._waiting[what]
            return await read()


def _take_note(reading: asyncio.Task[Any]) -> None:
    """Take note of how a read ended that nobody waits for any more, or asyncio complains of it."""
    if not reading.cancelled():
        reading.exception()
