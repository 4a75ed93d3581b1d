"""A reader of events: what waits for it, what it listens to, and its end when it is too slow."""

import asyncio
from collections import deque
from collections.abc import Callable, Collection
from typing import Self

from store.events.event_log import Event

MAX_QUEUE = 1000
"""How many events wait for a reader unless it says otherwise."""
MAX_BYTES = 32_000_000
"""How many bytes of memory they may take: 100 of the longest messages. What is short never comes
near it."""


class Subscription:
    """The events that someone listens to, in the order in which they are told.

    An asynchronous iterator for one reader, and a context manager that ends it. A reader that is
    slower than its queue is long, or has too much memory wait for it, is cut off: `overflowed` is
    set and the iteration ends at once.
    """

    def __init__(
        self,
        max_queue: int,
        accounts: Collection[str] | None,
        types: Collection[str] | None,
        on_close: Callable[["Subscription"], None],
    ) -> None:
        self._max_queue = max_queue
        self._accounts = None if accounts is None else frozenset(accounts)
        self._types = None if types is None else frozenset(types)
        self._on_close = on_close
        self._queue: deque[Event] = deque()
        self._held = 0
        self._news = asyncio.Event()
        self._leaves_recorded = False
        self._ended = False
        self._failure: Exception | None = None
        self.overflowed = False
        """Whether events were missed because the reader was too slow."""

    def offer(self, event: Event) -> None:
        """Give the reader an event, if it is one that it listens to."""
        if self._ended or not self._wants(event):
            return
        if self._leaves_recorded and event.id is not None:
            return
        too_much = self._queue and self._held + event.size > MAX_BYTES
        if len(self._queue) >= self._max_queue or too_much:
            self.overflowed = True
            self._queue.clear()
            self._held = 0
            self.close()
            return
        self._held += event.size
        self._queue.append(event)
        self._news.set()

    @property
    def behind(self) -> bool:
        """Whether more waits for the reader."""
        return bool(self._queue)

    def leave_recorded(self) -> None:
        """Let what is recorded wait in the log, for a reader that is about to read it there."""
        self._leaves_recorded = True
        self._queue = deque(event for event in self._queue if event.id is None)
        self._held = sum(event.size for event in self._queue)

    def take_recorded(self) -> None:
        """Take what is recorded from now on: the log is being read."""
        self._leaves_recorded = False

    def close(self) -> None:
        """Listen no more; the iteration ends after what is already here."""
        self._ended = True
        self._news.set()
        self._on_close(self)

    def fail(self, why: Exception) -> None:
        """Listen no more; the iteration raises this after what is already here."""
        self._failure = why
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        while not self._queue:
            if self._ended:
                raise self._failure or StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        event = self._queue.popleft()
        self._held -= event.size
        return event

    def _wants(self, event: Event) -> bool:
        return (self._accounts is None or event.account_id in self._accounts) and (
            self._types is None or event.type in self._types
        )
