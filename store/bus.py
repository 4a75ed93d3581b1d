"""The bus: how events reach whoever listens, in this process and over Redis. It keeps nothing.

Whoever was away asks the log for what was missed.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol, Self

from store.events import Event

MAX_QUEUE = 1000


@dataclass(frozen=True, slots=True)
class BusState:
    """How a bus is doing."""

    ok: bool
    reason: str | None = None
    """Why it is not."""


class Subscription:
    """The events that someone listens to, in the order of their publication.

    An asynchronous iterator for one reader, and a context manager that ends it. A reader that is
    slower than its queue is long is cut off: `overflowed` is set and the iteration ends at once.
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
        self._news = asyncio.Event()
        self._ended = False
        self.overflowed = False
        """Whether events were missed because the reader was too slow."""

    def offer(self, event: Event) -> None:
        """Give the reader an event, if it is one that it listens to. For the bus."""
        if self._ended or not self._wants(event):
            return
        if len(self._queue) >= self._max_queue:
            self.overflowed = True
            self._queue.clear()
            self.close()
            return
        self._queue.append(event)
        self._news.set()

    def close(self) -> None:
        """Listen no more; the iteration ends after what is already here."""
        self._ended = True
        self._news.set()
        self._on_close(self)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        while not self._queue:
            if self._ended:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        return self._queue.popleft()

    def _wants(self, event: Event) -> bool:
        return (self._accounts is None or event.account_id in self._accounts) and (
            self._types is None or event.type in self._types
        )


class Bus(Protocol):
    """Carries events to whoever listens. Used on the loop's thread."""

    async def start(self) -> None:
        """Begin to carry."""

    async def close(self) -> None:
        """End all subscriptions, and carry no more."""

    def publish(self, event: Event) -> None:
        """Give an event to all who listen now. Returns at once and never raises."""

    def subscribe(
        self,
        max_queue: int = MAX_QUEUE,
        accounts: Collection[str] | None = None,
        types: Collection[str] | None = None,
    ) -> Subscription:
        """Listen from now on.

        Args:
            max_queue: How many events may wait for the reader before it is cut off.
            accounts: Only events of these accounts.
            types: Only events of these types.
        """

    @property
    def state(self) -> BusState:
        """How the bus is doing."""


class InProcessBus:
    """The bus of a server that is alone."""

    def __init__(self) -> None:
        self._subscriptions: set[Subscription] = set()

    async def start(self) -> None:
        """Do nothing: this bus is always there."""

    async def close(self) -> None:
        """End all subscriptions."""
        for subscription in tuple(self._subscriptions):
            subscription.close()

    def publish(self, event: Event) -> None:
        """Give an event to all who listen now."""
        for subscription in tuple(self._subscriptions):
            subscription.offer(event)

    def subscribe(
        self,
        max_queue: int = MAX_QUEUE,
        accounts: Collection[str] | None = None,
        types: Collection[str] | None = None,
    ) -> Subscription:
        """Listen from now on; see `Bus.subscribe`."""
        subscription = Subscription(max_queue, accounts, types, self._subscriptions.discard)
        self._subscriptions.add(subscription)
        return subscription

    @property
    def state(self) -> BusState:
        """Always well."""
        return BusState(ok=True)
