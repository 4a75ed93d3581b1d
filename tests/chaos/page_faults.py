"""Faults of the page and of WhatsApp: one for each kind that the simulator knows."""

import asyncio

from store.status import Status
from tests.chaos.account import Account
from tests.chaos.faults import Fault, gone, online
from tests.chaos.humans import send
from tests.chaos.world import World

MODULES = (None, "WAWebConnModel", "WAWebStreamModel")


async def no_qr(world: World) -> str:
    account = world.random.choice(world.accounts)
    await world.command(account, "logout")
    fault = await world.fault("no-qr")
    await world.command(account, "connect")
    return await _end_later(world, fault, account)


async def slow_load(world: World) -> str:
    return await _restart_with(world, "slow-load", seconds=world.random.uniform(0.5, 3))


async def slow_sync(world: World) -> str:
    return await _restart_with(world, "slow-sync", seconds=world.random.uniform(0.5, 3))


async def offline(world: World) -> str:
    account = await online(world)
    fault = await world.fault("offline", number=account.number)
    return await _end_later(world, fault, account)


async def terms(world: World) -> str:
    account = await online(world)
    fault = await world.fault("terms", number=account.number)
    world.harmed()
    await world.reaches(account, Status.ACTION_REQUIRED)
    await world.end_fault(fault)
    return account.id


async def logout(world: World) -> str:
    account = await online(world)
    await world.fault("logout", number=account.number)
    account.expected.unlinked()
    return account.id


async def conflict(world: World) -> str:
    """Have another place take the session, until a human takes it back."""
    account = await online(world)
    await world.fault("conflict", number=account.number)
    world.harmed()
    await world.reaches(account, Status.ACTION_REQUIRED)
    await world.command(account, "restart")
    return account.id


async def reload(world: World) -> str:
    account = await online(world)
    changes = account.changes
    await world.fault("reload", number=account.number)
    world.harmed()

    async def complaints() -> list[str]:
        await world.read_log(account)
        return [] if account.changes > changes else [f"{account.id} tells of no reload"]

    await world.well(complaints, calm_looks=1)
    return account.id


async def hang(world: World) -> str:
    """Have the page busy for ever; only a restart of its browser helps."""
    return await _end_browser_with(world, "hang")


async def short_hang(world: World) -> str:
    account, seconds = await online(world), world.random.uniform(0.5, 3)
    await world.fault("hang", number=account.number, seconds=seconds)
    await asyncio.sleep(seconds)
    return f"{account.id} for {seconds:.1f} s"


async def crash(world: World) -> str:
    return await _end_browser_with(world, "crash")


async def passkey(world: World) -> str:
    """Have the phone's owner confirm a scan late."""
    account = world.random.choice(world.accounts)
    await world.command(account, "logout")
    fault = await world.fault("passkey", number=account.number)
    world.harmed()
    await world.command(account, "connect")
    await world.reaches(account, Status.ACTION_REQUIRED)
    await world.end_fault(fault)
    return account.id


async def silent(world: World) -> str:
    """Have a message arrive of which no event tells."""
    account = await online(world)
    fault = await world.fault("silent", number=account.number)
    await send(world, account, f"Unheard {fault}")
    return await _end_later(world, fault, account)


async def broken_module(world: World) -> str:
    account, module = await online(world), world.deal("modules", MODULES)
    named = {} if module is None else {"module": module}
    fault = await world.fault("broken-module", number=account.number, **named)
    await world.command(account, "restart")
    await _end_later(world, fault, account)
    # A page that was loaded meanwhile lacks it still.
    await world.command(account, "restart")
    return f"{module}, {account.id}"


async def _end_browser_with(world: World, kind: str) -> str:
    account = await online(world)
    main = world.browser(account)
    await world.fault(kind, number=account.number)
    world.harmed()
    await gone(world, main)
    return account.id


async def _restart_with(world: World, kind: str, *, seconds: float) -> str:
    account = await online(world)
    fault = await world.fault(kind, number=account.number, seconds=seconds)
    await world.command(account, "restart")
    return await _end_later(world, fault, account)


async def _end_later(world: World, fault: int, account: Account) -> str:
    seconds = world.random.uniform(0.2, 4)
    await asyncio.sleep(seconds)
    await world.end_fault(fault)
    return f"{account.id} for {seconds:.1f} s"


PAGE_FAULTS: dict[str, Fault] = {
    "no-qr": no_qr,
    "slow-load": slow_load,
    "slow-sync": slow_sync,
    "offline": offline,
    "terms": terms,
    "logout": logout,
    "conflict": conflict,
    "reload": reload,
    "hang": hang,
    "hang for a while": short_hang,
    "crash": crash,
    "passkey": passkey,
    "silent": silent,
    "broken-module": broken_module,
}
