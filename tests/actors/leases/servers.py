"""Servers that share one account, in simulated time: real ownership, real queries, a real database.

Each question to the database, and each answer, may be held up or lost while other servers and the
time go on. Browsers are names in a list: opened as soon as a server may, closed as late as it may.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Collection, Sequence
from pathlib import Path
from typing import TypeVar

from actors.leases.keeper import LeaseKeeper
from actors.leases.liveness import Liveness
from actors.leases.policy import LeaseTerms
from store import accounts, leases
from store.errors import DatabaseAway
from store.leases import Lease, Server

TERMS = LeaseTerms(seconds=9.0, margin=2.0)
TICK = 0.25
"""Seconds between two looks of a server at the clock."""
SERVERS = 3

T = TypeVar("T")

Step = tuple[str, int]
"""What happens next, and where or how much: see `World.do`."""


class World:
    """Simulated time, who has a browser open, and what is held up on its way."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = 100.0
        self.account_id: str | None = None
        self.open: list[str] = []
        self.most_open = 0
        self.opened = 0
        self.owner = 0
        """The place of the server that was the last to open a browser."""
        self.slow = False
        self.held_up: list[asyncio.Future[None]] = []
        self.work: set[asyncio.Task[None]] = set()
        self.moved = asyncio.Event()
        self.numbers = itertools.count()
        self.all_servers: list[ModelServer] = []
        self.places = [ModelServer(self, place) for place in range(SERVERS)]

    async def do(self, step: str, number: int) -> None:
        """Have one thing happen, and all that follows from it at once.

        Places of servers are counted from the one that was the last to open a browser.
        """
        self.slow = step.endswith(" slowly") or step == "deliver"
        server = self.places[(self.owner + number) % SERVERS]
        match step.removesuffix(" slowly"):
            case "found" if self.account_id is None:
                self.account_id = (await accounts.create("Support"))[0].id
                await leases.add_missing()
            case "create" if self.account_id is None:
                server.start("create", server.create)
            case "look":
                server.start("look", server.look)
            case "renew":
                server.start("renew", server.keeper.renew)
            case "deliver" | "arrive" if self.held_up:
                self.held_up[number % len(self.held_up)].set_result(None)
            case "lose" if self.held_up:
                self.held_up[number % len(self.held_up)].set_exception(DatabaseAway())
            case "stop":
                server.stop()
            case "die":
                server.die()
            case "pass":
                for _ in range(number):
                    self.now += TICK
                    for each in self.all_servers:
                        each.look_at_clock()
        await self._settle()

    async def travel(self) -> None:
        """Be on the way: for no time, or until it is delivered."""
        if self.slow:
            arrival: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self.held_up.append(arrival)
            self.moved.set()
            await arrival

    def begin(self, work: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        """Have something under way."""
        task = asyncio.create_task(_as_coroutine(work))
        self.work.add(task)
        task.add_done_callback(lambda _: self.moved.set())
        return task

    async def end(self) -> None:
        """End all that is under way, and remove the account."""
        for task in self.work:
            task.cancel()
        await asyncio.gather(*self.work, return_exceptions=True)
        for server in self.all_servers:
            server.liveness.end()
        if self.account_id is not None:
            lease = await leases.get(self.account_id)
            await accounts.delete(self.account_id, None if lease is None else lease.epoch)

    async def _settle(self) -> None:
        """Wait until everything under way is done, or held up."""
        while True:
            for task in [task for task in self.work if task.done()]:
                self.work.discard(task)
                if not isinstance(task.exception(), DatabaseAway):
                    task.result()
            if len(self.work) == sum(not arrival.done() for arrival in self.held_up):
                break
            self.moved.clear()
            await self.moved.wait()
        self.held_up = [arrival for arrival in self.held_up if not arrival.done()]


class ModelServer:
    """A real ownership; its tenant opens a browser when it may, and closes as late as it may."""

    def __init__(self, world: World, place: int) -> None:
        self.world = world
        self.place = place
        number = next(world.numbers)
        server = Server(f"server {number}", "host", number, TERMS.seconds)
        self.name = server.id
        self.liveness = Liveness(world.folder, server.id)
        self.liveness.hold()
        self.store = SlowStore(self)
        self.keeper = LeaseKeeper(
            server, TERMS, self.liveness, self, store=self.store, clock=lambda: world.now
        )
        self.busy: dict[str, asyncio.Task[None]] = {}
        self.gone_at = float("inf")
        self.stopped = False
        self.dead = False
        world.all_servers.append(self)

    # What a server does, one at a time of each.

    def start(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Begin something, unless it is still at it."""
        if name not in self.busy or self.busy[name].done():
            self.busy[name] = self.world.begin(work)

    async def look(self) -> None:
        await self.keeper.look()
        await self.keeper.hand_over()

    async def create(self) -> None:
        async with self.keeper.creating() as made:
            made(await self.store.create())
        self.keeper.check_clock()
        self._open_if_owned()

    def stop(self) -> None:
        """End in good order; the next one starts in its place meanwhile."""
        self.stopped = True
        self._close()
        self.start("stop", lambda: self.keeper.stop(give_back=True))
        self._be_replaced()

    def die(self) -> None:
        """End without a word, and the browser with it; another one starts in its place."""
        self.dead = self.stopped = True
        self._close()
        self.liveness.end()
        self._be_replaced()

    def _be_replaced(self) -> None:
        self.world.places[self.place] = ModelServer(self.world, self.place)

    # The tenant.

    async def take_up(self, account_ids: Collection[str]) -> None:
        await self.world.travel()
        for account_id in account_ids:
            if self.keeper.begin(account_id) is not None:
                self._open_if_owned()

    def relinquish(self, account_id: str, seconds: float) -> None:
        self.gone_at = self.world.now + 0.99 * min(seconds, TERMS.margin)

    def found_elsewhere(self, account_ids: Collection[str]) -> None:
        pass

    def look_at_clock(self) -> None:
        if self.stopped:
            return
        if self.world.now >= self.gone_at:
            self.gone_at = float("inf")
            self._close()
        self.keeper.check_clock()

    def _open_if_owned(self) -> None:
        world = self.world
        assert world.account_id is not None
        if not self.stopped and self.keeper.epoch(world.account_id) is not None:
            world.open.append(self.name)
            world.most_open = max(world.most_open, len(world.open))
            world.opened += 1
            world.owner = self.place

    def _close(self) -> None:
        if self.name in self.world.open:
            self.world.open.remove(self.name)
        if self.world.account_id is not None:
            self.keeper.let_go(self.world.account_id)


class SlowStore:
    """The real queries, a journey away."""

    def __init__(self, server: ModelServer) -> None:
        self._server = server
        self._world = server.world

    async def create(self) -> str:
        async def created() -> str:
            row, _ = await accounts.create("Support", self._server.keeper.server)
            self._world.account_id = row.id
            return row.id

        return await self._far(created)

    async def add_missing(self) -> None:
        await leases.add_missing()

    async def all_leases(self) -> list[Lease]:
        return await self._far(leases.all_leases)

    async def claim(self, seen: Collection[Lease], server: Server) -> dict[str, int]:
        return await self._far(lambda: leases.claim(seen, server))

    async def renew(
        self, server_id: str, account_ids: Collection[str] | None = None
    ) -> dict[str, int]:
        return await self._far(lambda: leases.renew(server_id, account_ids))

    async def release(self, server_id: str, account_ids: Collection[str]) -> None:
        await self._far(lambda: leases.release(server_id, account_ids))

    async def _far(self, query: Callable[[], Awaitable[T]]) -> T:
        await self._world.travel()
        answer = await query()
        await self._world.travel()
        if self._server.dead:
            # What it had asked was done; nobody is there to hear of it.
            raise DatabaseAway
        return answer


async def carry_out(steps: Sequence[Step], folder: Path) -> int:
    """Have the steps happen on the open database; give how many browsers were opened in all.

    Raises:
        AssertionError: Two were open at once.
    """
    world = World(folder)
    try:
        for done, (step, number) in enumerate(steps, start=1):
            await world.do(step, number)
            assert world.most_open <= 1, f"open at once: {world.open} after {steps[:done]}"
        return world.opened
    finally:
        await world.end()


async def _as_coroutine(work: Callable[[], Awaitable[None]]) -> None:
    await work()
