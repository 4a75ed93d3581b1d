"""Faults of what lies around a server: its clock, the network to WhatsApp, who stops it."""

import asyncio
import signal
from collections.abc import Mapping
from datetime import UTC, datetime

from store.status import Status
from tests.chaos.account import Account
from tests.chaos.faults import Fault, kill_browser, online
from tests.chaos.humans import send
from tests.chaos.server_faults import start_again
from tests.chaos.violation import Violation
from tests.chaos.world import World

DAY = 24 * 3600.0
STEPS = (-DAY, -90.0, 90.0, DAY)
"""Seconds by which a clock is wrong; WhatsApp's is right."""
CLOSE_SECONDS = 30.0
"""What is nearer to a time than this counts as that time: an answer travels for a while."""
OUTAGE_SECONDS = 90.0
"""Longer than an account may be on its way to CONNECTED, shorter than its patience offline."""
BETWEEN_SIGNALS = (0.01, 0.1, 0.5)


async def clock_steps(world: World) -> str:
    """Set the clock of the server's machine wrong, and later right, with a restart in between.

    Nobody goes offline, each message is told, also one of which no event of the page tells, and
    none is told again when a browser or the server is started.
    """
    account, seconds = await online(world), world.deal("steps of a clock", STEPS)
    browsers = _browsers(world)
    told = {each.id: each.told.copy() for each in world.accounts}
    await _set_clock(world, seconds)
    await _hears(world, account)
    _same_browsers(browsers, _browsers(world), f"the clock was set {seconds:+g} s")
    killed = await kill_browser(world)
    await world.settle()
    await _set_clock(world, 0)
    await world.server.end(signal.SIGTERM)
    await start_again(world)
    world.harmed()
    await world.reaches(account, Status.CONNECTED)
    await _hears(world, account)
    for each in world.accounts:
        before = told[each.id]
        if again := [ident for ident in each.told if each.told[ident] > max(1, before[ident])]:
            raise Violation(f"{each.id}: {again} were told again after {seconds:+g} s")
    return f"{seconds:+g} s, {killed}"


async def outage(world: World) -> str:
    """Have WhatsApp out of reach for all accounts; their browsers wait, and none is restarted."""
    await online(world)
    before = _browsers(world)
    fault = await world.fault("offline")
    await asyncio.sleep(OUTAGE_SECONDS)
    _same_browsers(before, _browsers(world), f"an outage of {OUTAGE_SECONDS:g} s")
    await world.end_fault(fault)
    world.harmed()
    await world.settle()
    _same_browsers(before, _browsers(world), f"an outage of {OUTAGE_SECONDS:g} s")
    return f"{len(before)} browsers"


async def stop_server_twice(world: World) -> str:
    """Signal a server twice at once, as a process group and its parent do: it stops in order."""
    opened, said = _browsers(world), len(world.server.log)
    between = world.deal("time between signals", BETWEEN_SIGNALS)
    world.harmed()
    assert world.server.process is not None
    world.server.process.send_signal(signal.SIGTERM)
    await asyncio.sleep(between)
    if code := await world.server.end(signal.SIGTERM):
        raise Violation(f"the server ended with code {code}")
    log = world.server.log[said:]
    for account_id in opened:
        if f"✅ Client {account_id} closed" not in log:
            raise Violation(f"{account_id} was not closed in order after two signals")
    await start_again(world)
    return f"{between:g} s apart, {len(opened)} browsers"


async def _set_clock(world: World, seconds: float) -> None:
    """Set the servers' clock so much ahead, and wait until the one that is used shows it."""
    world.clock.set(seconds)

    async def complaints() -> list[str]:
        shown = datetime.fromisoformat((await world.server.call("GET", "/health"))["timestamp"])
        ahead = (shown - datetime.now(UTC)).total_seconds()
        there = abs(ahead - seconds) < CLOSE_SECONDS
        return [] if there else [f"the clock is {ahead:+.0f} s ahead, and not {seconds:+.0f} s"]

    await world.well(complaints, calm_looks=1)


async def _hears(world: World, account: Account) -> None:
    """Write to an account, also so that no event of its page tells of it, until both are told."""
    number = sum(account.told.values())
    await send(world, account, f"By any clock {number}")
    fault = await world.fault("silent", number=account.number)
    await send(world, account, f"Unheard by any clock {number}")

    async def complaints() -> list[str]:
        await world.read_log(account)
        missing = [text for text in account.awaited if "any clock" in text]
        return [f"{account.id} did not get {missing}"] if missing else []

    await world.well(complaints, calm_looks=1)
    await world.end_fault(fault)


def _browsers(world: World) -> dict[str, int]:
    return {account_id: mains[0].pid for account_id, mains in world.browsers().items()}


def _same_browsers(before: Mapping[str, int], after: Mapping[str, int], what: str) -> None:
    if before != after:
        raise Violation(f"the browsers were {before}, and are {after} after {what}")


OUTSIDE_FAULTS: dict[str, Fault] = {
    "clock steps": clock_steps,
    "outage for all": outage,
    "server stopped twice at once": stop_server_twice,
}
