"""The recorder: the one ordered writer of events, and the only one that publishes them.

An event and what it changes of its account are committed in one transaction, and only then
published: published means kept. While the database is away everything waits here in its order.
"""

import asyncio
import itertools
import logging
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any, cast

from tortoise.exceptions import IntegrityError, ValidationError

from common.background import Background
from store import leases
from store.accounts import AccountChanges
from store.database.opening import transaction
from store.database.timeouts import within
from store.errors import sqlstate_of, words_of
from store.events import writing
from store.events.bus import Bus
from store.events.event_log import Event
from store.events.size import size_of
from store.events.waiting import Entry, Waiting
from store.text import keepable

CAPACITY = 200_000_000
"""How many bytes of memory the events that wait may take: 100,000 messages of 100 characters, as of
500 busy accounts in an hour, or 3,000 of 64 kB. The process grows by 170 and 200 MB: measured."""
OVERHEAD = 400
"""The bytes that an event takes while it waits, beside its data and changes: 380 were measured."""
BATCH = 200
"""How many events one transaction commits: enough to outrun the disk, too few to hold it long."""
COMMIT_SECONDS = 30.0
"""How long a commit may take before it is tried anew: a server that is frozen, or that has vanished
from the network, never answers. It may happen nevertheless, and is then found."""
FREE = frozenset({"phone", "push_name", "detail"})
"""The changes of an account that carry what others say. Without them its status is kept still."""
UNFIT = 1_000
"""How many accounts are remembered of which something cannot be kept."""
REFUSALS = (
    IntegrityError,
    ValidationError,
    TypeError,
    OverflowError,
    UnicodeError,
    sqlite3.DataError,
)

logger = logging.getLogger(__name__)


class Recorder:
    """Writes events in the order in which they were given, then publishes them in that order.

    `record` and `announce` are called on the loop's thread and return at once.

    When those that wait take more than `capacity`, the transient ones are dropped first, then the
    oldest recorded ones of the account that takes most of it; what these changed of the account is
    kept with its next events.

    Args:
        bus: Where events are published.
        capacity: How many bytes of memory the events that wait may take.
        first_retry: Seconds until a failed commit is tried again; doubled with each failure.
        longest_retry: The most seconds between two tries.
        background: What the writer's task belongs to.
    """

    def __init__(
        self,
        bus: Bus,
        *,
        capacity: int = CAPACITY,
        first_retry: float = 0.1,
        longest_retry: float = 5.0,
        background: Background | None = None,
    ) -> None:
        self._bus = bus
        self._background = background or Background()
        self._capacity = capacity
        self._first_retry = first_retry
        self._longest_retry = longest_retry
        self._numbers = itertools.count(1)
        self._last_number = 0
        self._waiting = Waiting()
        self._batch: list[Entry] = []
        self._batch_size = 0
        self._orphaned: dict[str, AccountChanges] = {}
        self._news = asyncio.Event()
        self._advanced = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None
        self._reason: str | None = None
        self._away_since = 0.0
        self._unfit: dict[tuple[str, str], None] = {}
        self._recorded = 0
        self._lost = 0
        self._on_refused: Callable[[str, int], None] | None = None

    @property
    def healthy(self) -> bool:
        """Whether the database took what it was given last."""
        return self._reason is None

    @property
    def reason(self) -> str | None:
        """Why the database did not take it."""
        return self._reason

    @property
    def pending(self) -> int:
        """How many events wait to be committed and published."""
        return len(self._batch) + len(self._waiting)

    @property
    def oldest_pending_seconds(self) -> float:
        """How long the first of them has been waiting; 0 if none is."""
        oldest = self._oldest()
        return 0.0 if oldest is None else asyncio.get_running_loop().time() - oldest.queued_at

    @property
    def recorded(self) -> int:
        """How many events were written to the log since the start."""
        return self._recorded

    @property
    def lost(self) -> int:
        """How many recorded events were given up since the start: refused, or for want of room."""
        return self._lost

    async def start(self) -> None:
        """Begin to write; what was recorded before is written first."""
        self._task = self._background.start("recorder", self._write())

    async def close(self, seconds: float) -> bool:
        """Write what waits, then stop.

        Args:
            seconds: How long to wait for the database.

        Returns:
            Whether everything was written. What was not is lost, and the log says how much.
        """
        done = await self.flush(seconds)
        if not done:
            why = self._reason or "the database has not answered yet"
            logger.error("%d events were not written: %s", self.pending, why)
        if self._task is not None:
            await self._background.end(self._task)
        return done

    async def flush(self, seconds: float) -> bool:
        """Wait until everything given so far is committed and published.

        Args:
            seconds: How long to wait.

        Returns:
            Whether it is.
        """
        last = self._last_number
        if self._task is not None and self._task.done():
            # It died, and the server ends. What waits is still to be written.
            await self.start()
        try:
            async with asyncio.timeout(seconds), self._advanced:
                await self._advanced.wait_for(lambda: self._is_done(last))
        except TimeoutError:
            return False
        return True

    def tell_refusals(self, listener: Callable[[str, int], None]) -> None:
        """Have a listener called with account and epoch when an event comes from a former owner."""
        self._on_refused = listener

    def record(
        self, event: Event, changes: AccountChanges | None = None, epoch: int | None = None
    ) -> None:
        """Keep an event, change its account accordingly, then publish it with its id.

        Args:
            event: With the `seq` its account's owner gave it.
            changes: What it changes of the account, beside its `seq`.
            epoch: The epoch under which the account is owned. Once there is a newer one, the
                event is refused. Nothing: it is kept whoever owns the account.

        Raises:
            ValueError: The event has no `seq`.
        """
        if event.seq is None:
            raise ValueError("an event without seq cannot be recorded")
        kept = replace(event, data=keepable(event.data))
        entry = self._entry(kept, keepable(changes or {}), epoch)
        self._make_room(entry.size)
        self._take(entry)

    def announce(self, event: Event) -> None:
        """Publish a transient event after all that was recorded before it. It is never kept.

        Raises:
            ValueError: The event has a `seq`, so it is one to be recorded.
        """
        if event.seq is not None:
            raise ValueError("an event with seq must be recorded")
        entry = self._entry(event, None, None)
        if self._has_room(entry.size):
            self._take(entry)

    def _entry(self, event: Event, changes: AccountChanges | None, epoch: int | None) -> Entry:
        size = OVERHEAD + size_of(event.data) + size_of(changes)
        return Entry(next(self._numbers), event, changes, epoch, size)

    def _take(self, entry: Entry) -> None:
        self._last_number = entry.number
        self._waiting.add(entry)
        self._news.set()

    def _has_room(self, size: int) -> bool:
        return self._waiting.size + self._batch_size + size <= self._capacity

    def _make_room(self, size: int) -> None:
        if not self._has_room(size):
            self._waiting.drop_transient()
        while not self._has_room(size) and (entry := self._waiting.drop_from_largest()):
            known = self._orphaned.get(entry.event.account_id, {})
            self._orphaned[entry.event.account_id] = {**known, **(entry.changes or {})}
            self._give_up(entry.event, "there is no room for it")

    def _give_up(self, event: Event, why: str) -> None:
        self._lost += 1
        # Each one by its number: there is no other trace of it.
        said = (event.seq, event.account_id, event.type, why)
        of_account = {"account": event.account_id}
        logger.error("Event %s of account %s (%s) is lost: %s", *said, extra=of_account)

    def _oldest(self) -> Entry | None:
        return self._batch[0] if self._batch else self._waiting.first()

    def _is_done(self, number: int) -> bool:
        oldest = self._oldest()
        return oldest is None or oldest.number > number

    # In the writer's task.

    async def _write(self) -> None:
        while True:
            # A batch is there already where a writer died over it.
            while self._batch or self._waiting:
                self._batch = self._batch or self._next_batch()
                self._batch_size = sum(entry.size for entry in self._batch)
                for event in await self._keep(self._batch):
                    self._recorded += event.id is not None
                    self._bus.publish(event)
                self._batch, self._batch_size = [], 0
                async with self._advanced:
                    self._advanced.notify_all()
            await self._news.wait()
            self._news.clear()

    def _next_batch(self) -> list[Entry]:
        """Take what comes next, and with it what lost events changed of the same accounts."""
        batch = self._waiting.take(BATCH)
        for place, entry in enumerate(batch):
            if entry.changes is None:
                continue
            if orphaned := self._orphaned.pop(entry.event.account_id, None):
                batch[place] = replace(entry, changes={**orphaned, **entry.changes})
        return batch

    async def _keep(self, batch: Sequence[Entry]) -> list[Event]:
        """Commit a batch, however long it takes, and return its events as they were kept."""
        delay = self._first_retry
        while True:
            try:
                kept = await within(COMMIT_SECONDS, self._commit(batch))
            except Exception as error:  # noqa: BLE001 - whatever it is, the order must not break
                if is_refusal(error) or any(map(_is_unfit, batch)):
                    return await self._keep_singly(batch, error)
                self._note_away(error)
            else:
                self._note_back()
                return kept
            await asyncio.sleep(delay)
            delay = min(2 * delay, self._longest_retry)

    async def _keep_singly(self, batch: Sequence[Entry], error: Exception) -> list[Event]:
        """Find the event that the database refuses, and keep the others.

        If it is refused for what it changes of its account, it is kept without that.
        """
        if len(batch) > 1:
            return [event for entry in batch for event in await self._keep([entry])]
        entry = batch[0]
        if entry.changes:
            fewer = _fewer(entry.changes)
            self._note_unfit(entry, entry.changes.keys() - fewer.keys(), error)
            return await self._keep([replace(entry, changes=fewer)])
        self._note_back()
        self._give_up(entry.event, f"the database refuses it: {words_of(error)}")
        return []

    def _note_unfit(self, entry: Entry, names: Collection[str], error: Exception) -> None:
        """Say what of an account stays as it was; once, for all its events may be alike."""
        account_id, listed = entry.event.account_id, ", ".join(sorted(names))
        if (account_id, listed) not in self._unfit:
            self._unfit[account_id, listed] = None
            logger.error(
                "An event is kept without what it changes of its account (%s): %s",
                *(listed, words_of(error)),
                extra={"account": account_id},
            )
        while len(self._unfit) > UNFIT:
            del self._unfit[next(iter(self._unfit))]

    async def _commit(self, batch: Sequence[Entry]) -> list[Event]:
        if all(entry.transient for entry in batch):
            return [entry.event for entry in batch]
        try:
            return await self._insert(batch)
        except IntegrityError:
            # When the answer to a commit is lost, it has happened all the same.
            if len(batch) == 1 and (event := await writing.find(batch[0].event)):
                return [event]
            raise

    async def _insert(self, batch: Sequence[Entry]) -> list[Event]:
        fenced = {entry.event.account_id for entry in batch if entry.epoch is not None}
        async with transaction() as connection:
            await writing.wait_for_turn(connection)
            current = await leases.current_epochs(connection, fenced)
            stale = [entry for entry in batch if entry.is_stale(current)]
            valid = [entry for entry in batch if not entry.is_stale(current)]
            kept = await writing.insert([entry.event for entry in valid], connection)
            await writing.change_accounts(_changes(valid), connection)
        for entry in stale:
            self._refuse(entry)
        return kept

    def _refuse(self, entry: Entry) -> None:
        self._give_up(entry.event, "another server owns the account by now")
        if self._on_refused is not None and entry.epoch is not None:
            self._on_refused(entry.event.account_id, entry.epoch)

    def _note_away(self, error: Exception) -> None:
        if self._reason is None:
            self._away_since = asyncio.get_running_loop().time() - self.oldest_pending_seconds
            logger.warning(
                "The database takes no events, they wait in their order: %s", words_of(error)
            )
        self._reason = words_of(error)

    def _note_back(self) -> None:
        if self._reason is not None:
            seconds = asyncio.get_running_loop().time() - self._away_since
            logger.info("The database is back after %.1f s, %d events wait", seconds, self.pending)
        self._reason = None


def _is_unfit(entry: Entry) -> bool:
    """Return whether an event changes something to what no database will take."""
    changes = entry.changes or {}
    return len(writing.fitting(changes)) < len(changes)


def _fewer(changes: AccountChanges) -> AccountChanges:
    """Leave out of an account's changes what a database may refuse; fewer with each call."""
    for rest in (
        writing.fitting(changes),
        {name: value for name, value in changes.items() if name not in FREE},
    ):
        if len(rest) < len(changes):
            return cast("AccountChanges", rest)
    return {}


def is_refusal(error: Exception) -> bool:
    """Return whether the database refused what it was given, as opposed to not answering.

    Trying again is of use only in the second case.
    """
    if isinstance(error, REFUSALS):
        return True
    # Postgres: class 22 is data that cannot be stored, class 23 a constraint.
    return sqlstate_of(error)[:2] in ("22", "23")


def _changes(batch: Sequence[Entry]) -> dict[str, dict[str, Any]]:
    """Return what a batch makes of each account, so that each is written once."""
    changes = defaultdict[str, dict[str, Any]](dict)
    for entry in batch:
        if entry.event.seq is not None:
            changes[entry.event.account_id].update(entry.changes or {}, seq=entry.event.seq)
    return changes
