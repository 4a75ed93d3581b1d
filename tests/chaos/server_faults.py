"""Faults of servers: killed, stopped, and two at once where one is meant."""

import asyncio
import os
import signal
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from store.status import Cause, Status
from tests.chaos.account import Account
from tests.chaos.faults import Fault, online
from tests.chaos.user_faults import commands
from tests.chaos.violation import Violation
from tests.chaos.world import World
from tests.harness import ServerProcess

ENDS = (signal.SIGTERM, signal.SIGKILL)
LOCKED = (Status.FAILED, Cause.PROFILE_LOCKED)
FORGOTTEN = (Status.LOGGED_OUT, Cause.USER_LOGOUT)


async def kill_server(world: World) -> str:
    world.harmed()
    await world.server.end(signal.SIGKILL)
    return await start_again(world)


async def stop_server(world: World) -> str:
    world.harmed()
    code = await world.server.end(signal.SIGTERM)
    if code != 0:
        raise Violation(f"the server ended with code {code}")
    return await start_again(world)


async def kill_server_amid_commands(world: World) -> str:
    done = await commands(world)
    await asyncio.sleep(world.random.uniform(0, 1))
    await kill_server(world)
    return done


async def kill_server_amid_logout(world: World) -> str:
    """Have the server die after it has answered a logout, and perhaps a connect after that."""
    account, then = await online(world), world.deal("after a logout", ("nothing", "connect"))
    await world.command(account, "logout")
    if then == "connect":
        await world.command(account, then)
    await asyncio.sleep(world.random.uniform(0, 0.3))
    await kill_server(world)
    return f"{account.id}, then {then}"


async def second_server_leaves(world: World) -> str:
    """Start a second server; it owns nothing, says so, and leaves without a trace."""
    second = await world.add_server()
    account = world.random.choice(world.accounts)
    await _is_refused(second, account)
    await world.settle()
    number = world.deal("ends of a server", ENDS)
    world.harmed()
    await second.end(number)
    await world.remove_server(second)
    return number.name


async def second_server_takes_over(world: World) -> str:
    """Start a second server, which takes over everything when the first one ends."""
    first, _ = world.server, await world.add_server()
    number = world.deal("ends of a server", ENDS)
    world.harmed()
    await first.end(number)
    await world.remove_server(first)
    _server_ended(world)
    return number.name


async def second_server_on_another_database(world: World) -> str:
    """Start a server on the same profiles with a database of its own, such as a restored backup.

    Nothing in the databases keeps the two apart. Whatever the second one is told to do, the
    browsers of the first and their profiles stay as they are, and it says why it cannot.
    """
    before = {account_id: mains[0].pid for account_id, mains in world.browsers().items()}
    second = await world.add_server(
        WA_DATABASE_URL=f"sqlite://{_restored_backup(world)}", WA_REDIS_PREFIX="restored"
    )
    for account_id in before:
        await _says(world, second, account_id, *LOCKED)
    account = await online(world)
    for verb, shown in (("restart", LOCKED), ("logout", FORGOTTEN)):
        await second.call("POST", f"/accounts/{account.id}/{verb}", expect=202)
        await _says(world, second, account.id, *shown)
    await second.call("DELETE", f"/accounts/{account.id}")
    after = {account_id: mains[0].pid for account_id, mains in world.browsers().items()}
    if after != before:
        raise Violation(f"the browsers were {before}, and are {after} with a stranger around")
    number = world.deal("ends of a server", ENDS)
    await second.end(number)
    await world.remove_server(second)
    # Only a profile that is whole brings the account back without a scan.
    os.kill(before[account.id], signal.SIGKILL)
    return f"{number.name}, {account.id}"


def _restored_backup(world: World) -> Path:
    """Copy the database, as if that had been done while no server ran: nobody owns an account."""
    folder = Path(tempfile.mkdtemp(dir=world.server.data))
    file = folder / "restored.sqlite3"
    with closing(sqlite3.connect(world.database)) as source, closing(sqlite3.connect(file)) as copy:
        source.backup(copy)
        copy.execute("UPDATE leases SET owner = NULL")
        copy.commit()
    return file


async def _says(
    world: World, server: ServerProcess, account_id: str, status: Status, cause: Cause
) -> None:
    """Wait until a server shows an account so."""

    async def complaints() -> list[str]:
        shown = await server.account(account_id)
        there = (shown["status"], shown["cause"]) == (status, cause)
        return [] if there else [f"{account_id} is not {status} ({cause}) but {shown}"]

    await world.well(complaints, calm_looks=1)


async def _is_refused(server: ServerProcess, account: Account) -> None:
    async with server.client.post(f"/accounts/{account.id}/restart") as response:
        text = await response.text()
        if response.status != 409:
            raise Violation(f"a server that does not own {account.id} answers {text}")


async def start_again(world: World) -> str:
    """Start the server that has ended; its accounts come back by themselves."""
    _server_ended(world)
    await world.server.start()
    return ""


def _server_ended(world: World) -> None:
    for account in world.accounts:
        account.expected.server_ended()


SERVER_FAULTS: dict[str, Fault] = {
    "server killed": kill_server,
    "server killed amid a logout": kill_server_amid_logout,
    "server killed amid commands": kill_server_amid_commands,
    "server stopped": stop_server,
    "second server comes and leaves": second_server_leaves,
    "second server on another database": second_server_on_another_database,
    "second server takes over": second_server_takes_over,
}
