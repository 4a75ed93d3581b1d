"""Turns: what many streams want at once they get a few at a time, so that all else goes on.

After a restart all clients come back in the same moment. What they want of the store is read once
for all who want the same, and what they are told is sent to some of them in each round of the loop:
requests, leases and the recorder wait for these, not for all clients.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

from common.tasks import take_note

SENDS_A_ROUND = 50
"""So many take about a millisecond, and a commit takes tens of rounds."""

READS_AT_ONCE = {"log": 4}
"""How many reads of a kind are under way at a time, one where nothing is said: many streams want
the same then. Of the log each may want another part, and one that is long must not keep all others
waiting; some connections to the database are left to requests."""

T = TypeVar("T")
Begun = Callable[[], None]


class Coalescer:
    """Gives each stream its turn, in the order in which they want one. Lives on the loop."""

    def __init__(self) -> None:
        self._left = SENDS_A_ROUND
        self._sends: deque[asyncio.Future[None]] = deque()
        self._reads: dict[str, asyncio.Semaphore] = {}
        self._waiting: dict[tuple[str, Hashable], tuple[asyncio.Task[Any], list[Begun]]] = {}

    async def to_send(self) -> None:
        """Wait for one's turn to send something; while few send, that is at once."""
        if self._left == 0:
            turn = asyncio.get_running_loop().create_future()
            self._sends.append(turn)
            await turn
            return
        if self._left == SENDS_A_ROUND:
            asyncio.get_running_loop().call_soon(self._begin_round)
        self._left -= 1

    def _begin_round(self) -> None:
        self._left = SENDS_A_ROUND
        while self._left and self._sends:
            turn = self._sends.popleft()
            # One who went away has no turn.
            if not turn.done():
                turn.set_result(None)
                self._left -= 1
        if self._left < SENDS_A_ROUND:
            asyncio.get_running_loop().call_soon(self._begin_round)

    async def to_read(
        self,
        kind: str,
        which: Hashable,
        read: Callable[[], Awaitable[T]],
        begun: Begun | None = None,
    ) -> T:
        """Return what is read, once for all who ask for the same before the turn comes.

        It is never older than the question: what a client is told from the moment of its
        subscription on goes on from what is read here, without a hole between them.

        Args:
            kind: Of each kind few reads are under way at a time.
            which: Says what of this kind is read: whoever gives the same gets the same.
            read: Reads it.
            begun: Called when it is about to be read.

        Raises:
            Exception: Whatever `read` raises, for each who waits for it.
        """
        what = (kind, which)
        if what not in self._waiting:
            made = asyncio.create_task(self._read(what, read))
            made.add_done_callback(take_note)
            self._waiting[what] = (made, [])
        reading, begins = self._waiting[what]
        if begun is not None:
            begins.append(begun)
        # One who goes away takes nothing from the others.
        value: T = await asyncio.shield(reading)
        return value

    async def _read(self, what: tuple[str, Hashable], read: Callable[[], Awaitable[T]]) -> T:
        kind = what[0]
        if kind not in self._reads:
            self._reads[kind] = asyncio.Semaphore(READS_AT_ONCE.get(kind, 1))
        async with self._reads[kind]:
            # Whoever asks from now on wants what happened meanwhile.
            _, begins = self._waiting.pop(what)
            for begun in begins:
                begun()
            return await read()
