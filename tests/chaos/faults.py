"""Faults of the machine: killed and frozen processes, locks, Redis, the database, two servers.

Each fault is a function that does its harm, repairs what a human would have to, tells the model
what may be expected now, and returns. What follows is the server's affair.
"""

import asyncio
import os
import signal
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import suppress

from store.status import Status
from tests.chaos import locks
from tests.chaos.processes import all_processes
from tests.chaos.violation import Violation
from tests.chaos.world import Account, World
from tests.harness import ServerProcess

Fault = Callable[[World], Awaitable[str]]
"""Gives a word on what it did, for the history."""

LOCKED_SECONDS = 5.0


async def kill_browser(world: World) -> str:
    account = await online(world)
    os.kill(world.browser(account), signal.SIGKILL)
    return account.id


async def kill_renderer(world: World) -> str:
    account = await online(world)
    main = world.browser(account)
    renderers = [
        process.pid
        for process in all_processes()
        if process.session == main and "--type=renderer" in process.arguments
    ]
    os.kill(world.random.choice(renderers), signal.SIGKILL)
    return account.id


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
    await gone(world, main)
    return account.id


async def kill_server(world: World) -> str:
    await world.server.end(signal.SIGKILL)
    return await _start_again(world)


async def stop_server(world: World) -> str:
    code = await world.server.end(signal.SIGTERM)
    if code != 0:
        raise Violation(f"the server ended with code {code}")
    return await _start_again(world)


async def kill_server_amid_commands(world: World) -> str:
    done = await commands(world)
    await asyncio.sleep(world.random.uniform(0, 1))
    await kill_server(world)
    return done


async def commands(world: World) -> str:
    """Command some accounts in whatever state they are, often twice."""
    done = []
    for account in world.random.sample(world.accounts, min(3, len(world.accounts))):
        for _ in range(world.random.randint(1, 3)):
            verb = world.random.choice(("connect", "disconnect", "logout", "restart"))
            for _ in range(world.random.choice((1, 1, 2))):
                await world.command(account, verb)
                done.append(verb)
            await asyncio.sleep(world.random.choice((0, 0, 0.3, 1, 2)))
    return " ".join(done)


async def unlink_by_phone(world: World) -> str:
    account = await online(world)
    assert await world.phone(account, "unlink", {})
    account.expected.unlinked()
    return account.id


async def unlink_while_offline(world: World) -> str:
    """Have the phone remove a device whose browser is closed, and connect."""
    account = await at_rest(world)
    if await world.phone(account, "unlink", {}):
        account.expected.unlinked()
    await world.command(account, "connect")
    return account.id


async def stale_locks(world: World) -> str:
    account, kind = await at_rest(world), world.random.choice(list(locks.STALE))
    locks.leave(world.profiles / account.id, kind)
    await world.command(account, "connect")
    return f"{kind} in {account.id}"


async def living_owner(world: World) -> str:
    """Have somebody else hold a profile, which is to be said clearly, and then connect again."""
    account, our_lock = await at_rest(world), world.random.random() < 0.5
    owner = locks.LivingOwner(world.profiles / account.id, our_lock=our_lock)
    try:
        await world.command(account, "connect")
        await world.reaches(account, Status.FAILED)
    finally:
        owner.end()
    await world.command(account, "connect")
    return f"{'ours' if our_lock else 'of a Chromium'}, {account.id}"


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
    file = world.server.data / "wa-manager.sqlite3"
    connection = sqlite3.connect(file, timeout=10, isolation_level=None, check_same_thread=False)
    await asyncio.to_thread(connection.execute, "BEGIN EXCLUSIVE")
    try:
        await kill_browser(world)
        await asyncio.sleep(LOCKED_SECONDS)
    finally:
        connection.rollback()
        connection.close()
    return f"{LOCKED_SECONDS:g} s"


async def second_server_leaves(world: World) -> str:
    """Start a second server; it owns nothing, says so, and leaves without a trace."""
    second = await world.add_server()
    account = world.random.choice(world.accounts)
    await _is_refused(second, account)
    await world.settle()
    number = world.random.choice((signal.SIGTERM, signal.SIGKILL))
    await second.end(number)
    await world.remove_server(second)
    return number.name


async def second_server_takes_over(world: World) -> str:
    """Start a second server, which takes over everything when the first one ends."""
    first, _ = world.server, await world.add_server()
    number = world.random.choice((signal.SIGTERM, signal.SIGKILL))
    await first.end(number)
    await world.remove_server(first)
    _server_ended(world)
    return number.name


async def drop_stream(world: World) -> str:
    await world.stream.drop()
    return await commands(world)


async def gone(world: World, main: int) -> None:
    """Wait until the server has ended a browser that does not answer."""

    async def complaints() -> list[str]:
        there = main in {process.pid for mains in world.browsers().values() for process in mains}
        return [f"the browser {main} does not answer and is still there"] if there else []

    await world.well(complaints, calm_looks=1)


async def online(world: World) -> Account:
    """Give an account that is connected, or make one so."""
    statuses = await world.statuses()
    candidates = [a for a in world.accounts if statuses.get(a.id) is Status.CONNECTED]
    if candidates:
        return world.random.choice(candidates)
    account = world.random.choice(world.accounts)
    await world.command(account, "connect")
    await world.settle()
    return account


async def at_rest(world: World) -> Account:
    """Give an account without a browser, whose profile holds a session if it had one."""
    account = world.random.choice(world.accounts)
    await world.command(account, "disconnect")
    await world.reaches(account, Status.DISCONNECTED, Status.LOGGED_OUT)
    return account


async def _is_refused(server: ServerProcess, account: Account) -> None:
    async with server.client.post(f"/accounts/{account.id}/restart") as response:
        text = await response.text()
        if response.status != 409:
            raise Violation(f"a server that does not own {account.id} answers {text}")


async def _start_again(world: World) -> str:
    _server_ended(world)
    await world.server.start()
    return ""


def _server_ended(world: World) -> None:
    for account in world.accounts:
        account.expected.server_ended()


FAULTS: dict[str, Fault] = {
    "browser killed": kill_browser,
    "renderer killed": kill_renderer,
    "browser frozen for a while": freeze_browser,
    "browser frozen for ever": freeze_browser_for_ever,
    "server killed": kill_server,
    "server killed amid commands": kill_server_amid_commands,
    "server stopped": stop_server,
    "commands in any state": commands,
    "stream dropped": drop_stream,
    "unlinked by the phone": unlink_by_phone,
    "unlinked while offline": unlink_while_offline,
    "stale locks": stale_locks,
    "profile held by a living owner": living_owner,
    "redis away": redis_away,
    "database locked": database_locked,
    "second server comes and leaves": second_server_leaves,
    "second server takes over": second_server_takes_over,
}
