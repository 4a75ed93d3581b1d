"""A chaos run: one random fault after the other, and a table of how the server took them.

Everything random comes from one seed, which is printed; only the machine's own timing differs
from run to run.
"""

import asyncio
import random
import statistics
import sys
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from simulator.server import Simulator
from simulator.settings import SimulatorSettings
from tests.chaos.clock import Clock
from tests.chaos.faults import MACHINE_FAULTS, Fault
from tests.chaos.humans import help_accounts, write_messages
from tests.chaos.model import ONLINE
from tests.chaos.outside_faults import OUTSIDE_FAULTS, clock_steps
from tests.chaos.page_faults import PAGE_FAULTS
from tests.chaos.processes import adopting
from tests.chaos.send_faults import SEND_FAULTS
from tests.chaos.server_faults import SERVER_FAULTS
from tests.chaos.user_faults import COMMANDS, USER_FAULTS
from tests.chaos.violation import Violation
from tests.chaos.world import LOOK_EVERY, World
from tests.redis_server import RedisServer

ALL_FAULTS: dict[str, Fault] = {
    **MACHINE_FAULTS,
    **SERVER_FAULTS,
    **OUTSIDE_FAULTS,
    **USER_FAULTS,
    **PAGE_FAULTS,
    **SEND_FAULTS,
}
LOG_TAIL = 8000
"""Characters of the server's log that a violation shows."""
RECONNECT = 0.7
"""The chance of an account at rest to be connected before the next fault."""


@dataclass(frozen=True)
class Plan:
    """What a run does."""

    seed: int
    faults: int = 200
    accounts: int = 8
    deadline: float = 60.0
    look_every: float = LOOK_EVERY
    """Seconds from the end of a fault's harm, in which all must be well again."""
    kinds: Collection[str] = tuple(ALL_FAULTS)


@dataclass
class Result:
    """What came of it."""

    recovered: dict[str, list[float]] = field(default_factory=dict)
    """Seconds from the end of the harm until all was well, by kind of fault."""
    browsers: int = 0
    """How many browsers were seen."""
    commands: int = 0
    """How many pairs of a status and a command have met."""
    gave_up: int = 0
    """How often an account was given up, as it may be, and a human had to connect it again."""

    def table(self) -> str:
        """Draw it up for people."""
        rows = [
            f"{'fault':32}{'times':>6}{'median':>9}{'longest':>9}   seconds from harm to all well"
        ]
        for kind, seconds in sorted(self.recovered.items()):
            median, longest = statistics.median(seconds), max(seconds)
            rows.append(f"{kind:32}{len(seconds):6}{median:9.1f}{longest:9.1f}")
        total = [each for seconds in self.recovered.values() for each in seconds]
        rows.append(
            f"{'all':32}{len(total):6}{statistics.median(total):9.1f}{max(total):9.1f}\n"
            f"{self.browsers} browsers were seen, and nothing of them is left\n"
            f"{self.commands} of {len(COMMANDS)} pairs of a status and a command have met\n"
            f"{self.gave_up} times an account was given up and connected by a human"
        )
        return "\n".join(rows)


async def run(plan: Plan, folder: Path) -> Result:
    """Carry a plan out; what it says on the way goes to stdout.

    Raises:
        Violation: A promise was broken.
    """
    say(f"seed {plan.seed}: {plan.faults} faults, {plan.accounts} accounts")
    redis_folder = folder / "redis"
    redis_folder.mkdir(parents=True)
    redis = RedisServer(redis_folder)
    await asyncio.to_thread(redis.start)
    try:
        with adopting():
            return await _run_on(plan, folder, redis)
    finally:
        redis.stop()


async def _run_on(plan: Plan, folder: Path, redis: RedisServer) -> Result:
    async with Simulator(SimulatorSettings()) as simulator:
        # The servers of a run without that fault ask the system for the time, as always.
        needs_clock = clock_steps in [ALL_FAULTS[kind] for kind in plan.kinds]
        clock = Clock(folder) if needs_clock else None
        world = World(folder, simulator.url, redis, plan.seed, clock)
        world.deadline, world.look_every = plan.deadline, plan.look_every
        try:
            return await _attack(world, plan)
        except BaseException:
            say(f"violated with seed {plan.seed}; the server's log ends so:")
            say(world.server.log[-LOG_TAIL:])
            raise
        finally:
            await world.close()


async def _attack(world: World, plan: Plan) -> Result:
    result = Result()
    await world.start(plan.accounts, help_accounts, write_messages)
    for number, kind in enumerate(_choose(plan), start=1):
        await _reconnect_some(world)
        began = time.monotonic()
        try:
            note, seconds = await world.suffer(ALL_FAULTS[kind])
        except BaseException:
            say(f"{number:4}  {kind}: not survived")
            raise
        result.recovered.setdefault(kind, []).append(seconds)
        whole = time.monotonic() - began
        say(f"{number:4}  {kind:32}{seconds:6.1f} s of {whole:5.1f} s   {note}")
    await _end(world)
    result.browsers = len(world.seen_browsers)
    result.commands = len(world.commands_met)
    result.gave_up = sum(account.gave_up for account in world.accounts)
    return result


async def _reconnect_some(world: World) -> None:
    """Have most accounts open, so that there is something to attack.

    Those that are wanted already are left to themselves: a command would forgive their failures.
    """
    for account in world.accounts:
        if account.expected.goals != ONLINE and world.random.random() < RECONNECT:
            await world.command(account, "connect")
    await world.settle()


async def _end(world: World) -> None:
    """Stop the server; nothing of it may be left."""
    if code := await world.server.end():
        raise Violation(f"the server ended with code {code}")

    async def complaints() -> list[str]:
        return world.left()

    await world.well(complaints, calm_looks=1)


def _choose(plan: Plan) -> Iterator[str]:
    """Give every kind of fault once before any comes again, in random order."""
    source, hand = random.Random(plan.seed), list[str]()
    for _ in range(plan.faults):
        if not hand:
            hand = sorted(plan.kinds)
            source.shuffle(hand)
        yield hand.pop()


def say(text: str) -> None:
    """Tell whoever watches."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
