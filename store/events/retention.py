"""How long the log is kept: what is too old, or too much, is removed from its beginning."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from common.background import Background
from store import models
from store.database.opening import database_errors, transaction
from store.errors import DatabaseAway
from store.events import event_log

STEP = 1_000
"""So many events go in one transaction: recording waits for no more than that."""
BREATH = 0.01
"""Seconds between two of them, in which what waits is recorded."""
EVERY = 600.0
"""Seconds between two looks at the log."""
YOUNG = timedelta(hours=1)
"""Younger events stay whatever the limits say: a restarted browser is told which messages it has
heard, and a client that lost its connection comes back for them."""

logger = logging.getLogger(__name__)

Mark = tuple[int, datetime]
"""An event's id and moment."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How much of the log is kept; no limit where there is none."""

    max_age: timedelta | None = None
    max_count: int | None = None

    @property
    def unlimited(self) -> bool:
        """Whether everything is kept."""
        return self.max_age is None and self.max_count is None


def expendable(log: Sequence[Mark], rules: Retention, newest: int, now: datetime) -> int:
    """Return how many events at the beginning of a log need not be kept.

    The log is kept from the first event on that must stay, whatever follows: a clock that was wrong
    for a while removes nothing that is young.

    Args:
        log: The ids and moments of the oldest events, oldest first.
        rules: What is kept.
        newest: The newest id of the whole log.
        now: The time of day.
    """
    for place, (event_id, at) in enumerate(log):
        too_old = rules.max_age is not None and at < now - rules.max_age
        too_many = rules.max_count is not None and event_id <= newest - rules.max_count
        young = now - YOUNG <= at <= now
        if young or not (too_old or too_many):
            return place
    return len(log)


async def trim(rules: Retention, now: datetime) -> int:
    """Remove what need not be kept, in small steps.

    Args:
        rules: What is kept.
        now: The time of day.

    Returns:
        How many events were removed.

    Raises:
        DatabaseAway: The database does not answer. What was removed so far stays removed.
    """
    removed = 0
    while True:
        log = await _oldest()
        count = expendable(log, rules, await event_log.newest_id(), now)
        if count:
            await _remove(log[count - 1][0])
            removed += count
        if count < STEP:
            return removed
        await asyncio.sleep(BREATH)


@database_errors
async def _oldest() -> list[Mark]:
    rows = await models.Event.all().order_by("id").limit(STEP).values_list("id", "at")
    return [(event_id, at) for event_id, at in rows]


@database_errors
async def _remove(until: int) -> None:
    async with transaction() as connection:
        known = models.Trimmed.filter(id=models.ONLY).using_db(connection)
        if not await known.filter(until__lt=until).update(until=until):
            first = models.Trimmed(id=models.ONLY, until=until)
            # Another server may have got further meanwhile.
            await models.Trimmed.bulk_create([first], ignore_conflicts=True, using_db=connection)
        await models.Event.filter(id__lte=until).using_db(connection).delete()


class Trimmer:
    """Trims the log from time to time. Lives on the loop."""

    def __init__(
        self, rules: Retention, every: float = EVERY, *, background: Background | None = None
    ) -> None:
        self._background = background or Background()
        self._rules = rules
        self._every = every
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin, unless everything is kept."""
        if not self._rules.unlimited:
            self._task = self._background.start("retention", self._repeat())

    async def close(self) -> None:
        """End; what is being removed is, or is not, but never in part."""
        if self._task is not None:
            await self._background.end(self._task)

    async def _repeat(self) -> None:
        while True:
            try:
                removed = await trim(self._rules, datetime.now(UTC))
            except DatabaseAway as error:
                logger.debug("The log cannot be trimmed: %s", error)
            else:
                if removed:
                    logger.info("Removed %d events from the beginning of the log", removed)
            await asyncio.sleep(self._every)
