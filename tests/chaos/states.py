"""How an account is brought into each status and kept there, for a command to meet it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from store.status import Status
from tests.chaos import locks
from tests.chaos.account import Account
from tests.chaos.world import World

SLOW_SECONDS = 8.0
"""How long a slow page stays in its status: longer than it takes to see it there."""


@asynccontextmanager
async def disconnected(world: World, account: Account) -> AsyncIterator[None]:
    await _connected(world, account)
    await world.command(account, "disconnect")
    await world.reaches(account, Status.DISCONNECTED)
    yield


@asynccontextmanager
async def logged_out(world: World, account: Account) -> AsyncIterator[None]:
    await world.command(account, "logout")
    await world.reaches(account, Status.LOGGED_OUT)
    yield


@asynccontextmanager
async def connected(world: World, account: Account) -> AsyncIterator[None]:
    await _connected(world, account)
    yield


@asynccontextmanager
async def qr_ready(world: World, account: Account) -> AsyncIterator[None]:
    await world.command(account, "logout")
    account.left_alone = True
    try:
        await world.command(account, "connect")
        await world.reaches(account, Status.QR_READY)
        yield
    finally:
        account.left_alone = False


@asynccontextmanager
async def action_required(world: World, account: Account) -> AsyncIterator[None]:
    await _connected(world, account)
    fault = await world.fault("terms", number=account.number)
    await world.reaches(account, Status.ACTION_REQUIRED)
    yield
    await world.end_fault(fault)


@asynccontextmanager
async def failed(world: World, account: Account) -> AsyncIterator[None]:
    await _connected(world, account)
    await world.command(account, "disconnect")
    await world.reaches(account, Status.DISCONNECTED)
    owner = locks.LivingOwner(world.profiles / account.id, our_lock=True)
    try:
        await world.command(account, "connect")
        await world.reaches(account, Status.FAILED)
    finally:
        owner.end()
    yield


def _slow(kind: str, status: Status) -> "State":
    @asynccontextmanager
    async def slow(world: World, account: Account) -> AsyncIterator[None]:
        await _connected(world, account)
        fault = await world.fault(kind, number=account.number, seconds=SLOW_SECONDS)
        await world.command(account, "restart")
        await world.reaches(account, status)
        yield
        await world.end_fault(fault)

    return slow


async def _connected(world: World, account: Account) -> None:
    await world.command(account, "connect")
    await world.reaches(account, Status.CONNECTED)


State = Callable[[World, Account], AbstractAsyncContextManager[None]]
"""Brings an account there; what keeps it there ends with the block."""

STATES: dict[Status, State] = {
    Status.DISCONNECTED: disconnected,
    Status.CONNECTING: _slow("slow-load", Status.CONNECTING),
    Status.QR_READY: qr_ready,
    Status.AUTHENTICATING: _slow("slow-sync", Status.AUTHENTICATING),
    Status.CONNECTED: connected,
    Status.ACTION_REQUIRED: action_required,
    Status.LOGGED_OUT: logged_out,
    Status.FAILED: failed,
}
