"""The events that wait for the database: in their order, and bounded by the memory that they take.

Who is dropped when there is no room is decided here; what that means is the recorder's.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from store import leases
from store.accounts import AccountChanges
from store.events.event_log import Event


@dataclass(frozen=True, slots=True)
class Entry:
    """An event in its place, and what it changes of its account."""

    number: int
    """Its place: each one is greater than those before."""
    event: Event
    changes: AccountChanges | None = field(repr=False)
    epoch: int | None
    size: int
    """The bytes that it takes."""
    queued_at: float = field(default_factory=lambda: asyncio.get_running_loop().time())

    @property
    def transient(self) -> bool:
        """Whether it is published and never recorded."""
        return self.event.seq is None

    def is_stale(self, current: Mapping[str, int]) -> bool:
        """Return whether its account has a newer owner, by the accounts' current epochs."""
        return leases.is_stale(self.epoch, self.event.account_id, current)


class Waiting:
    """A queue of events that knows what each account has in it. Lives on the loop.

    Adding and dropping take a time that does not grow with the number of events: a database that
    is away for an hour leaves 100,000.
    """

    def __init__(self) -> None:
        self._queues: dict[str, deque[Entry]] = {}
        self._sizes: dict[str, int] = {}
        self._heads: list[tuple[int, str]] = []
        """For each queue the number of its first entry, or of one that was before it: a heap."""
        self._count = 0
        self._transient = 0
        self.size = 0
        """The bytes that all of them take."""

    def __len__(self) -> int:
        return self._count

    def add(self, entry: Entry) -> None:
        """Put an event at the end."""
        account_id = entry.event.account_id
        queue = self._queues.get(account_id)
        if queue is None:
            queue = self._queues[account_id] = deque()
            self._sizes[account_id] = 0
            heapq.heappush(self._heads, (entry.number, account_id))
        queue.append(entry)
        self._note(entry, 1)

    def first(self) -> Entry | None:
        """Return the event that has waited longest; None if none waits."""
        while self._heads:
            number, account_id = self._heads[0]
            queue = self._queues[account_id]
            if not queue:
                heapq.heappop(self._heads)
                del self._queues[account_id], self._sizes[account_id]
            elif queue[0].number != number:
                heapq.heapreplace(self._heads, (queue[0].number, account_id))
            else:
                return queue[0]
        return None

    def take(self, most: int) -> list[Entry]:
        """Remove and return the first events, in their order.

        Args:
            most: The greatest number of them.
        """
        taken: list[Entry] = []
        while len(taken) < most and (entry := self.first()) is not None:
            self._queues[entry.event.account_id].popleft()
            self._note(entry, -1)
            taken.append(entry)
        return taken

    def drop_transient(self) -> None:
        """Drop all events that would only be published."""
        if not self._transient:
            return
        for account_id, queue in self._queues.items():
            for entry in (entry for entry in queue if entry.transient):
                self._note(entry, -1)
            self._queues[account_id] = deque(entry for entry in queue if not entry.transient)

    def drop_from_largest(self) -> Entry | None:
        """Drop the oldest event of the account that takes most memory, and return it.

        So an account whose page floods the server loses its own events, and no other one's.
        Returns None if none waits.
        """
        account_id = max(self._sizes, key=self._sizes.__getitem__, default=None)
        if account_id is None or not self._queues[account_id]:
            return None
        entry = self._queues[account_id].popleft()
        self._note(entry, -1)
        return entry

    def _note(self, entry: Entry, sign: int) -> None:
        self._count += sign
        self._transient += sign * entry.transient
        self._sizes[entry.event.account_id] += sign * entry.size
        self.size += sign * entry.size
