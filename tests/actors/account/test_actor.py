"""The account actor: how it carries out what the lifecycle decides."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace

import pytest

from actors.account.context import Deadlines
from actors.account.restarts import RestartPolicy
from actors.browser.reports import (
    ActionKind,
    ActionRequired,
    Authenticated,
    Failure,
    LoggedOut,
    MessageReceived,
    PairingCodeShown,
    QrExhausted,
    Reconnected,
    Reloaded,
    Started,
    SyncProgress,
    WentOffline,
)
from actors.config import ManagerConfig
from store import accounts
from store.events.recorder import Recorder
from store.status import Cause, Status
from tests.actors.conftest import READY, Stage, Start, qr
from tests.told import ToldManager, until

TERMS = ActionRequired(ActionKind.TERMS, "TOS_BLOCK")


def message(number: int) -> MessageReceived:
    return MessageReceived(
        message_id=f"false_491700000002@c.us_{number}",
        chat="491700000002@c.us",
        sender="491700000002@c.us",
        recipient="491700000001@c.us",
        kind="chat",
        text=f"Hello {number}",
        at=datetime.now(UTC),
        sender_name="Bob",
    )


def pairing_code(seconds: float) -> PairingCodeShown:
    expires_at = datetime.now(UTC) + timedelta(seconds=seconds)
    return PairingCodeShown("ABCD1234", "491700000001", expires_at)


async def test_every_step_to_connected_is_recorded_with_its_cause(stage: Stage) -> None:
    account_id = await stage.create()
    run = await stage.start(account_id)
    for report in (qr(), Authenticated(fresh=True), SyncProgress(50), READY):
        run.report(report)
    await stage.reaches(account_id, Status.CONNECTED)
    causes = ["created", "user_connect", "qr_shown", "linked", "syncing", "ready"]
    assert await stage.causes(account_id) == causes


async def test_a_status_without_a_browser_is_told_only_when_the_browser_is_gone(
    stage: Stage,
) -> None:
    account_id, run = await stage.linked()
    run.lingers = True
    await stage.manager.disconnect(account_id)
    await until(lambda: run.stopped)
    assert stage.status(account_id) is Status.CONNECTED
    run.end()
    await stage.reaches(account_id, Status.DISCONNECTED)


async def test_commands_that_come_while_a_browser_closes_are_carried_out_in_order(
    stage: Stage,
) -> None:
    account_id, run = await stage.linked()
    run.lingers = True
    await stage.manager.disconnect(account_id)
    await until(lambda: run.stopped)
    await stage.manager.connect(account_id)
    await stage.manager.disconnect(account_id)
    await stage.manager.connect(account_id)
    run.end()
    await stage.run(account_id, after=run)
    expected = ["user_disconnect", "user_connect", "user_disconnect", "user_connect"]
    assert (await stage.causes(account_id))[-4:] == expected


async def test_a_failed_browser_is_replaced_and_its_late_reports_have_no_effect(
    stage: Stage,
) -> None:
    account_id, first = await stage.linked()
    first.fail(Failure.BROWSER_EXITED, "killed by SIGKILL")
    second = await stage.run(account_id, after=first)
    first.report(LoggedOut("late"))
    second.report(Authenticated(fresh=False))
    second.report(READY)
    await stage.reaches(account_id, Status.CONNECTED)
    await stage.tells(account_id, "browser_exited", "resuming", "ready")
    row = await accounts.get(account_id)
    assert row is not None
    assert row.restarts == 1


async def test_too_many_failures_in_a_row_end_in_failed_until_the_user_connects(
    stage: Stage,
) -> None:
    account_id = await stage.create()
    run = await stage.start(account_id)
    for _ in range(5):
        run.fail(Failure.PAGE_CRASHED, "crash")
        run = await stage.run(account_id, after=run)
    run.fail(Failure.PAGE_CRASHED, "crash")
    await stage.reaches(account_id, Status.FAILED)
    causes = await stage.causes(account_id)
    assert causes[-6:] == ["page_crashed"] * 5 + ["gave_up"]

    await stage.manager.connect(account_id)
    await stage.run(account_id, after=run)


async def test_a_connect_ends_the_wait_after_a_failure(start: Start) -> None:
    stage = await start(policy=RestartPolicy(first_delay=3600))
    account_id, first = await stage.linked()
    first.fail(Failure.BROWSER_EXITED, "killed by SIGKILL")
    await stage.tells(account_id, "browser_exited")

    await stage.manager.connect(account_id)
    second = await stage.run(account_id, after=first)
    await stage.manager.connect(account_id)
    second.report(READY)
    await stage.tells(account_id, "browser_exited", "user_connect", "ready")


async def test_s03_a_locked_profile_is_tried_twice_and_then_said(stage: Stage) -> None:
    account_id = await stage.create()
    first = await stage.start(account_id)
    first.fail(Failure.PROFILE_LOCKED, "held by process 1 on another-host")
    second = await stage.run(account_id, after=first)
    second.fail(Failure.PROFILE_LOCKED, "held by process 1 on another-host")
    await stage.reaches(account_id, Status.FAILED)
    await stage.tells(account_id, "profile_locked", "profile_locked")


@pytest.mark.parametrize(
    ("deadlines", "status", "cause"),
    [
        (Deadlines(connecting=0.1), Status.CONNECTING, Cause.DEADLINE),
        (Deadlines(authenticating=0.1), Status.AUTHENTICATING, Cause.DEADLINE),
        (Deadlines(qr_ready=0.1), Status.QR_READY, Cause.QR_TIMEOUT),
    ],
)
async def test_a_transient_status_ends_at_its_deadline(
    config: ManagerConfig,
    recorder: Recorder,
    deadlines: Deadlines,
    status: Status,
    cause: Cause,
) -> None:
    manager = ToldManager(replace(config, deadlines=deadlines), recorder)
    await manager.start()
    stage = Stage(manager, recorder)
    account_id = await stage.create()
    run = await stage.start(account_id)
    if status is Status.QR_READY:
        run.report(qr())
    elif status is Status.AUTHENTICATING:
        run.report(Authenticated(fresh=True))
    await until(lambda: run.stopped)
    await until(lambda: (view := manager.view(account_id)) and view.cause is cause)
    await manager.stop(5)
    assert cause in await stage.causes(account_id)


async def test_a_browser_that_does_not_report_its_end_is_given_up(
    config: ManagerConfig, recorder: Recorder
) -> None:
    manager = ToldManager(replace(config, deadlines=Deadlines(closing=0.1)), recorder)
    await manager.start()
    stage = Stage(manager, recorder)
    account_id, run = await stage.linked()
    run.lingers = True
    await manager.disconnect(account_id)
    await stage.reaches(account_id, Status.DISCONNECTED)
    await until(lambda: run.killed)
    await manager.stop(5)


async def test_a_code_for_a_linked_account_nobody_is_looking_at_means_logged_out(
    stage: Stage,
) -> None:
    account_id, first = await stage.linked()
    first.fail(Failure.BROWSER_EXITED, "exit code 1")
    second = await stage.run(account_id, after=first)
    second.report(qr())
    await stage.reaches(account_id, Status.LOGGED_OUT)
    await stage.tells(account_id, "session_lost")


async def test_a_code_for_a_linked_account_that_a_user_connects_is_shown(stage: Stage) -> None:
    account_id, _ = await stage.linked()
    await stage.manager.disconnect(account_id)
    await stage.reaches(account_id, Status.DISCONNECTED)
    first = stage.manager.runs[account_id]
    await stage.manager.connect(account_id)
    second = await stage.run(account_id, after=first)
    second.report(qr())
    await stage.reaches(account_id, Status.QR_READY)
    view = stage.manager.view(account_id)
    assert view is not None
    assert view.qr is not None


async def test_what_a_human_must_do_keeps_the_browser_until_it_is_done(stage: Stage) -> None:
    account_id, run = await stage.linked()
    run.report(TERMS)
    await stage.reaches(account_id, Status.ACTION_REQUIRED)
    assert not run.stopped
    run.report(READY)
    await stage.reaches(account_id, Status.CONNECTED)
    await stage.tells(account_id, "terms", "resolved")


async def test_a_page_that_asked_for_a_human_and_reloads_is_on_its_way_again(stage: Stage) -> None:
    account_id, run = await stage.linked()
    for report in (TERMS, Reloaded(), TERMS, WentOffline("TIMEOUT"), READY):
        run.report(report)
    await stage.tells(account_id, "terms", "reloaded", "terms", "offline", "ready")
    assert not run.stopped


async def test_a_page_that_asked_for_a_human_and_does_not_come_back_is_replaced(
    start: Start,
) -> None:
    stage = await start(deadlines=Deadlines(connecting=0.1))
    account_id, run = await stage.linked()
    run.report(TERMS)
    run.report(Reloaded())
    await stage.run(account_id, after=run)
    assert "deadline" in await stage.causes(account_id)


async def test_a_page_that_reloads_or_loses_its_connection_comes_back_by_itself(
    stage: Stage,
) -> None:
    account_id, run = await stage.linked()
    for report in (WentOffline("TIMEOUT"), READY, Reloaded(), READY):
        run.report(report)
    await stage.tells(account_id, "offline", "ready", "reloaded", "ready")
    assert not run.stopped


async def test_unused_codes_end_in_disconnected(stage: Stage) -> None:
    account_id = await stage.create()
    run = await stage.start(account_id)
    run.report(qr())
    run.report(QrExhausted())
    await stage.reaches(account_id, Status.DISCONNECTED)
    await stage.tells(account_id, "qr_timeout")


async def test_a_browser_is_shown_from_its_start(stage: Stage) -> None:
    account_id = await stage.create()
    run = await stage.start(account_id)
    run.pid = 4711
    run.report(Started())
    await until(lambda: (view := stage.manager.view(account_id)) and view.pid == 4711)
    assert stage.status(account_id) is Status.CONNECTING


async def test_a_valid_pairing_code_outlives_the_qr_codes(stage: Stage) -> None:
    account_id = await stage.create()
    run = await stage.start(account_id)
    run.report(qr())
    await stage.reaches(account_id, Status.QR_READY)
    await stage.manager.pairing_code(account_id, "491700000001")
    run.report(QrExhausted())
    await until(lambda: stage.manager.views()[0].qr is None)
    assert stage.status(account_id) is Status.QR_READY
    run.report(Authenticated(fresh=True))
    await stage.reaches(account_id, Status.AUTHENTICATING)


async def test_a_pairing_code_that_expires_behind_the_qr_codes_ends_in_disconnected(
    stage: Stage,
) -> None:
    account_id = await stage.create()
    run = await stage.start(account_id)
    run.report(qr())
    run.report(pairing_code(seconds=0.2))
    run.report(QrExhausted())
    await stage.reaches(account_id, Status.DISCONNECTED)
    await stage.tells(account_id, "qr_timeout")


async def test_a_clock_that_is_set_back_prolongs_no_pairing_code(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    account_id = await stage.create()
    run = await stage.start(account_id)
    run.report(qr())
    run.report(pairing_code(seconds=0.5))
    await until(lambda: stage.manager.views()[0].pairing is not None)
    yesterday = SimpleNamespace(now=lambda zone: datetime.now(zone) - timedelta(days=1))
    monkeypatch.setattr("actors.account.machine.datetime", yesterday)
    run.report(QrExhausted())
    await stage.reaches(account_id, Status.DISCONNECTED)
    await stage.tells(account_id, "qr_timeout")


async def test_a_pairing_code_prolongs_the_deadline_of_the_qr_codes(start: Start) -> None:
    stage = await start(deadlines=Deadlines(qr_ready=0.2))
    account_id = await stage.create()
    run = await stage.start(account_id)
    run.report(qr())
    shown = pairing_code(seconds=1)
    run.report(shown)
    await stage.reaches(account_id, Status.DISCONNECTED)
    assert datetime.now(UTC) >= shown.expires_at


async def test_messages_that_arrive_while_the_browser_closes_are_recorded(stage: Stage) -> None:
    account_id, run = await stage.linked()
    run.lingers = True
    run.report(message(1))
    await stage.manager.disconnect(account_id)
    await until(lambda: run.stopped)
    run.report(message(2))
    run.end()
    await stage.reaches(account_id, Status.DISCONNECTED)
    await stage.tells(account_id, "user_disconnect")
    row = await accounts.get(account_id)
    assert row is not None
    # created, user_connect, linked, ready, two messages, user_disconnect
    assert row.seq == 7


async def test_an_outage_of_whatsapps_servers_never_ends_in_failed(start: Start) -> None:
    stage = await start(deadlines=Deadlines(offline=0.02))
    account_id = await stage.create()
    run = await stage.start(account_id)
    for _ in range(8):
        # The page loads and has its session, but no server answers it.
        run.report(Authenticated(fresh=False))
        run.report(WentOffline("OFFLINE"))
        run = await stage.run(account_id, after=run)
    run.report(READY)
    await stage.tells(account_id, "offline", "ready")
    # Each time it went offline, and its browser was replaced.
    assert (await stage.causes(account_id)).count("offline") == 16
    row = await accounts.get(account_id)
    assert row is not None
    assert row.restarts == 8


async def test_a_page_that_is_offline_has_a_patience_of_its_own(start: Start) -> None:
    stage = await start(deadlines=Deadlines(connecting=0.05, authenticating=0.05))
    account_id, run = await stage.linked()
    other_id = await stage.create()
    other = await stage.start(other_id)
    other.report(Authenticated(fresh=False))
    for each in (run, other):
        each.report(WentOffline("OFFLINE"))
    await stage.tells(other_id, "resuming", "offline")
    # One whose page goes on tells how long the others had.
    third_id = await stage.create()
    third = await stage.start(third_id)
    await stage.tells(third_id, "deadline")
    for each in (run, other):
        each.report(READY)
    await stage.tells(account_id, "offline", "ready")
    await stage.tells(other_id, "offline", "ready")
    assert (stage.manager.runs[account_id], stage.manager.runs[other_id]) == (run, other)
    assert third.stopped
    assert not run.stopped
    assert not other.stopped


async def test_a_page_that_has_its_connection_back_resumes_within_the_time_of_any_other(
    start: Start,
) -> None:
    stage = await start(deadlines=Deadlines(authenticating=0.1))
    account_id, run = await stage.linked()
    run.report(WentOffline("OFFLINE"))
    run.report(Reconnected())
    await stage.tells(account_id, "ready", "offline", "resuming", "deadline")


async def test_flapping_does_not_prolong_the_patience_with_a_page(start: Start) -> None:
    stage = await start(deadlines=Deadlines(offline=0.1))
    account_id, run = await stage.linked()
    while not run.stopped:
        run.report(WentOffline("OFFLINE"))
        run.report(Reconnected())
        run.report(WentOffline("OFFLINE"))
        await asyncio.sleep(0.01)
    await stage.run(account_id, after=run)


def waiting_are(stage: Stage, count: int) -> bool:
    return stage.manager.starts.waiting == count


async def test_pages_that_are_offline_for_too_long_are_replaced_one_after_another(
    start: Start,
) -> None:
    stage = await start(deadlines=Deadlines(offline=0.02))
    linked = dict([await stage.linked() for _ in range(4)])
    for run in linked.values():
        run.lingers = True
        run.report(WentOffline("OFFLINE"))
    ids = list(linked)
    for left in (3, 2, 1):
        # While one closes, and while its successor starts, the others keep their browsers.
        await until(lambda: any(linked[each].stopped for each in ids))
        (account_id,) = [each for each in ids if linked[each].stopped]
        ids.remove(account_id)
        linked[account_id].end()
        successor = await stage.run(account_id, after=linked[account_id])
        await until(partial(waiting_are, stage, left))
        assert [each for each in ids if linked[each].stopped] == []
        if left > 1:
            successor.report(Authenticated(fresh=False))
            await stage.tells(account_id, "offline", "offline", "resuming")

    # Those that are left come back by themselves, and are let be.
    (last,) = ids
    linked[last].report(READY)
    await stage.reaches(last, Status.CONNECTED)
    await until(lambda: stage.manager.starts.waiting == 0)
    assert not linked[last].stopped
    linked[last].lingers = False


async def test_an_account_whose_browser_is_being_replaced_can_be_disconnected(start: Start) -> None:
    stage = await start(deadlines=Deadlines(offline=0.02))
    account_id, run = await stage.linked()
    run.lingers = True
    run.report(WentOffline("OFFLINE"))
    await until(lambda: run.stopped)
    await stage.manager.disconnect(account_id)
    run.end()
    await stage.tells(account_id, "offline", "offline", "user_disconnect")
    await until(lambda: stage.manager.starts.under_way == 0)
