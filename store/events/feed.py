"""The feed: what happens on all servers, for readers here, live and in the order of the log.

The bus tells at once, but not always everything, nor in the log's order: events of two servers
cross each other on their way, and a Redis that was away forgot some. Ids are given in the order of
commits, so the feed sees by the id whether something is missing, and reads it from the log. A
reader that has seen an id was offered all before it: that is what makes `since` safe.
"""

import asyncio
import logging
from collections.abc import Collection
from contextlib import suppress

from common.background import Background
from store.errors import DatabaseAway
from store.events import event_log
from store.events.bus import Bus
from store.events.event_log import Event
from store.events.subscription import MAX_QUEUE, Subscription

POLL_SECONDS = 2.0
"""Time between two looks at the log, for what no bus has told: Redis was away, or there is none."""
RETRY_SECONDS = 0.2
"""Time between two tries to read the log while the database is away."""
PAGE = 500

logger = logging.getLogger(__name__)


class Feed:
    """Tells readers each recorded event once, by rising id; transient ones as they come.

    Lives on the loop.

    Args:
        bus: What tells of events at once.
        poll_seconds: Time between two looks at the log.
        background: What its task belongs to.
    """

    def __init__(
        self,
        bus: Bus,
        poll_seconds: float = POLL_SECONDS,
        *,
        background: Background | None = None,
    ) -> None:
        self._background = background or Background()
        self._poll_seconds = poll_seconds
        self._readers: set[Subscription] = set()
        self._last = 0
        self._known = 0
        self._behind = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._bus = bus

    async def start(self) -> None:
        """Tell what happens from now on.

        Raises:
            DatabaseAway: The database does not answer.
        """
        self._last = self._known = await event_log.newest_id()
        self._bus.listen(self._hear)
        self._task = self._background.start("feed", self._follow())

    async def close(self) -> None:
        """End all subscriptions."""
        for reader in tuple(self._readers):
            reader.close()
        if self._task is not None:
            await self._background.end(self._task)

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
        reader = Subscription(max_queue, accounts, types, self._readers.discard)
        self._readers.add(reader)
        return reader

    def _hear(self, event: Event, ours: bool) -> None:
        if event.id is None:
            self._tell(event)
        elif ours and event.id == self._last + 1:
            self._last = event.id
            self._tell(event)
        elif event.id > max(self._known, self._last):
            # The ones between may be on their way, or nobody will ever tell them: the log knows.
            # It also knows whether another server's event is of this log at all.
            self._known = event.id
            self._behind.set()

    def _tell(self, event: Event) -> None:
        for reader in tuple(self._readers):
            reader.offer(event)

    # In the feed's task.

    async def _follow(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._poll_seconds):
                    await self._behind.wait()
            self._behind.clear()
            try:
                await self._catch_up()
            except DatabaseAway as error:
                logger.debug("The log cannot be read: %s", error)
                await asyncio.sleep(RETRY_SECONDS)
                # What is known to be missing is asked for again at once, the rest in its time.
                if self._known > self._last:
                    self._behind.set()

    async def _catch_up(self) -> None:
        """Tell what the log holds beyond what was told."""
        full = True
        while full or self._known > self._last:
            since = self._last
            page = await event_log.page(since, PAGE)
            full = page.more
            # Looked at after the page: the log can be trimmed while it is read.
            trimmed = await event_log.trimmed()
            if since < trimmed:
                self._cut_off(trimmed)
            for event in page.items:
                # While the log was read, the bus may have told the first of them.
                if event.id is not None and event.id > self._last:
                    self._last = event.id
                    self._tell(event)
            if not page.items:
                # An id that is in no log: it came from another one, such as before a restored
                # backup, or was trimmed meanwhile.
                self._known = self._last

    def _cut_off(self, trimmed: int) -> None:
        """End the readers of events that were removed before they could be told.

        Each knows what it was told last, comes back with that, and is told of the gap.
        """
        logger.warning("The log was trimmed beyond what was told: the streams begin anew")
        self._last = max(self._last, trimmed)
        for reader in tuple(self._readers):
            reader.fail(DatabaseAway("The log was trimmed while the database was away."))
