"""Never two open browsers for one account, with the real queries on a real database.

Servers share one database. Time is simulated, and each question to the database, and each
answer, may be held up while other servers and the time go on.
"""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Collection, Sequence
from pathlib import Path
from typing import TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st

from actors.lifesign import Lifesign
from actors.ownership import Ownership
from actors.tenure import LeaseTerms
from store import accounts, leases
from store.database import open_database
from store.leases import Lease, Server
from tests.surroundings import MakeSurroundings, Surroundings

TERMS = LeaseTerms(seconds=9.0, margin=2.0)
TICK = 0.25
SERVERS = 3

T = TypeVar("T")

Step = tuple[str, int]

QUICK = st.sampled_from(["look", "renew"])
STEPS = st.lists(
    st.one_of(
        st.tuples(QUICK, st.integers(0, SERVERS - 1)),
        st.tuples(st.sampled_from(["look slowly", "renew slowly"]), st.integers(0, SERVERS - 1)),
        st.tuples(st.just("deliver"), st.integers(0, 5)),
        st.tuples(st.just("pass"), st.sampled_from([1, 4, 12, 28, 37])),
        st.tuples(st.just("stop"), st.integers(0, SERVERS - 1)),
    ),
    max_size=60,
)


class World:
    """Simulated time, who has a browser open, and what is held up on its way."""

    def __init__(self) -> None:
        self.now = 100.0
        self.open: set[str] = set()
        self.opened = 0
        self.held_up: list[asyncio.Future[None]] = []
        self.work: set[asyncio.Task[None]] = set()
        self.slow = False

    async def travel(self) -> None:
        """Be on the way: for no time, or until somebody delivers."""
        if self.slow:
            arrival: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self.held_up.append(arrival)
            await arrival

    async def settle(self) -> None:
        """Wait until everything under way is done, or held up."""
        while True:
            self.work = {task for task in self.work if not task.done()}
            if len(self.work) == sum(not arrival.done() for arrival in self.held_up):
                break
            await asyncio.sleep(0)
        self.held_up = [arrival for arrival in self.held_up if not arrival.done()]


class SlowStore:
    """The real queries, a journey away."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def add_missing(self) -> None:
        await leases.add_missing()

    async def all_leases(self) -> list[Lease]:
        return await self._far(leases.all_leases)

    async def claim(self, seen: Collection[Lease], server: Server) -> dict[str, int]:
        return await self._far(lambda: leases.claim(seen, server))

    async def renew(self, server_id: str) -> dict[str, int]:
        return await self._far(lambda: leases.renew(server_id))

    async def release(self, server_id: str, account_ids: Collection[str]) -> None:
        await self._far(lambda: leases.release(server_id, account_ids))

    async def _far(self, query: Callable[[], Awaitable[T]]) -> T:
        await self._world.travel()
        answer = await query()
        await self._world.travel()
        return answer


class ModelServer:
    """A real ownership; its tenant opens a browser when it may, and closes as late as it may."""

    def __init__(self, world: World, number: int, folder: Path) -> None:
        self.world = world
        server = Server(f"server {number}", "host", number, TERMS.seconds)
        sign = Lifesign(folder, server.id)
        self.ownership = Ownership(
            server, TERMS, sign, self, store=SlowStore(world), clock=lambda: world.now
        )
        self.busy: dict[str, asyncio.Task[None]] = {}
        self.gone_at = float("inf")
        self.stopped = False

    def start(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Begin what a server does one at a time, unless it is still at it."""
        if self.stopped or (name in self.busy and not self.busy[name].done()):
            return

        async def carried_out() -> None:
            await work()
            await self.ownership.hand_over()

        self.busy[name] = asyncio.create_task(carried_out())
        self.world.work.add(self.busy[name])

    async def take_up(self, account_ids: Collection[str]) -> None:
        for account_id in account_ids:
            if not self.stopped and self.ownership.begin(account_id) is not None:
                self.world.open.add(self.ownership.server.id)
                self.world.opened += 1

    def vacate(self, account_id: str, seconds: float) -> None:
        self.account_id = account_id
        self.gone_at = self.world.now + 0.99 * min(seconds, TERMS.margin)

    def found_elsewhere(self, account_ids: Collection[str]) -> None:
        pass

    def look_at_clock(self) -> None:
        if self.world.now >= self.gone_at:
            self.gone_at = float("inf")
            self.world.open.discard(self.ownership.server.id)
            self.ownership.let_go(self.account_id)
        self.ownership.check_clock()

    def stop(self, account_id: str) -> None:
        if not self.stopped:
            self.stopped = True
            self.world.open.discard(self.ownership.server.id)
            self.ownership.let_go(account_id)
            self.world.work.add(asyncio.create_task(self.ownership.stop(give_back=True)))


async def run(steps: Sequence[Step], database_url: str, folder: Path) -> int:
    """Carry the steps out; give how many browsers were opened in all."""
    async with open_database(database_url):
        row, _ = await accounts.create("Support")
        await leases.add_missing()
        world = World()
        servers = [ModelServer(world, number, folder / "servers") for number in range(SERVERS)]
        for step, number in steps:
            world.slow = step.endswith("slowly") or step == "deliver"
            match step:
                case "look" | "look slowly":
                    servers[number].start("look", servers[number].ownership.look)
                case "renew" | "renew slowly":
                    servers[number].start("renew", servers[number].ownership.renew)
                case "deliver" if world.held_up:
                    world.held_up[number % len(world.held_up)].set_result(None)
                case "stop":
                    servers[number].stop(row.id)
                case "pass":
                    for _ in range(number):
                        world.now += TICK
                        for server in servers:
                            server.look_at_clock()
            await world.settle()
            assert len(world.open) <= 1, (step, number, world.open)
        for task in world.work:
            task.cancel()
        await asyncio.gather(*world.work, return_exceptions=True)
        return world.opened


@settings(max_examples=50, deadline=None)
@given(steps=STEPS)
def test_two_browsers_are_never_open_for_one_account(
    make_surroundings: MakeSurroundings, steps: list[Step]
) -> None:
    with make_surroundings() as made, tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(steps, made.database_url, Path(folder)))


def test_an_account_goes_from_a_silent_server_to_the_next_once_its_lease_has_run_out(
    surroundings: Surroundings, tmp_path: Path
) -> None:
    steps = [("look", 0), ("look", 1), ("pass", 35), ("look", 1), ("pass", 1), ("look", 1)]
    assert asyncio.run(run(steps, surroundings.database_url, tmp_path)) == 2
