"""Faults that cut off the sending of texts, at every stage of it.

A text is at the phone once or not at all, and what its sender was told of it is true.
"""

import asyncio
import itertools
import os
import signal
from collections.abc import Awaitable, Callable, Mapping

from store.status import Status
from tests.chaos import sends
from tests.chaos.account import Account
from tests.chaos.faults import Fault, kill_renderer_of, online
from tests.chaos.sends import STAGES, Send, Stage
from tests.chaos.server_faults import start_again
from tests.chaos.violation import Violation
from tests.chaos.world import SETTINGS, World

HURRY_SECONDS = 1.5
"""Between two signals of which the second one means that nothing is waited for."""
OFFLINE_SECONDS = 1.0
TOO_LATE = float(SETTINGS["WA_CALL_SECONDS"]) + 1
LATE = tuple(itertools.product(("send-message", "number-exists"), (1.0, TOO_LATE, None)))
"""Which call WhatsApp answers how many seconds late, or never."""

Cut = Callable[[World, Account], Awaitable[object]]


async def late_answers(world: World) -> str:
    """Have WhatsApp answer late, or never, while nothing else goes wrong."""
    account, (call, seconds) = await online(world), world.deal("late answers", LATE)
    send = await sends.begin(world, account, f"{call} {seconds}", Stage(call, seconds))
    world.harmed()
    told = await sends.answers(world, [send])
    # The page goes on with what nobody waits for any more.
    await asyncio.sleep(seconds or 0)
    await sends.check(world, [send])
    return told


async def cut_off_by_page(world: World) -> str:
    return await _cut_off(world, PAGE_CUTS)


async def cut_off_by_browser(world: World) -> str:
    return await _cut_off(world, BROWSER_CUTS)


async def cut_off_by_server(world: World) -> str:
    """End the server while accounts send; unless it is killed, it answers first."""
    name, begun = world.deal("ends of a server amid sends", SERVER_CUTS), await _begin(world)
    world.harmed()
    killed = await SERVER_CUTS[name](world) == -signal.SIGKILL
    told = await sends.answers(world, begun)
    if not killed and None in [send.answer.result() for send in begun]:
        raise Violation(f"{name}: not every sender was answered: {told}")
    await start_again(world)
    await world.settle()
    await sends.check(world, begun)
    return f"{name}, {told}"


async def _cut_off(world: World, cuts: Mapping[str, Cut]) -> str:
    """Cut off the sends of some accounts, each at a stage of its own, in the same way."""
    name, begun = world.deal(" ".join(cuts), cuts), await _begin(world)
    await asyncio.gather(*(cuts[name](world, send.account) for send in begun))
    world.harmed()
    told = await sends.answers(world, begun)
    await world.settle()
    await sends.check(world, begun)
    return f"{name}, {told}"


async def _begin(world: World) -> list[Send]:
    """Have connected accounts send, as many as there are stages."""
    statuses = await world.statuses()
    connected = [a for a in world.accounts if statuses.get(a.id) is Status.CONNECTED]
    connected = connected or [await online(world)]
    chosen = world.random.sample(connected, min(len(STAGES), len(connected)))
    dealt = [(account, world.deal("stages of a send", STAGES)) for account in chosen]
    return await asyncio.gather(
        *(sends.begin(world, account, stage, STAGES[stage]) for account, stage in dealt)
    )


def _fault(kind: str) -> Cut:
    async def cut(world: World, account: Account) -> None:
        await world.fault(kind, number=account.number)

    return cut


def _command(verb: str) -> Cut:
    async def cut(world: World, account: Account) -> None:
        await world.command(account, verb)

    return cut


async def _offline(world: World, account: Account) -> None:
    fault = await world.fault("offline", number=account.number)
    await asyncio.sleep(OFFLINE_SECONDS)
    await world.end_fault(fault)


async def _kill_browser(world: World, account: Account) -> None:
    os.kill(world.browser(account), signal.SIGKILL)


PAGE_CUTS: dict[str, Cut] = {
    "crash": _fault("crash"),
    "hang": _fault("hang"),
    "offline": _offline,
    "reload": _fault("reload"),
    "renderer killed": kill_renderer_of,
}
BROWSER_CUTS: dict[str, Cut] = {
    "browser killed": _kill_browser,
    "disconnect": _command("disconnect"),
    "logout": _command("logout"),
    "restart": _command("restart"),
}


async def _stop(world: World) -> int:
    if code := await world.server.end(signal.SIGTERM):
        raise Violation(f"the server ended with code {code}")
    return 0


async def _hurry(world: World) -> int:
    """Stop the server, and then tell it to wait for nothing."""
    assert world.server.process is not None
    world.server.process.send_signal(signal.SIGTERM)
    await asyncio.sleep(HURRY_SECONDS)
    return await _stop(world)


async def _kill(world: World) -> int:
    return await world.server.end(signal.SIGKILL)


SERVER_CUTS: dict[str, Callable[[World], Awaitable[int]]] = {
    "killed": _kill,
    "stopped": _stop,
    "stopped in a hurry": _hurry,
}

SEND_FAULTS: dict[str, Fault] = {
    "late-answers": late_answers,
    "sends cut off by the page": cut_off_by_page,
    "sends cut off by the browser": cut_off_by_browser,
    "sends cut off by the server": cut_off_by_server,
}
