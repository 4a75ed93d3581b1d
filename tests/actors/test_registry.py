"""The registry: what comes back at the start, and what becomes of actors that die."""

import asyncio

import pytest

from actors.config import ManagerConfig
from actors.errors import ShuttingDown
from actors.messages import Command, ForAccount, ShutDown
from store.recorder import Recorder
from store.status import Status
from tests.actors.conftest import READY, Stage, qr
from tests.told import ToldManager, until


async def test_an_actor_that_dies_of_an_unforeseen_error_is_replaced(stage: Stage) -> None:
    account_id, first = await stage.linked()
    broken = Command(signal=None)  # type: ignore[arg-type]
    stage.manager._tell(account_id, broken)
    second = await stage.run(account_id, after=first)
    assert first.killed
    second.report(READY)
    await stage.reaches(account_id, Status.CONNECTED)
    await stage.tells(account_id, "unforeseen", "ready")


async def test_commands_outlive_the_death_of_an_actor(stage: Stage) -> None:
    account_id, _ = await stage.linked()
    stage.manager._tell(account_id, Command(signal=None))  # type: ignore[arg-type]
    await stage.manager.disconnect(account_id)
    await stage.reaches(account_id, Status.DISCONNECTED)
    assert (await stage.causes(account_id))[-1] == "user_disconnect"


async def test_a_registry_that_dies_ends_the_server_and_every_browser(stage: Stage) -> None:
    account_id, run = await stage.linked()
    stage.manager._tell_registry(ForAccount(account_id=[], message=ShutDown()))  # type: ignore[arg-type]
    await asyncio.wait_for(stage.manager.broken.wait(), 10)
    await until(lambda: run.killed)
    with pytest.raises(ShuttingDown):
        await stage.manager.connect(account_id)
    await stage.manager.stop(5)


async def test_what_was_connected_comes_back_and_what_was_stuck_is_reset(
    config: ManagerConfig, recorder: Recorder
) -> None:
    before = Stage(ToldManager(config, recorder), recorder)
    await before.manager.start()
    back, _ = await before.linked()
    waiting = await before.create()
    (await before.start(waiting)).report(qr())
    await before.reaches(waiting, Status.QR_READY)
    await recorder.flush(5)

    before.manager.be_killed()
    after = Stage(ToldManager(config, recorder), recorder)
    await after.manager.start()
    run = await after.run(back)
    run.report(READY)
    await after.reaches(back, Status.CONNECTED)
    await after.tells(back, "restore", "ready")
    await after.tells(waiting, "reset")
    await after.manager.stop(5)
    await before.manager.stop(0.1)
