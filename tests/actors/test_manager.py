"""The manager: commands are kept before they are answered, and refused with a reason."""

import asyncio

import pytest

from actors.account.lifecycle import Signal
from actors.config import ManagerConfig
from actors.errors import ShuttingDown, UnknownAccount, WrongStatus
from actors.mailbox import Command
from store import accounts
from store.events.recorder import Recorder
from store.status import Cause, Desired, Status
from tests.actors.conftest import Stage
from tests.told import ToldManager, until


async def test_desired_is_kept_before_the_command_is_answered(stage: Stage) -> None:
    account_id = await stage.create()
    answered = await stage.manager.connect(account_id)
    row = await accounts.get(account_id)
    assert row is not None
    assert answered.desired is row.desired is Desired.CONNECTED


async def test_commands_at_once_reach_store_and_actor_in_the_same_order(stage: Stage) -> None:
    account_id = await stage.create()
    manager = stage.manager
    commands = (manager.connect, manager.disconnect) * 10
    await asyncio.gather(*(command(account_id) for command in commands))
    row = await accounts.get(account_id)
    assert row is not None
    assert row.desired is Desired.DISCONNECTED
    await stage.reaches(account_id, Status.DISCONNECTED)


async def test_a_stopping_server_closes_all_browsers_and_refuses_commands(stage: Stage) -> None:
    account_id, run = await stage.linked()
    await stage.manager.stop(5)
    assert run.stopped
    await stage.tells(account_id, "shutdown")
    with pytest.raises(ShuttingDown):
        await stage.manager.connect(account_id)


async def test_an_account_that_is_created_while_all_stop_is_not_waited_for(stage: Stage) -> None:
    _, run = await stage.linked()
    run.lingers = True
    stopping = asyncio.create_task(stage.manager.stop(60))
    await until(lambda: run.stopped)
    # This request came a moment before the signal.
    stage.manager.stopping = False
    await stage.manager.create("Late")
    run.end()
    async with asyncio.timeout(10):
        await stopping


async def test_a_deletion_that_was_interrupted_is_finished_at_the_next_start(
    config: ManagerConfig, recorder: Recorder
) -> None:
    first = Stage(ToldManager(config, recorder), recorder)
    await first.manager.start()
    account_id = await first.create()
    first.manager._tell(account_id, Command(Signal.DELETE))
    await until(lambda: (v := first.manager.view(account_id)) and v.cause is Cause.DELETED)
    await recorder.flush(5)
    await first.manager.stop(5)

    second = ToldManager(config, recorder)
    await second.start()
    assert await accounts.get(account_id) is None
    await second.stop(5)


async def test_a_command_for_nobody_is_refused(stage: Stage) -> None:
    with pytest.raises(UnknownAccount):
        await stage.manager.connect("nobody")


async def test_a_text_needs_a_connected_account(stage: Stage) -> None:
    account_id = await stage.create()
    with pytest.raises(WrongStatus):
        await stage.manager.send_text(account_id, "491700000002", "Hello")
