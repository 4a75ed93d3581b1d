"""A logout: the session ends in the profile and on the phone; once answered, it is carried out."""

import asyncio
from typing import Any

import pytest

from actors.account.context import Deadlines
from actors.browser.reports import Authenticated, LoggedOut, MessageReceived, QrExhausted
from actors.config import ManagerConfig
from actors.deletion import DEVICE_STAYS, STILL_LISTED
from actors.errors import StoreAway, TimedOut, WrongStatus
from store import accounts, models
from store.errors import DatabaseAway
from store.events import event_log
from store.status import Desired, Status
from tests.actors.conftest import QUICK, READY, Servers, Stage, Start, qr
from tests.told import ToldRun, until


async def shows(stage: Stage, account_id: str, message: str | None) -> None:
    """Wait until an account is LOGGED_OUT, and see what it says."""
    await stage.reaches(account_id, Status.LOGGED_OUT)
    view = stage.manager.view(account_id)
    assert view is not None
    assert view.detail == (None if message is None else {"message": message})


async def cut_off(stage: Stage) -> tuple[str, ToldRun]:
    """Have an account's logout answered, and its server killed before the browser is gone."""
    account_id, run = await stage.linked()
    assert await stage.recorder.flush(5)
    run.lingers = True
    await stage.manager.logout(account_id)
    await until(lambda: run.stopped)
    return account_id, run


@pytest.mark.parametrize("status", [Status.AUTHENTICATING, Status.CONNECTED])
async def test_logging_out_unlinks_the_device_whatever_the_page_is_doing(
    stage: Stage, status: Status
) -> None:
    account_id = await stage.create()
    run = await stage.start(account_id)
    run.report(Authenticated(fresh=True))
    if status is Status.CONNECTED:
        run.report(READY)
    await stage.reaches(account_id, status)
    await stage.manager.logout(account_id)
    await shows(stage, account_id, None)
    assert run.unlinked


async def test_a_page_that_cannot_log_out_leaves_the_device_on_the_phone_and_says_so(
    stage: Stage,
) -> None:
    account_id, run = await stage.linked()
    run.hung = True
    await stage.manager.logout(account_id)
    await shows(stage, account_id, STILL_LISTED)


async def test_logging_out_without_a_browser_says_that_the_phone_still_lists_the_device(
    stage: Stage,
) -> None:
    account_id, _ = await stage.linked()
    await stage.manager.disconnect(account_id)
    await stage.reaches(account_id, Status.DISCONNECTED)
    await stage.manager.logout(account_id)
    await shows(stage, account_id, STILL_LISTED)


async def test_an_answered_logout_is_finished_by_the_server_after_a_killed_one(
    servers: Servers, config: ManagerConfig
) -> None:
    first = await servers.start()
    account_id, run = await cut_off(first)
    profile = config.browser.profile(account_id)
    profile.mkdir(parents=True)

    first.manager.be_killed()
    second = await servers.start()
    await second.tells(account_id, "user_logout")
    await shows(second, account_id, STILL_LISTED)
    assert not profile.exists()
    row = await accounts.get(account_id)
    assert row is not None
    assert (row.linked, row.logging_out) == (False, False)
    run.end()


async def test_a_connect_after_a_logout_that_was_cut_off_links_anew(servers: Servers) -> None:
    first = await servers.start()
    account_id, run = await cut_off(first)
    await first.manager.connect(account_id)

    first.manager.be_killed()
    second = await servers.start()
    await second.run(account_id)
    await second.tells(account_id, "user_logout", "user_connect")
    row = await accounts.get(account_id)
    assert row is not None
    assert row.desired is Desired.CONNECTED
    run.end()


async def test_a_logout_outlives_the_stop_of_a_server_whose_browser_does_not_close(
    servers: Servers,
) -> None:
    first = await servers.start()
    account_id, run = await cut_off(first)
    await first.manager.stop(0.1)
    assert run.killed
    second = await servers.start()
    await second.tells(account_id, "user_logout")
    assert second.status(account_id) is Status.LOGGED_OUT


async def test_a_logout_outlives_its_actor(stage: Stage) -> None:
    account_id, run = await cut_off(stage)
    run.report(MessageReceived(*[None] * 8))  # type: ignore[arg-type]
    await until(lambda: run.killed)
    await shows(stage, account_id, STILL_LISTED)
    await stage.tells(account_id, "user_logout")


async def test_a_logout_that_its_actors_die_of_is_given_up_and_tried_at_the_next_command(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[object] = []

    def fail(*arguments: object) -> None:
        tries.append(arguments)
        raise RuntimeError("nobody foresaw this")

    monkeypatch.setattr("actors.manager.care.remove", fail)
    stage = await start()
    account_id, _ = await stage.linked()
    await stage.manager.disconnect(account_id)
    await stage.reaches(account_id, Status.DISCONNECTED)
    await stage.manager.logout(account_id)
    await until(lambda: len(tries) == QUICK.max_failures + 1)

    # A command forgives what has failed, and the logout comes before it.
    await stage.manager.connect(account_id)
    await until(lambda: len(tries) >= 2 * (QUICK.max_failures + 1))
    await stage.manager.stop(5)
    assert len(tries) == 2 * (QUICK.max_failures + 1)
    assert stage.status(account_id) is Status.DISCONNECTED


async def test_a_logout_that_was_refused_is_not_carried_out_after_a_later_command(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await servers.start()
    account_id, _ = await first.linked()
    keep = accounts.set_desired

    async def keep_and_say_nothing(*arguments: Any, **more: Any) -> None:
        await keep(*arguments, **more)
        raise DatabaseAway

    with monkeypatch.context() as patched:
        patched.setattr("actors.manager.accounts.set_desired", keep_and_say_nothing)
        with pytest.raises(StoreAway):
            await first.manager.logout(account_id)
    await first.manager.connect(account_id)
    assert await first.recorder.flush(5)

    first.manager.be_killed()
    second = await servers.start()
    await second.run(account_id)
    await second.tells(account_id, "ready", "restore")


async def test_a_logout_of_what_is_logged_out_leaves_nothing_for_later(servers: Servers) -> None:
    first = await servers.start()
    account_id, run = await first.linked()
    await first.manager.logout(account_id)
    await first.reaches(account_id, Status.LOGGED_OUT)
    await first.manager.logout(account_id)
    await first.manager.connect(account_id)
    run = await first.run(account_id, after=run)
    run.report(Authenticated(fresh=True))
    run.report(READY)
    await first.reaches(account_id, Status.CONNECTED)
    assert await first.recorder.flush(5)

    first.manager.be_killed()
    second = await servers.start()
    await second.run(account_id)
    await second.tells(account_id, "ready", "restore")


@pytest.mark.parametrize("linked", [True, False])
async def test_the_last_event_of_a_deleted_account_says_whether_its_device_stays(
    stage: Stage, *, linked: bool
) -> None:
    account_id = (await stage.linked())[0] if linked else await stage.create()
    assert await stage.manager.delete(account_id) is linked
    [*_, last] = (await event_log.page(0, 100, [account_id])).items
    assert last.data["cause"] == "deleted"
    assert last.data["detail"] == ({"message": DEVICE_STAYS} if linked else None)


async def test_a_deletion_with_logout_waits_for_a_browser_that_closes_already(
    start: Start,
) -> None:
    stage = await start(deadlines=Deadlines(closing=0.5))
    account_id, run = await stage.linked()
    run.lingers = True
    await stage.manager.disconnect(account_id)
    await until(lambda: run.stopped)
    deleting = asyncio.create_task(stage.manager.delete(account_id, logout=True))
    with pytest.raises(WrongStatus):
        await deleting
    # That one never closes: it is given up.
    assert run.killed
    await stage.reaches(account_id, Status.DISCONNECTED)


async def test_a_deletion_with_logout_whose_actor_dies_is_answered_and_the_account_kept(
    stage: Stage,
) -> None:
    account_id, run = await stage.linked()
    run.lingers = True
    deleting = asyncio.create_task(stage.manager.delete(account_id, logout=True))
    await until(lambda: run.stopped)
    run.report(MessageReceived(*[None] * 8))  # type: ignore[arg-type]
    with pytest.raises(TimedOut):
        await deleting
    await shows(stage, account_id, STILL_LISTED)


async def test_a_server_that_stops_during_a_deletion_with_logout_answers_it(stage: Stage) -> None:
    account_id, run = await stage.linked()
    run.lingers = True
    deleting = asyncio.create_task(stage.manager.delete(account_id, logout=True))
    await until(lambda: run.stopped)
    stopping = asyncio.create_task(stage.manager.stop(10))
    run.end()
    assert await deleting is False
    await stopping
    assert await accounts.get(account_id) is None


async def links_in_vain(stage: Stage, account_id: str, after: ToldRun | None) -> None:
    """Connect an account that is LOGGED_OUT, and have nobody scan its code."""
    await stage.manager.connect(account_id)
    run = await stage.run(account_id, after=after)
    run.report(qr())
    run.report(QrExhausted())
    await stage.reaches(account_id, Status.DISCONNECTED)
    view = stage.manager.view(account_id)
    assert view is not None
    assert view.detail is None


@pytest.mark.parametrize("end", ["alone", "hung", "lost"])
async def test_a_device_that_may_be_listed_is_not_forgotten_by_a_link_that_nobody_made(
    stage: Stage, end: str
) -> None:
    account_id, run = await stage.linked()
    if end == "lost":
        run.report(qr())
    else:
        run.hung = end == "hung"
        if end == "alone":
            await stage.manager.disconnect(account_id)
            await stage.reaches(account_id, Status.DISCONNECTED)
        await stage.manager.logout(account_id)
    await stage.reaches(account_id, Status.LOGGED_OUT)
    await links_in_vain(stage, account_id, after=run)

    with pytest.raises(WrongStatus):
        await stage.manager.delete(account_id, logout=True)
    assert await stage.manager.delete(account_id) is True


async def test_a_device_that_is_not_listed_stays_so(stage: Stage) -> None:
    account_id, run = await stage.linked()
    run.report(LoggedOut("device_removed"))
    run.end()
    await stage.reaches(account_id, Status.LOGGED_OUT)
    await links_in_vain(stage, account_id, after=run)
    assert await stage.manager.delete(account_id, logout=True) is False


async def test_only_a_logout_that_whatsapp_knows_of_ends_the_doubt_and_no_new_link(
    stage: Stage,
) -> None:
    account_id, run = await stage.linked()
    await stage.manager.disconnect(account_id)
    await stage.reaches(account_id, Status.DISCONNECTED)
    await stage.manager.logout(account_id)
    await shows(stage, account_id, STILL_LISTED)
    await stage.manager.connect(account_id)
    run = await stage.run(account_id, after=run)
    run.report(qr())
    run.report(Authenticated(fresh=True))
    run.report(READY)
    await stage.reaches(account_id, Status.CONNECTED)
    assert await stage.recorder.flush(5)
    row = await accounts.get(account_id)
    assert row is not None
    assert row.maybe_listed

    await stage.manager.logout(account_id)
    await shows(stage, account_id, None)
    assert await stage.manager.delete(account_id, logout=True) is False


async def test_a_device_that_an_earlier_version_called_listed_is_not_forgotten_either(
    servers: Servers,
) -> None:
    first = await servers.start()
    account_id, run = await first.linked()
    run.hung = True
    await first.manager.logout(account_id)
    await shows(first, account_id, STILL_LISTED)
    assert await first.recorder.flush(5)
    first.manager.be_killed()
    await models.Account.all().update(maybe_listed=False)

    second = await servers.start()
    await second.reaches(account_id, Status.LOGGED_OUT)
    await links_in_vain(second, account_id, after=None)
    assert await second.manager.delete(account_id) is True
