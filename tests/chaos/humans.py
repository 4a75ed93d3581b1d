"""The humans of a run: those who have the phones in their hands, and their friends."""

import asyncio
import itertools
import json
from contextlib import suppress

import aiohttp

from store.status import Cause, Desired, Status
from tests.chaos.account import Account
from tests.chaos.model import Session
from tests.chaos.world import World

FRIEND = "491700000077"
MESSAGE_EVERY = 1.0


async def help_accounts(world: World) -> None:
    """Scan every code of an account that is wanted, and connect again what was given up."""
    while True:
        with suppress(aiohttp.ClientError, ConnectionError, TimeoutError):
            shown = {item["id"]: (item["status"], item["cause"]) for item in await world.shown()}
            for account in world.accounts:
                if account.id in shown and not account.left_alone:
                    await _help(world, account, *shown[account.id])
        await asyncio.sleep(world.look_every)


async def write_messages(world: World) -> None:
    """Be a friend who writes to accounts again and again, whatever happens to them."""
    for number in itertools.count(1):
        await asyncio.sleep(MESSAGE_EVERY)
        linked = [a for a in world.accounts if a.expected.session is Session.KEPT]
        if linked:
            await send(world, world.random.choice(linked), f"Message {number}")


async def send(world: World, account: Account, text: str) -> None:
    """Send a text to an account that is linked; it may not get lost."""
    account.awaited.add(text)
    if not await world.phone(account, "messages", {"from": FRIEND, "body": text}):
        account.awaited.discard(text)


async def _help(world: World, account: Account, status: str, cause: str) -> None:
    if status == Status.QR_READY and account.expected.scans:
        await _scan(world, account)
    elif (status, cause) == (Status.FAILED, Cause.GAVE_UP) and (
        account.expected.desired is Desired.CONNECTED
    ):
        await world.command(account, "connect")


async def _scan(world: World, account: Account) -> None:
    async with world.server.client.get(f"/accounts/{account.id}/qr?format=json") as response:
        if response.status != 200:
            return
        code = json.loads(await response.text())["qr"]
    if account.expected.session is Session.NONE and await world.phone(account, "unlink", {}):
        # What a logout has left there, as it said.
        account.expected.listed = False
    if await world.phone(account, "scan", {"code": code}):
        account.expected.scanned()
