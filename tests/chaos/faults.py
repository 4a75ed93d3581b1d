"""Faults of the machine: killed and frozen browsers, locks, Redis, the database.

Each fault is a function that does its harm, repairs what a human would have to, tells the model
what may be expected now, and returns. What follows is the server's affair. A fault that waits for
anything after its harm is done says so before: see `World.harmed`.
"""

import asyncio
import os
import signal
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from store.status import Cause, Status
from tests.chaos import locks
from tests.chaos.account import Account
from tests.chaos.processes import all_processes
from tests.chaos.violation import Violation
from tests.chaos.world import World

Fault = Callable[[World], Awaitable[str]]
"""Gives a word on what it did, for the history."""

LOCKED_SECONDS = 5.0


async def kill_browser(world: World) -> str:
    account = await online(world)
    os.kill(world.browser(account), signal.SIGKILL)
    return account.id


async def kill_renderer(world: World) -> str:
    account = await online(world)
    await kill_renderer_of(world, account)
    return account.id


async def kill_renderer_of(world: World, account: Account) -> None:
    main = world.browser(account)
    renderers = [
        process.pid
        for process in all_processes()
        if process.session == main and "--type=renderer" in process.arguments
    ]
    os.kill(world.random.choice(renderers), signal.SIGKILL)


async def freeze_browser(world: World) -> str:
    """Stop a whole browser for a while."""
    account = await online(world)
    seconds, main = world.random.uniform(0.1, 6), world.browser(account)
    os.killpg(main, signal.SIGSTOP)
    await asyncio.sleep(seconds)
    # It may have been taken for dead meanwhile.
    with suppress(ProcessLookupError):
        os.killpg(main, signal.SIGCONT)
    return f"{account.id} for {seconds:.1f} s"


async def freeze_browser_for_ever(world: World) -> str:
    account = await online(world)
    main = world.browser(account)
    os.killpg(main, signal.SIGSTOP)
    world.harmed()
    await gone(world, main)
    return account.id


async def stale_locks(world: World) -> str:
    """Have a crash leave locks behind, which are to be removed before the browser starts."""
    account, kind = await at_rest(world), world.deal("stale locks", locks.STALE)
    left = locks.leave(world.profiles / account.id, kind)
    before = {path: path.lstat().st_ino for path in left}
    world.harmed()
    await world.command(account, "connect")
    await world.reaches(account, Status.CONNECTED)
    stay = [str(path) for path in left if _inode(path) == before[path]]
    if stay:
        raise Violation(f"{kind}: these locks were left there: {stay}")
    return f"{kind} in {account.id}"


async def living_owner(world: World) -> str:
    """Have somebody else hold a profile, which is to be said clearly, and then connect again."""
    account, our_lock = await at_rest(world), world.deal("living owner", (True, False))
    owner = locks.LivingOwner(world.profiles / account.id, our_lock=our_lock)
    world.harmed()
    try:
        await world.command(account, "connect")
        await world.reaches(account, Status.FAILED)
        if (cause := await world.cause(account)) != Cause.PROFILE_LOCKED:
            raise Violation(f"{account.id} is FAILED for {cause}, and its profile is held")
    finally:
        owner.end()
    await world.command(account, "connect")
    return f"{'ours' if our_lock else 'of a Chromium'}, {account.id}"


async def kill_browser_over_and_over(world: World) -> str:
    """Kill each browser of an account, until it is given up; then a human connects it again."""
    account = await online(world)
    gave_up, killed = account.gave_up, set[int]()

    async def complaints() -> list[str]:
        for main in world.browsers().get(account.id, []):
            killed.add(main.pid)
            with suppress(ProcessLookupError):
                os.kill(main.pid, signal.SIGKILL)
        await world.read_log(account)
        enough = account.gave_up > gave_up
        return [] if enough else [f"{account.id} is not given up after {len(killed)} kills"]

    await world.well(complaints, calm_looks=1)
    return account.id


async def redis_away(world: World) -> str:
    seconds = world.random.uniform(0.2, 4)
    world.redis.stop()
    if world.random.random() < 0.5:
        await kill_browser(world)
    await asyncio.sleep(seconds)
    await asyncio.to_thread(world.redis.start)
    return f"{seconds:.1f} s"


async def database_locked(world: World) -> str:
    """Hold the database, as a backup tool might, while a browser dies."""
    connection = sqlite3.connect(
        world.database, timeout=10, isolation_level=None, check_same_thread=False
    )
    await asyncio.to_thread(connection.execute, "BEGIN EXCLUSIVE")
    try:
        await kill_browser(world)
        await asyncio.sleep(LOCKED_SECONDS)
    finally:
        connection.rollback()
        connection.close()
    return f"{LOCKED_SECONDS:g} s"


async def gone(world: World, main: int) -> None:
    """Wait until the server has ended a browser that does not answer."""

    async def complaints() -> list[str]:
        there = main in {process.pid for mains in world.browsers().values() for process in mains}
        return [f"the browser {main} does not answer and is still there"] if there else []

    await world.well(complaints, calm_looks=1)


async def online(world: World) -> Account:
    """Return an account that is connected, or make one so."""
    statuses = await world.statuses()
    candidates = [a for a in world.accounts if statuses.get(a.id) is Status.CONNECTED]
    if candidates:
        return world.random.choice(candidates)
    account = world.random.choice(world.accounts)
    await world.command(account, "connect")
    await world.settle()
    return account


async def at_rest(world: World) -> Account:
    """Return an account without a browser, whose profile holds a session if it had one."""
    account = world.random.choice(world.accounts)
    await world.command(account, "disconnect")
    await world.reaches(account, Status.DISCONNECTED, Status.LOGGED_OUT)
    return account


def _inode(path: Path) -> int | None:
    return path.lstat().st_ino if os.path.lexists(path) else None


MACHINE_FAULTS: dict[str, Fault] = {
    "browser killed": kill_browser,
    "browser killed over and over": kill_browser_over_and_over,
    "renderer killed": kill_renderer,
    "browser frozen for a while": freeze_browser,
    "browser frozen for ever": freeze_browser_for_ever,
    "stale locks": stale_locks,
    "profile held by a living owner": living_owner,
    "redis away": redis_away,
    "database locked": database_locked,
}
