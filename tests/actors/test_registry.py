"""The registry: what comes back at the start, and what becomes of actors that die."""

import asyncio
import time

import pytest

from actors import startqueue
from actors.account.actor import AccountActor
from actors.account.lifecycle import Signal
from actors.account.signals import Translator
from actors.browser.reports import Failure
from actors.config import ManagerConfig
from actors.errors import ShuttingDown
from actors.mailbox import Command, ForAccount, Recover, ShutDown
from actors.startqueue import Room, StartLimits
from store.events.recorder import Recorder
from store.status import Status
from tests.actors.conftest import QUICK, READY, Stage, Start, qr
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


async def test_a_connect_overtakes_what_is_restored_and_has_its_code_shown(start: Start) -> None:
    stage = await start(starts=StartLimits(at_once=1))
    manager = stage.manager
    ids = [(await stage.linked())[0] for _ in range(3)]
    for account_id in ids:
        await manager.disconnect(account_id)
        await stage.reaches(account_id, Status.DISCONNECTED)
    before = dict(manager.runs)
    first, second, last = ids
    manager._tell(first, Recover(Signal.RESTORE))
    run = await stage.run(first, after=before[first])
    for place, account_id in enumerate((second, last)):
        manager._tell(account_id, Recover(Signal.RESTORE))
        await stage.waits(account_id, place, "other starts")

    await manager.connect(last)
    await manager.connect(last)
    await stage.waits(last, 0, "other starts")
    run.report(READY)
    (await stage.run(last, after=before[last])).report(qr())
    await stage.reaches(last, Status.QR_READY)
    causes = await stage.causes(last)
    assert causes[-5:] == ["restore", "queued", "user_connect", "queued", "qr_shown"]


async def test_who_waits_is_told_what_for_when_that_changes_and_shows_its_place(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(startqueue, "AGAIN_SECONDS", 0.0)
    stage = await start(starts=StartLimits(at_once=1))
    manager = stage.manager
    first, second, third, fourth = [await stage.create() for _ in range(4)]
    run = await stage.start(first)
    for place, account_id in enumerate((second, third, fourth)):
        await manager.connect(account_id)
        await stage.waits(account_id, place, "other starts")
    before = manager.runs.copy()

    run.report(READY)
    await stage.waits(fourth, 1, "other starts")
    manager.room = Room(0, float("inf"))
    (await stage.run(second)).report(READY)
    await stage.waits(third, 0, "memory")
    await stage.waits(fourth, 1, "memory")

    await manager.disconnect(third)
    await stage.waits(fourth, 0, "memory")
    told = ["created", "user_connect", "queued", "queued"]
    assert await stage.causes(fourth) == told
    assert manager.runs.keys() == {*before, second}


async def test_an_actor_that_dies_whenever_its_account_is_ready_is_given_up(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise RuntimeError("no")

    account_id = await stage.create()
    run = await stage.start(account_id)
    with monkeypatch.context() as broken:
        broken.setattr(Translator, "_ready", die)
        for _ in range(QUICK.max_failures):
            run.report(READY)
            run = await stage.run(account_id, after=run)
        run.report(READY)
        await stage.reaches(account_id, Status.FAILED)
    causes = await stage.causes(account_id)
    view = stage.manager.view(account_id)
    assert causes[-6:] == ["unforeseen"] * 5 + ["gave_up"]
    assert view is not None
    assert view.detail == {"message": "RuntimeError: no", "last": "unforeseen"}

    await stage.manager.connect(account_id)
    (await stage.run(account_id, after=run)).report(READY)
    await stage.reaches(account_id, Status.CONNECTED)


async def test_an_actor_that_dies_of_all_it_is_told_comes_to_rest(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []

    def die(_: object, message: object) -> None:
        told.append(message)
        raise RuntimeError("no")

    account_id, first = await stage.linked()
    with monkeypatch.context() as broken:
        broken.setattr(AccountActor, "on_receive", die)
        first.report(READY)
        await stage.reaches(account_id, Status.FAILED)
    await stage.manager.connect(account_id)
    await stage.run(account_id, after=first)
    assert len(told) == QUICK.max_failures + 1


async def test_an_account_whose_failures_cannot_be_judged_is_given_up(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def judge(*_: object, **__: object) -> None:
        raise RuntimeError("no")

    account_id, run = await stage.linked()
    monkeypatch.setattr("actors.account.actor.judge", judge)
    monkeypatch.setattr("actors.registry.judge", judge)
    run.fail(Failure.BROWSER_EXITED, "killed by SIGKILL")
    await stage.reaches(account_id, Status.FAILED)
    await stage.tells(account_id, "gave_up")


async def test_an_actor_that_dies_of_the_servers_stop_does_not_hold_it_up(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise RuntimeError("no")

    _, run = await stage.linked()
    monkeypatch.setattr(AccountActor, "_shut_down", die)
    began = time.monotonic()
    await stage.manager.stop(60)
    assert run.killed
    assert time.monotonic() < began + 30
