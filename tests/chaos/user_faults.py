"""What users, phones and networks do at the worst moment: no faults, and to be survived too."""

import asyncio
import itertools

from store.status import Status
from tests.chaos.account import Account
from tests.chaos.faults import Fault, at_rest, online
from tests.chaos.states import STATES
from tests.chaos.world import World

VERBS = ("connect", "disconnect", "logout", "restart")
COMMANDS = tuple(itertools.product(STATES, VERBS))
"""Every command in every status."""
AT_ONCE = 6
"""How many accounts are commanded at once: all pairs have been met after six such faults."""


async def commands(world: World) -> str:
    """Command some accounts in whatever state they are, often twice."""
    done = []
    for account in world.random.sample(world.accounts, min(3, len(world.accounts))):
        for _ in range(world.random.randint(1, 3)):
            verb = world.random.choice(VERBS)
            for _ in range(world.random.choice((1, 1, 2))):
                await world.command(account, verb)
                done.append(verb)
            world.harmed()
            await asyncio.sleep(world.random.choice((0, 0, 0.3, 1, 2)))
    return " ".join(done)


async def commands_in_every_state(world: World) -> str:
    """Bring accounts into one status each, and command each of them twice there."""
    chosen = world.random.sample(world.accounts, min(AT_ONCE, len(world.accounts)))
    dealt = [world.deal("commands", COMMANDS) for _ in chosen]
    meetings = zip(chosen, dealt, strict=True)
    await asyncio.gather(*(_meet(world, account, *pair) for account, pair in meetings))
    return ", ".join(f"{verb} in {status}" for status, verb in dealt)


async def _meet(world: World, account: Account, status: Status, verb: str) -> None:
    async with STATES[status](world, account):
        await world.command(account, verb)
        await world.command(account, verb)
        world.commands_met[status, verb] += 1


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
    world.harmed()
    await world.command(account, "connect")
    return account.id


async def drop_stream(world: World) -> str:
    await world.stream.drop()
    return await commands(world)


USER_FAULTS: dict[str, Fault] = {
    "commands in any state": commands,
    "commands in every state": commands_in_every_state,
    "stream dropped": drop_stream,
    "unlinked by the phone": unlink_by_phone,
    "unlinked while offline": unlink_while_offline,
}
