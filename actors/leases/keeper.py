"""Which accounts this server owns: it renews their leases, and takes those that come free.

Lives on the loop. What may be owned when is decided in `policy`; what is done with an account that
comes or goes is in `takeover`.
"""

import asyncio
import logging
import math
from collections import Counter
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Sequence,
)
from contextlib import asynccontextmanager
from typing import Protocol, TypeVar

from actors.leases.liveness import Liveness
from actors.leases.periodic import PeriodicTasks
from actors.leases.policy import (
    HeldLease,
    LeaseTerms,
    Sighting,
    held_lease,
    is_over,
    may_claim,
    sight,
)
from common.background import Background
from common.clock import boot_clock
from common.threads import LIVENESS
from store import leases
from store.chunks import chunks
from store.database.timeouts import within
from store.errors import DatabaseAway
from store.leases import Lease, Server

logger = logging.getLogger(__name__)

T = TypeVar("T")


class LeaseStore(Protocol):
    """The queries, as `store.leases` has them."""

    async def add_missing(self) -> None:
        """Give every account a lease."""

    async def all_leases(self) -> list[Lease]:
        """Read all leases."""

    async def claim(self, seen: Collection[Lease], server: Server) -> dict[str, int]:
        """Take leases that are as they were seen."""

    async def renew(
        self, server_id: str, account_ids: Collection[str] | None = None
    ) -> dict[str, int]:
        """Renew leases of a server."""

    async def release(self, server_id: str, account_ids: Collection[str]) -> None:
        """Give leases back."""


class LeaseListener(Protocol):
    """Who lives in the accounts. Called on the loop."""

    async def take_up(self, account_ids: Collection[str]) -> None:
        """Bring new accounts to life, each after `begin` said that it is still ours.

        Raises:
            Exception: It could not be done; it will be asked for again.
        """

    def relinquish(self, account_id: str, seconds: float) -> None:
        """Close an account's browser at once, by force before the seconds are over.

        When it is gone, `let_go` is to be called.
        """

    def found_elsewhere(self, account_ids: Collection[str]) -> None:
        """Hear which accounts other servers own. It is said again and again."""


class LeaseKeeper:
    """Keeps the leases of one server.

    An account is held while its lease is ours. It is unstarted until its actor begins, leaving from
    the loss of its lease until its browser is gone, and unconfirmed when a lease may be ours but
    was not confirmed: the next renewal tells.
    """

    def __init__(
        self,
        server: Server,
        terms: LeaseTerms,
        liveness: Liveness,
        listener: LeaseListener,
        *,
        store: LeaseStore | None = None,
        clock: Callable[[], float] = boot_clock,
        background: Background | None = None,
    ) -> None:
        self.server = server
        self._terms = terms
        self._liveness = liveness
        self._listener = listener
        self._store: LeaseStore = store or leases
        self._clock = clock
        self._held: dict[str, HeldLease] = {}
        self._unstarted: set[str] = set()
        self._without_actor: set[str] = set()
        self._leaving: set[str] = set()
        self._unconfirmed: set[str] = set()
        self._seen: dict[str, Sighting] = {}
        self._elsewhere: Counter[str] = Counter()
        self._creating = 0
        self._looked_at = 0.0
        self._living: set[str] = set()
        self._periodic = PeriodicTasks("Leases", terms.check_every, self.check_clock, background)
        self._looking: asyncio.Task[None] | None = None

    # What is ours.

    def epoch(self, account_id: str) -> int | None:
        """Return the epoch under which an account is ours; None if it is not, or has no actor."""
        held = self._held.get(account_id)
        return None if held is None or account_id in self._unstarted else held.epoch

    def epoch_without_actor(self, account_id: str) -> int | None:
        """Return the epoch under which an account is ours that gets no actor; None if it is not."""
        held = self._held.get(account_id)
        return None if held is None else held.epoch

    @property
    def elsewhere(self) -> int:
        """How many accounts other servers own."""
        return self._elsewhere.total()

    @property
    def trouble(self) -> str | None:
        """Why leases cannot be kept or taken at the moment; None while all is well."""
        return self._periodic.trouble

    def begin(self, account_id: str) -> int | None:
        """Note that an account's actor starts now, and give its epoch; None if it must not."""
        self._unstarted.discard(account_id)
        return self.epoch(account_id)

    def let_go(self, account_id: str) -> None:
        """Note that an account's actor has ended and its browser is gone."""
        if account_id in self._leaving:
            self._leaving.discard(account_id)
            self._unconfirmed.add(account_id)
        elif account_id in self._held:
            self._without_actor.add(account_id)

    def forget(self, account_id: str) -> None:
        """Note that an account was deleted."""
        self._held.pop(account_id, None)
        for names in (self._unstarted, self._without_actor, self._leaving, self._unconfirmed):
            names.discard(account_id)

    def refused(self, account_id: str, epoch: int) -> None:
        """Note that the store refused a write under an epoch: somebody else has a newer one."""
        held = self._held.get(account_id)
        if held is not None and held.epoch == epoch:
            logger.warning("another server owns it by now", extra={"account": account_id})
            self._lose(account_id)

    @asynccontextmanager
    async def creating(self) -> AsyncIterator[Callable[[str], None]]:
        """Create accounts of ours within this block; tell the id of each that was made."""
        asked_at = self._clock()

        def made(account_id: str) -> None:
            until = asked_at + self._terms.seconds
            self._held[account_id] = HeldLease(leases.FIRST_EPOCH, until)

        self._creating += 1
        try:
            yield made
        finally:
            self._creating -= 1

    # From start to stop.

    async def start(self) -> None:
        """Take all accounts that are free; what is held is renewed from now on.

        Waits for a database that is away, for as long as it takes.

        Raises:
            OSError: The data directory cannot be written.
        """
        await LIVENESS.run(self._liveness.hold)
        # Before stock is taken: whoever dies from here on is noticed at the first look.
        self._living = await LIVENESS.run(self._liveness.living)
        # What is taken is kept, also while the database is too slow for all of it.
        self._periodic.keep(self._check, self._terms.check_every)
        self._periodic.keep(self.renew, self._terms.renew_every)
        await self._periodic.insist(self._take_stock)
        needed = {seen.lease.server.id for seen in self._seen.values() if seen.lease.server}
        await LIVENESS.run(self._liveness.tidy, needed | {self.server.id})

    async def hand_over(self) -> None:
        """Hand what is ours and has no actor yet to the tenant, however long the store is away."""
        await self._periodic.insist(self._hand_over)

    def keep_looking(self) -> None:
        """Take what comes free from now on, and hand it to the tenant."""
        self._looking = self._periodic.keep(self._watch, self._terms.check_every)

    def stop_looking(self) -> None:
        """Take nothing any more; what is held is still renewed."""
        if self._looking is not None:
            self._periodic.drop(self._looking)

    async def stop(self, *, give_back: bool) -> None:
        """End; what is still held is nobody else's until it runs out, or this process ends.

        A second call does no harm.

        Args:
            give_back: Whether to give back the leases of all accounts whose browser is gone.
        """
        await self._periodic.stop()
        if give_back:
            await self._give_back()

    # What is done again and again.

    async def renew(self) -> None:
        """Renew what is held, and learn whether what is unconfirmed is ours.

        Raises:
            DatabaseAway: The database does not answer.
        """
        ours = self._held.keys() | self._leaving | self._unconfirmed
        # What runs out first comes first: a try that fails on its way does not get to the last.
        # Also for none: so a server without accounts learns of a database that takes nothing.
        for names in tuple(chunks(sorted(ours, key=self._runs_out), leases.CHUNK)) or ((),):
            await self._renew(names)

    async def look(self) -> None:
        """See who owns what, and take what is free.

        Raises:
            DatabaseAway: The database does not answer.
        """
        creating = self._creating > 0
        found = await self._asked(self._store.all_leases())
        now = self._clock()
        self._unconfirmed -= {lease.account_id for lease in found if not self._is_named_in(lease)}
        ours = self._held.keys() | self._leaving | self._unconfirmed
        others = [lease for lease in found if lease.account_id not in ours]
        self._seen = {
            lease.account_id: sight(self._seen.get(lease.account_id), lease, now)
            for lease in others
            if not self._is_named_in(lease)
        }
        if not creating and not self._creating:
            # Ours, and we do not know: the answer to a claim or a creation did not arrive.
            self._unconfirmed |= {lease.account_id for lease in others} - self._seen.keys()
        self._looked_at = now
        dead = await LIVENESS.run(self._dead)
        await self._claim([each.lease for each in self._seen.values() if _is_free(each, now, dead)])
        self._tell_elsewhere()

    def check_clock(self) -> None:
        """Give up what was not renewed in time. To be called first thing after any pause."""
        now = self._clock()
        over = [each for each, held in self._held.items() if is_over(held, now, self._terms)]
        if over:
            logger.error("The leases of %d account(s) were not renewed in time", len(over))
        for account_id in over:
            self._lose(account_id)

    # Inside.

    async def _renew(self, account_ids: Sequence[str]) -> None:
        held = {name: self._held[name] for name in account_ids if name in self._held}
        unconfirmed, asked_at = self._unconfirmed.intersection(account_ids), self._clock()
        kept = await self._asked(self._store.renew(self.server.id, account_ids))
        now = self._clock()
        for account_id, before in held.items():
            if self._held.get(account_id) is not before:
                continue
            if kept.get(account_id) != before.epoch:
                of_account = {"account": account_id}
                logger.warning("its lease is lost, another server owns it", extra=of_account)
                self._lose(account_id)
            elif renewed := held_lease(before.epoch, asked_at, now, self._terms):
                self._held[account_id] = renewed
        for account_id in unconfirmed & self._unconfirmed:
            epoch = kept.get(account_id)
            if epoch is None:
                self._unconfirmed.discard(account_id)
            elif found := held_lease(epoch, asked_at, now, self._terms):
                self._hold(account_id, found)

    def _runs_out(self, account_id: str) -> float:
        held = self._held.get(account_id)
        return math.inf if held is None else held.until

    async def _give_back(self) -> None:
        free = (self._without_actor | self._unstarted) & self._held.keys()
        try:
            for names in chunks(sorted(free), leases.CHUNK):
                await self._asked(self._store.release(self.server.id, names))
        except DatabaseAway as error:
            logger.warning("The leases could not be given back: %s", error)
        for account_id in free:
            self.forget(account_id)
        if not self._held and not self._leaving:
            await LIVENESS.run(self._liveness.end)

    async def _take_stock(self) -> None:
        await self._asked(self._store.add_missing())
        await self.look()

    async def _hand_over(self) -> None:
        await self._listener.take_up(frozenset(self._unstarted))

    async def _check(self) -> None:
        """Do nothing: the clock is looked at before anything is done."""

    async def _watch(self) -> None:
        living = await LIVENESS.run(self._liveness.living)
        somebody_died = bool(self._living - living)
        if somebody_died or self._clock() >= self._looked_at + self._terms.look_every:
            await self.look()
        self._living = living
        if self._unstarted:
            await self._hand_over()

    async def _claim(self, free: Iterable[Lease]) -> None:
        """Take leases; those that are taken stay so when others cannot be asked for any more."""
        for part in chunks(sorted(free, key=lambda lease: lease.account_id), leases.CHUNK):
            names = {lease.account_id for lease in part}
            # Until the answer is here, nobody knows.
            self._unconfirmed |= names
            asked_at = self._clock()
            taken = await self._asked(self._store.claim(part, self.server))
            now = self._clock()
            self._unconfirmed -= names - taken.keys()
            for account_id, epoch in taken.items():
                found = held_lease(epoch, asked_at, now, self._terms)
                if found is not None and account_id not in self._held:
                    self._hold(account_id, found)
            self._seen = {name: seen for name, seen in self._seen.items() if name not in taken}

    def _hold(self, account_id: str, held: HeldLease) -> None:
        self._unconfirmed.discard(account_id)
        self._held[account_id] = held
        self._unstarted.add(account_id)

    def _lose(self, account_id: str) -> None:
        held = self._held.pop(account_id)
        self._without_actor.discard(account_id)
        if account_id in self._unstarted:
            self._unstarted.discard(account_id)
            self._unconfirmed.add(account_id)
        else:
            self._leaving.add(account_id)
            self._listener.relinquish(account_id, max(0.0, held.until - self._clock()))

    def _is_named_in(self, lease: Lease) -> bool:
        return lease.server is not None and lease.server.id == self.server.id

    def _dead(self) -> set[str]:
        """Return the servers that are proven dead; runs in a thread."""
        servers = {seen.lease.server.id for seen in self._seen.values() if seen.lease.server}
        return set(filter(self._liveness.is_dead, servers))

    def _tell_elsewhere(self) -> None:
        owners = {name: seen.lease.server for name, seen in self._seen.items()}
        counted = Counter(str(server) for server in owners.values() if server is not None)
        if counted != self._elsewhere:
            self._elsewhere = counted
            for server, count in counted.items():
                logger.warning("%d account(s) belong to another server, %s", count, server)
        self._listener.found_elsewhere(owners.keys())

    async def _asked(self, query: Awaitable[T]) -> T:
        """Await a query, but not for so long that leases run out meanwhile."""
        return await within(self._terms.answer_within, query)


def _is_free(seen: Sighting, now: float, dead: Collection[str]) -> bool:
    owner = seen.lease.server
    return may_claim(seen, now, owner_is_dead=owner is not None and owner.id in dead)
