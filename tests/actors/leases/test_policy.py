"""Never two open browsers for one account, whatever order claims, renewals and answers come in.

A model of servers on one database, in simulated time. Each has a clock of its own, every question
to the database arrives late, and so does its answer; what is done is decided by `held_lease`.
"""

import heapq
import itertools
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.leases.policy import (
    HeldLease,
    LeaseTerms,
    Sighting,
    held_lease,
    is_over,
    may_claim,
    sight,
)
from store.leases import Lease, Server

TERMS = LeaseTerms(seconds=9.0, margin=2.0)
LONG = LeaseTerms(seconds=60.0, margin=2.0)
"""So long that it is renewed more often than three times."""
LEASES = 33
"""How many leases' time a model runs for."""
OUTAGES = 4
"""How often the database is away meanwhile, for up to two leases' time."""


class World:
    """Simulated time, and one account's lease in the database."""

    def __init__(self, random: Random, terms: LeaseTerms) -> None:
        self.random = random
        self.terms = terms
        self.seconds = LEASES * terms.seconds
        self.now = 0.0
        self.lease = Lease("a", None, epoch=0, renewals=0)
        self.open: set[str] = set()
        self.opened = 0
        lengths = [random.uniform(0.5, 2) * terms.seconds for _ in range(OUTAGES)]
        starts = [random.uniform(0, self.seconds) for _ in range(OUTAGES)]
        self._outages = list(zip(starts, lengths, strict=True))
        self._calls: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        heapq.heappush(self._calls, (self.now + seconds, next(self._numbers), call))

    def delay(self) -> float:
        """Return the time that a question or an answer takes: mostly little, at times too much.

        Nothing arrives during an outage of the database.
        """
        least, most = self.random.choice([(0.0001, 0.005), (0.0001, 0.005), (0.01, 0.4), (0.4, 2)])
        arrival = self.now + self.terms.seconds * self.random.uniform(least, most)
        for start, length in self._outages:
            if start <= arrival < start + length:
                arrival += length
        return arrival - self.now

    def run(self) -> None:
        while self._calls and self.now < self.seconds:
            self.now, _, call = heapq.heappop(self._calls)
            call()


class ModelServer:
    """A server that wants the account, does as `held_lease` says, and may stop or die."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.terms = world.terms
        self.server = Server(name, "host", 1, self.terms.seconds)
        self.offset = world.random.uniform(-1e6, 1e6)
        self.alive = True
        self.held: HeldLease | None = None
        self.seen: Sighting | None = None
        self.leaving = False
        world.later(world.random.uniform(0, 0.2 * world.seconds), self.look)
        if world.random.random() < 0.5:
            world.later(world.random.uniform(0.1, 1) * world.seconds, self.end)

    def clock(self) -> float:
        return self.world.now + self.offset

    def ask(self, question: Callable[[], object], answered: Callable[..., None]) -> None:
        """Have the database do something later, and hear of it later still, or never."""

        def execute() -> None:
            answer = question()

            def deliver() -> None:
                if self.alive:
                    answered(answer)

            if self.world.random.random() < 0.9:
                self.world.later(self.world.delay(), deliver)

        self.world.later(self.world.delay(), execute)

    def look(self) -> None:
        if not self.alive:
            return
        self.world.later(self.world.random.uniform(0.4, 1.4) * self.terms.look_every, self.look)
        if self.held is None and not self.leaving:
            self.ask(lambda: self.world.lease, self.looked)

    def looked(self, lease: Lease) -> None:
        now = self.clock()
        if self.held is not None or self.leaving:
            return
        if lease.server == self.server:
            self.renew()
            return
        self.seen = sight(self.seen, lease, now)
        if may_claim(self.seen, now, owner_is_dead=False):
            asked_at = self.clock()
            self.ask(lambda: self.claim(lease), lambda epoch: self.gained(epoch, asked_at))

    def claim(self, seen: Lease) -> int | None:
        if self.world.lease != seen:
            return None
        self.world.lease = Lease("a", self.server, seen.epoch + 1, seen.renewals + 1)
        return self.world.lease.epoch

    def renew(self) -> None:
        asked_at = self.clock()
        self.ask(self.renewed_epoch, lambda epoch: self.gained(epoch, asked_at))

    def renewed_epoch(self) -> int | None:
        lease = self.world.lease
        if lease.server != self.server:
            return None
        self.world.lease = Lease("a", self.server, lease.epoch, lease.renewals + 1)
        return lease.epoch

    def gained(self, epoch: int | None, asked_at: float) -> None:
        if self.leaving:
            return
        if epoch is None or (self.held and self.held.epoch != epoch):
            self.close()
            return
        found = held_lease(epoch, asked_at, self.clock(), self.terms)
        if found is None or (self.held and self.held.until >= found.until):
            return
        if self.held is None:
            self.world.open.add(self.server.id)
            self.world.opened += 1
            self.keep(self.renew, self.terms.renew_every)
            self.keep(self.check_clock, self.terms.check_every)
        self.held = found

    def keep(self, work: Callable[[], None], every: float) -> None:
        """Do something again and again while the account is held."""

        def again() -> None:
            if self.alive and self.held is not None:
                work()
                self.world.later(every, again)

        self.world.later(every, again)

    def check_clock(self) -> None:
        if self.held is not None and is_over(self.held, self.clock(), self.terms):
            self.close()

    def close(self) -> None:
        """Close the browser, which takes as long as it may."""
        if self.held is None:
            return
        left = max(0.0, self.held.until - self.clock())
        self.held, self.leaving = None, True
        self.world.later(min(left, self.terms.margin) * 0.999, self.gone)

    def gone(self) -> None:
        self.leaving = False
        self.seen = None
        self.world.open.discard(self.server.id)

    def end(self) -> None:
        """Die with the browser; or stop in good order, and give the lease back."""
        self.alive = False
        was_open = self.server.id in self.world.open
        self.world.open.discard(self.server.id)
        if was_open and self.world.random.random() < 0.5:
            self.ask(self.give_back, lambda _: None)

    def give_back(self) -> None:
        lease = self.world.lease
        if lease.server == self.server:
            self.world.lease = Lease("a", None, lease.epoch, lease.renewals + 1)


def overlaps(
    random: Random, terms: LeaseTerms, make: type[ModelServer] = ModelServer
) -> tuple[bool, int]:
    """Run six servers; tell whether two browsers were open at once, and how many were in all."""
    world = World(random, terms)
    overlapped = False

    class Watched(make):  # type: ignore[valid-type, misc]
        def gained(self, epoch: int | None, asked_at: float) -> None:
            nonlocal overlapped
            super().gained(epoch, asked_at)
            overlapped |= len(self.world.open) > 1

    for number in range(6):
        Watched(world, f"server {number}")
    world.run()
    return overlapped, world.opened


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32), terms=st.sampled_from([TERMS, LONG]))
def test_two_browsers_are_never_open_for_one_account(seed: int, terms: LeaseTerms) -> None:
    overlapped, _ = overlaps(Random(seed), terms)
    assert not overlapped


@pytest.mark.parametrize("terms", [TERMS, LONG])
def test_the_model_hands_accounts_from_server_to_server(terms: LeaseTerms) -> None:
    opened = [overlaps(Random(seed), terms)[1] for seed in range(50)]
    assert sum(opened) > 50


class ComparesTheEpochOnly(ModelServer):
    def claim(self, seen: Lease) -> int | None:
        if self.world.lease.epoch != seen.epoch:
            return None
        return super().claim(self.world.lease)


class CountsFromTheAnswer(ModelServer):
    def gained(self, epoch: int | None, asked_at: float) -> None:
        super().gained(epoch, self.clock())


@pytest.mark.parametrize("terms", [TERMS, LONG])
@pytest.mark.parametrize("careless", [ComparesTheEpochOnly, CountsFromTheAnswer])
def test_the_model_finds_what_a_careless_server_would_do(
    careless: type[ModelServer], terms: LeaseTerms
) -> None:
    assert any(overlaps(Random(seed), terms, careless)[0] for seed in range(300))


def test_a_long_lease_changes_nothing_of_how_soon_a_server_notices() -> None:
    minutes, hours = LeaseTerms(seconds=600), LeaseTerms(seconds=7200)
    rhythm = (minutes.renew_every, minutes.look_every, minutes.check_every, minutes.answer_within)
    assert rhythm == (10, 5, 1, 10)
    assert rhythm == (hours.renew_every, hours.look_every, hours.check_every, hours.answer_within)


def test_a_short_lease_is_renewed_and_looked_at_in_time() -> None:
    assert (TERMS.renew_every, TERMS.look_every, TERMS.check_every) == (3, 3, 0.3)
    assert TERMS.renew_every + TERMS.answer_within < TERMS.seconds - TERMS.margin


def test_a_lease_counts_from_when_it_was_asked_for() -> None:
    assert held_lease(3, asked_at=100.0, now=104.0, terms=TERMS) == HeldLease(3, until=109.0)
    assert held_lease(3, asked_at=100.0, now=107.0, terms=TERMS) is None


def test_a_living_owner_is_left_alone_and_a_silent_one_is_not() -> None:
    owner = Server("other", "host", 1, lease_seconds=30.0)
    first = sight(None, Lease("a", owner, epoch=4, renewals=7), now=0.0)
    renewed = sight(first, Lease("a", owner, epoch=4, renewals=8), now=25.0)
    unchanged = sight(renewed, Lease("a", owner, epoch=4, renewals=8), now=40.0)
    assert not may_claim(unchanged, 50.0, owner_is_dead=False)
    assert may_claim(unchanged, 55.0, owner_is_dead=False)


def test_what_is_nobodys_or_a_dead_servers_is_free_at_once() -> None:
    owner = Server("other", "host", 1, lease_seconds=30.0)
    assert may_claim(sight(None, Lease("a", None, 4, 7), 0.0), 0.0, owner_is_dead=False)
    assert may_claim(sight(None, Lease("a", owner, 4, 7), 0.0), 0.0, owner_is_dead=True)
