"""Never two open browsers for one account, whatever order claims, renewals and answers come in.

A model of servers on one database, in simulated time. Each has a clock of its own, every question
to the database arrives late, and so does its answer; what is done about it is decided by `tenure`.
"""

import heapq
import itertools
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.tenure import LeaseTerms, Sighting, Tenure, is_over, may_claim, sight, tenure
from store.leases import Lease, Server

TERMS = LeaseTerms(seconds=9.0, margin=2.0)
SECONDS = 300.0


class World:
    """Simulated time, and one account's lease in the database."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.now = 0.0
        self.lease = Lease("a", None, epoch=0, renewals=0)
        self.open: set[str] = set()
        self.opened = 0
        self._calls: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        heapq.heappush(self._calls, (self.now + seconds, next(self._numbers), call))

    def delay(self) -> float:
        """Give the time that a question or an answer takes: mostly little, at times too much."""
        least, most = self.random.choice([(0.001, 0.05), (0.001, 0.05), (0.1, 4), (4, 20)])
        return self.random.uniform(least, most)

    def run(self) -> None:
        while self._calls and self.now < SECONDS:
            self.now, _, call = heapq.heappop(self._calls)
            call()


class ModelServer:
    """A server that wants the account, does as `tenure` says, and may stop or die."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.server = Server(name, "host", 1, TERMS.seconds)
        self.offset = world.random.uniform(-1e6, 1e6)
        self.alive = True
        self.held: Tenure | None = None
        self.seen: Sighting | None = None
        self.leaving = False
        world.later(world.random.uniform(0, 60), self.look)
        if world.random.random() < 0.5:
            world.later(world.random.uniform(20, SECONDS), self.end)

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
        self.world.later(self.world.random.uniform(1, 4), self.look)
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
        found = tenure(epoch, asked_at, self.clock(), TERMS)
        if found is None or (self.held and self.held.until >= found.until):
            return
        if self.held is None:
            self.world.open.add(self.server.id)
            self.world.opened += 1
            self.keep_renewing()
        self.held = found
        self.world.later(found.until - TERMS.margin - self.clock(), self.check_clock)

    def keep_renewing(self) -> None:
        def again() -> None:
            if self.alive and self.held is not None:
                self.renew()
                self.world.later(TERMS.renew_every, again)

        self.world.later(TERMS.renew_every, again)

    def check_clock(self) -> None:
        if self.held is not None and is_over(self.held, self.clock(), TERMS):
            self.close()

    def close(self) -> None:
        """Close the browser, which takes as long as it may."""
        if self.held is None:
            return
        left = max(0.0, self.held.until - self.clock())
        self.held, self.leaving = None, True
        self.world.later(min(left, TERMS.margin) * 0.999, self.gone)

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


def overlaps(random: Random, make: type[ModelServer] = ModelServer) -> tuple[bool, int]:
    """Run six servers; tell whether two browsers were open at once, and how many were in all."""
    world = World(random)
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
@given(seed=st.integers(0, 2**32))
def test_two_browsers_are_never_open_for_one_account(seed: int) -> None:
    overlapped, _ = overlaps(Random(seed))
    assert not overlapped


def test_the_model_hands_accounts_from_server_to_server() -> None:
    opened = [overlaps(Random(seed))[1] for seed in range(50)]
    assert sum(opened) > 50


class ComparesTheEpochOnly(ModelServer):
    def claim(self, seen: Lease) -> int | None:
        if self.world.lease.epoch != seen.epoch:
            return None
        return super().claim(self.world.lease)


class CountsFromTheAnswer(ModelServer):
    def gained(self, epoch: int | None, asked_at: float) -> None:
        super().gained(epoch, self.clock())


@pytest.mark.parametrize("careless", [ComparesTheEpochOnly, CountsFromTheAnswer])
def test_the_model_finds_what_a_careless_server_would_do(careless: type[ModelServer]) -> None:
    assert any(overlaps(Random(seed), careless)[0] for seed in range(300))


def test_a_lease_counts_from_when_it_was_asked_for() -> None:
    assert tenure(3, asked_at=100.0, now=104.0, terms=TERMS) == Tenure(3, until=109.0)
    assert tenure(3, asked_at=100.0, now=107.0, terms=TERMS) is None


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
