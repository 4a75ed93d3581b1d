"""How a run ends: asked to, by a failure, by a kill; always with Closed, and leaving nothing."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable

import aiohttp.web
import pytest

from actors.browser.errors import BrowserGone, NotReady
from actors.browser.page.page import WhatsAppPage
from actors.browser.process.chromium import Chromium
from actors.browser.profile.profile import Profile
from actors.browser.reports import (
    Closed,
    Failed,
    QrShown,
)
from tests.browser.watched import Faults, PhoneOf, Start, group_members, until

Handler = Callable[[aiohttp.web.BaseRequest], Awaitable[aiohttp.web.StreamResponse]]
ADA, BOB = "491700000001", "491700000002"


async def test_a_stop_ends_the_run_and_frees_the_profile(start: Start) -> None:
    run = start()
    await run.until(QrShown)
    pid = run.browser.pid
    assert pid is not None

    run.browser.stop()
    run.browser.stop()
    await run.until(Closed)

    assert run.browser.pid is None
    assert group_members(pid) == []
    assert run.reports[-1:] == [Closed()]
    assert not any(isinstance(report, Failed) for report in run.reports)
    profile = Profile(run.profile)
    profile.lock()
    profile.unlock()


async def test_a_stop_before_the_start_is_an_end_too(start: Start) -> None:
    run = start()
    run.browser.stop()

    await run.until(Closed)

    assert run.reports == [Closed()]


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.05, 0.1, 0.2, 0.4])
async def test_a_stop_at_any_moment_of_the_start_leaves_nothing(
    start: Start, seconds: float
) -> None:
    run = start()
    await asyncio.sleep(seconds)

    run.browser.stop()

    await run.until(Closed)
    assert not any(isinstance(report, Failed) for report in run.reports)


async def test_a_wipe_removes_the_profile_whenever_it_is_asked_for(start: Start) -> None:
    early, late = start("early"), start("late")
    early.browser.stop(wipe=True)
    await late.until(QrShown)
    late.browser.stop()
    late.browser.stop(wipe=True)

    await early.until(Closed)
    await late.until(Closed)

    assert not early.profile.exists()
    assert not late.profile.exists()


async def test_a_cancelled_run_closes_its_browser_first(start: Start) -> None:
    run = start()
    await run.until(QrShown)

    run.task.cancel()
    await run.until(Closed)

    with pytest.raises(asyncio.CancelledError):
        await run.task
    run.task = asyncio.create_task(asyncio.sleep(0))


async def test_a_frozen_browser_is_closed_in_its_time(start: Start) -> None:
    run = start(close_seconds=0.5)
    await run.until(QrShown)
    assert run.browser.pid is not None
    os.kill(run.browser.pid, signal.SIGSTOP)
    began = time.monotonic()

    run.browser.stop()
    await run.until(Closed)

    assert time.monotonic() - began < 3


async def test_a_frozen_browser_that_shall_unlink_is_closed_in_its_time(
    start: Start, phone: PhoneOf
) -> None:
    run = start(close_seconds=0.5, unlink_seconds=0.5)
    await run.ready_with(phone(ADA))
    assert run.browser.pid is not None
    os.killpg(run.browser.pid, signal.SIGSTOP)
    began = time.monotonic()

    run.browser.stop(unlink=True)
    assert not (await run.until(Closed)).unlinked

    assert time.monotonic() - began < 4


@pytest.mark.parametrize("seconds", [None, 0.2])
async def test_a_logout_is_proven_by_its_answer_alone(
    start: Start, phone: PhoneOf, faults: Faults, seconds: float | None
) -> None:
    run = start(unlink_seconds=0.5 if seconds is None else 10.0)
    await run.ready_with(phone(ADA))
    late = {} if seconds is None else {"seconds": seconds}
    await faults.add("late-answers", number=ADA, call="logout", **late)

    run.browser.stop(unlink=True)

    assert (await run.until(Closed)).unlinked is (seconds is not None)
    assert not await phone(ADA).linked()


async def test_calls_on_a_run_that_is_over_say_so(start: Start, phone: PhoneOf) -> None:
    run = start()
    await run.ready_with(phone(ADA))
    await run.close()

    with pytest.raises(NotReady):
        await run.browser.send_text(BOB, "too late")
    with pytest.raises(BrowserGone):
        await run.browser.ping()


async def test_stale_locks_are_removed_before_the_start(start: Start, phone: PhoneOf) -> None:
    run = start()
    run.profile.mkdir(parents=True)
    lock = run.profile / "SingletonLock"
    lock.symlink_to("other-container-1")

    await run.until(QrShown)

    assert not os.path.lexists(lock)


async def test_the_end_of_a_page_that_failed_or_was_asked_for_it_brings_a_picture(
    start: Start, faults: Faults
) -> None:
    asked = start("asked")
    await asked.until(QrShown)
    asked.browser.stop(look=True)
    await faults.add("broken-module", module="WAWebStreamModel")
    broken = start("broken")

    pictures = [(await run.until(Closed)).picture for run in (asked, broken)]

    assert all(picture is not None and picture.startswith(b"\x89PNG") for picture in pictures)


async def test_the_end_of_a_hung_page_waits_only_for_a_moment_for_a_picture(
    start: Start, phone: PhoneOf, faults: Faults
) -> None:
    run = start(close_seconds=1.0)
    await run.ready_with(phone(ADA))
    await faults.add("hang", number=ADA)
    began = time.monotonic()

    run.browser.stop(look=True)

    assert (await run.until(Closed)).picture is None
    assert time.monotonic() - began < 6


@pytest.mark.parametrize("step", ["logout", "screenshot", "Chromium.close"])
async def test_a_step_of_the_end_that_fails_keeps_no_other_from_its_turn(
    start: Start,
    phone: PhoneOf,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    step: str,
) -> None:
    async def fail(*_: object) -> None:
        raise KeyError("value")

    run = start()
    await run.ready_with(phone(ADA))
    pid = run.browser.pid
    assert pid is not None
    owner = Chromium if step == "Chromium.close" else WhatsAppPage
    monkeypatch.setattr(owner, step.rpartition(".")[2], fail)

    run.browser.stop(unlink=True, look=True, wipe=True)
    await run.until(Closed)

    await run.task
    await until(lambda: group_members(pid) == [], "the browser ended")
    assert not run.profile.exists()
    assert "failed" in caplog.text
