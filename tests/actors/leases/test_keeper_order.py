"""Never two open browsers for one account, whatever order claims, renewals and answers come in.

The servers are real but for their browsers and their clock: see `servers`. Most steps come as
short scripts, because steps that are drawn one by one hardly ever let an account go from one server
to another. That they do, and that careless servers are found out, is tested too.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from actors.leases import keeper
from actors.leases.keeper import LeaseKeeper
from actors.leases.liveness import Liveness
from actors.leases.policy import HeldLease, Sighting, held_lease, may_claim, sight
from store import leases
from store.database.opening import open_database
from store.leases import Lease, Server
from tests.actors.leases.servers import SERVERS, TERMS, TICK, Step, carry_out
from tests.surroundings import Surroundings

EXAMPLES = 50
SECOND_BROWSERS = 0.5
"""The share of examples, at least, in which a second browser is opened after a first one: it is
about 0.85, and little is proven where none is."""

LEASE = round(TERMS.seconds / TICK)
OPEN = round((TERMS.seconds - TERMS.margin) / TICK)
"""How long a browser stays open without a renewal. Both in looks at the clock."""

Script = list[Step]


def silent_owner(wait: int) -> Script:
    return [("renew", 0), ("look", 0), ("look", 1), ("pass", wait), ("look", 1)]


def living_owner(before: int, after: int) -> Script:
    return [("look", 1), ("pass", before), ("renew", 0), ("pass", after), ("look", 1)]


def late_answer(work: str, legs: int, before: int, after: int) -> Script:
    """Have an answer come late, after somebody else has seen what it tells of."""
    begun = [(f"{work} slowly", 0), *[("deliver", -1)] * legs, ("look", 1)]
    return [*begun, ("pass", before), ("arrive", -1), ("pass", after), ("look", 1)]


def late_claim(before: int, after: int) -> Script:
    return [("die", 0), *late_answer("look", 3, before, after)]


def overtaken_look(before: int, after: int) -> Script:
    """Have somebody else decide on what was true before the owner renewed."""
    begun = [("renew", 0), ("look", 1), ("look slowly", 1), ("deliver", -1)]
    return [*begun, ("pass", before), ("renew", 0), ("pass", after), ("arrive", -1)]


def look_amid_creation(number: int) -> Script:
    """Have a server find an account that it has created and not heard of."""
    found = [("look", number), ("renew", number), ("look", number)]
    return [("create slowly", number), ("deliver", -1), *found, ("arrive", -1)]


PLACES = st.integers(0, SERVERS - 1)
WITHIN = st.integers(OPEN - 8, OPEN - 1)
"""So long that a browser is still open."""
BEYOND = st.integers(LEASE - (OPEN - 8), OPEN - 1)
"""After that, so long that a lease is over, and one that was renewed in between is not."""
AROUND = st.one_of(st.integers(OPEN - 6, OPEN - 1), st.integers(LEASE - 3, LEASE + 4))

BEGINNINGS = st.one_of(
    st.just([("found", 0), ("look", 0)]),
    st.builds(late_answer, st.just("create"), st.just(1), WITHIN, BEYOND),
    st.builds(look_amid_creation, PLACES),
)
SCRIPTS = st.one_of(
    st.builds(silent_owner, AROUND),
    st.builds(living_owner, WITHIN, BEYOND),
    st.builds(late_answer, st.just("renew"), st.just(1), WITHIN, BEYOND),
    st.builds(late_claim, WITHIN, BEYOND),
    st.builds(overtaken_look, WITHIN, BEYOND),
    st.just([("die", 0), ("look", 1)]),
    st.just([("stop", 0), ("look", 1)]),
    st.just([("stop slowly", 0), ("look slowly", 1), ("arrive", -1), ("arrive", -1)]),
)
SINGLE = st.one_of(
    st.tuples(st.sampled_from(["look", "look slowly", "renew", "renew slowly"]), PLACES),
    st.tuples(st.sampled_from(["deliver", "arrive", "lose"]), st.integers(-1, 2)),
    st.tuples(st.just("pass"), st.sampled_from([1, 4, OPEN, LEASE + 1])),
    st.tuples(st.sampled_from(["stop", "die"]), PLACES),
).map(lambda step: [step])
STEPS = st.builds(
    lambda beginning, scripts: sum(scripts, beginning),
    BEGINNINGS,
    st.lists(st.one_of(SCRIPTS, SCRIPTS, SINGLE), min_size=3, max_size=8),
)

Run = Callable[[Sequence[Step]], int]
"""Carries steps out, and gives how many browsers were opened; see `carry_out`."""


@pytest.fixture
def run(surroundings: Surroundings, tmp_path: Path) -> Iterator[Run]:
    """Carry out on one database, which is opened once: that takes longer than many steps."""
    with asyncio.Runner() as runner:
        opened = AsyncExitStack()
        runner.run(opened.enter_async_context(open_database(surroundings.database_url)))
        yield lambda steps: runner.run(carry_out(steps, tmp_path / "servers"))
        runner.run(opened.aclose())


def test_two_browsers_are_never_open_for_one_account(run: Run) -> None:
    opened = []

    @settings(max_examples=EXAMPLES, deadline=None)
    @given(STEPS)
    def holds(steps: Script) -> None:
        opened.append(run(steps))

    holds()
    assert sum(number > 1 for number in opened) > SECOND_BROWSERS * len(opened)


def test_an_account_goes_from_a_silent_server_to_the_next_once_its_lease_has_run_out(
    run: Run,
) -> None:
    almost = [("found", 0), ("look", 0), ("look", 1), ("pass", LEASE - 1), ("look", 1)]
    assert run(almost) == 1
    assert run([*almost, ("pass", 1), ("look", 1)]) == 2


# What careless servers would do.

Patch = pytest.MonkeyPatch


def compares_the_epoch_only(patch: Patch) -> None:
    claim = leases.claim

    async def careless(seen: Collection[Lease], server: Server) -> dict[str, int]:
        epochs = {lease.account_id: lease.epoch for lease in seen}
        now = [each for each in await leases.all_leases() if each.account_id in epochs]
        return await claim([each for each in now if each.epoch == epochs[each.account_id]], server)

    patch.setattr(leases, "claim", careless)


def does_not_see_renewals(patch: Patch) -> None:
    def careless(before: Sighting | None, lease: Lease, now: float) -> Sighting:
        same = before is not None and before.lease.epoch == lease.epoch
        return Sighting(lease, before.since) if before and same else sight(before, lease, now)

    patch.setattr(keeper, "sight", careless)


def counts_from_the_answer(patch: Patch) -> None:
    patch.setattr(
        keeper, "held_lease", lambda epoch, _, now, terms: held_lease(epoch, now, now, terms)
    )


def counts_a_creation_from_the_answer(patch: Patch) -> None:
    creating = LeaseKeeper.creating

    @asynccontextmanager
    async def careless(self: LeaseKeeper) -> AsyncIterator[Callable[[str], None]]:
        async with creating(self):

            def made(account_id: str) -> None:
                until = self._clock() + TERMS.seconds
                self._held[account_id] = HeldLease(leases.FIRST_EPOCH, until)

            yield made

    patch.setattr(LeaseKeeper, "creating", careless)


def takes_up_what_it_creates(patch: Patch) -> None:
    """Be careless of accounts that are being created: nobody else's, so adrift."""
    patch.setattr(LeaseKeeper, "_creating", property(lambda _: 0, lambda *_: None), raising=False)


def claims_too_early(patch: Patch) -> None:
    def careless(seen: Sighting, now: float, *, owner_is_dead: bool) -> bool:
        return may_claim(seen, now + 0.4 * TERMS.seconds, owner_is_dead=owner_is_dead)

    patch.setattr(keeper, "may_claim", careless)


def takes_the_living_for_dead(patch: Patch) -> None:
    patch.setattr(Liveness, "is_dead", lambda *_: True)


def forgets_the_clock(patch: Patch) -> None:
    patch.setattr(LeaseKeeper, "check_clock", lambda _: None)


@pytest.mark.parametrize(
    "careless",
    [
        compares_the_epoch_only,
        does_not_see_renewals,
        counts_from_the_answer,
        counts_a_creation_from_the_answer,
        takes_up_what_it_creates,
        claims_too_early,
        takes_the_living_for_dead,
        forgets_the_clock,
    ],
)
def test_two_browsers_of_careless_servers_are_found(
    careless: Callable[[Patch], None], run: Run, monkeypatch: Patch
) -> None:
    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, phases=[Phase.generate])
    @given(STEPS)
    def holds(steps: Script) -> None:
        run(steps)

    careless(monkeypatch)
    with pytest.raises(AssertionError, match="open at once"):
        holds()
