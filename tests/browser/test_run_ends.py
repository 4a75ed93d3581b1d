"""How a run ends: asked to, by a failure, by a kill; always with Closed, and leaving nothing."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp.web
import pytest

from actors.browser.chromium import Chromium
from actors.browser.errors import BrowserGone, NotReady, PageTimeout
from actors.browser.page import WhatsAppPage
from actors.browser.profile import Profile
from actors.browser.reports import (
    ActionKind,
    ActionRequired,
    Closed,
    Failed,
    Failure,
    MessageReceived,
    QrShown,
    Ready,
    Report,
)
from tests.browser.watched import Faults, PhoneOf, Start, WatchedRun, group_members, until

Handler = Callable[[aiohttp.web.BaseRequest], Awaitable[aiohttp.web.StreamResponse]]
ADA, BOB = "491700000001", "491700000002"


async def failure_of(run: WatchedRun) -> Failed:
    """Wait for the failure and for the end that must follow by itself."""
    failed = await run.until(Failed)
    await run.until(Closed)
    return failed


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
    await run.until(Closed)

    assert time.monotonic() - began < 4


async def test_a_killed_browser_is_told_with_its_signal(start: Start, phone: PhoneOf) -> None:
    run = start()
    await run.ready_with(phone(ADA))
    assert run.browser.pid is not None
    waiting = asyncio.create_task(run.evaluate("new Promise(() => {})"))
    await run.browser.ping()
    began = time.monotonic()

    os.killpg(run.browser.pid, signal.SIGKILL)
    failed = await failure_of(run)

    assert failed.failure is Failure.BROWSER_EXITED
    assert "SIGKILL" in failed.detail
    assert time.monotonic() - began < 2
    with pytest.raises(Exception, match="is gone"):
        await waiting


async def test_calls_on_a_run_that_is_over_say_so(start: Start, phone: PhoneOf) -> None:
    run = start()
    await run.ready_with(phone(ADA))
    await run.close()

    with pytest.raises(BrowserGone):
        await run.browser.send_text(BOB, "too late")
    with pytest.raises(BrowserGone):
        await run.browser.ping()


async def test_a_crashed_page_ends_its_run_and_no_other(start: Start) -> None:
    run, other = start("crashing"), start("other")
    await run.until(QrShown)
    await other.until(QrShown)

    crashing = asyncio.create_task(run.evaluate("new Promise(() => {})"))
    page = run.browser._page
    assert page is not None
    assert page._session is not None
    page._session.send("Page.crash")
    failed = await failure_of(run)

    assert failed.failure is Failure.PAGE_CRASHED
    await other.browser.ping()
    await asyncio.wait({crashing}, timeout=1)
    assert crashing.exception() is not None


async def test_a_call_that_times_out_leaves_the_connection_well(start: Start) -> None:
    run = start(call_seconds=0.3)
    await run.until(QrShown)
    busy = "setTimeout(() => { const end = Date.now() + 900; while (Date.now() < end); })"
    await run.evaluate(busy)

    with pytest.raises(PageTimeout):
        await run.browser.ping()

    await run.evaluate("1")
    await run.browser.ping()


async def test_a_report_that_nobody_can_take_ends_nothing(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    run = start()

    def refuse(report: Report) -> None:
        run._take(report)
        raise RuntimeError("no")

    run.browser._report = refuse

    await run.until(QrShown)
    await run.browser.ping()
    assert "nobody took QrShown" in caplog.text


async def test_a_second_run_on_a_profile_is_refused_and_the_first_is_untouched(
    start: Start, phone: PhoneOf
) -> None:
    first = start()
    await first.ready_with(phone(ADA))

    failed = await failure_of(start())

    assert failed.failure is Failure.PROFILE_LOCKED
    assert f"process {os.getpid()}" in failed.detail
    await first.browser.ping()
    assert (await first.browser.send_text(BOB, "still here")).ack >= 1


async def test_stale_locks_are_removed_before_the_start(start: Start, phone: PhoneOf) -> None:
    run = start()
    run.profile.mkdir(parents=True)
    lock = run.profile / "SingletonLock"
    lock.symlink_to("other-container-1")

    await run.until(QrShown)

    assert not os.path.lexists(lock)


async def test_a_profile_that_cannot_be_made_is_told_with_its_path(
    start: Start, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()

    failed = await failure_of(start(profiles_dir=tmp_path / "file"))

    assert failed.failure is Failure.START_FAILED
    assert str(tmp_path / "file") in failed.detail


async def test_a_missing_chromium_is_told(start: Start) -> None:
    failed = await failure_of(start(executable=Path("/nowhere/chromium")))

    assert failed.failure is Failure.START_FAILED
    assert "/nowhere/chromium" in failed.detail


async def test_a_missing_bundle_is_told(start: Start, tmp_path: Path) -> None:
    failed = await failure_of(start(wa_js=tmp_path / "wa.js"))

    assert failed.failure is Failure.START_FAILED
    assert "npm ci" in failed.detail


async def test_a_chromium_that_exits_at_once_is_told_with_its_words(
    start: Start, tmp_path: Path
) -> None:
    chromium = tmp_path / "chromium"
    chromium.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && echo Chromium 1.2.3.4 && exit\n'
        "echo 'the reason' >&2; exit 21\n"
    )
    chromium.chmod(0o755)

    failed = await failure_of(start(executable=chromium))

    assert failed.failure is Failure.START_FAILED
    assert "with code 21" in failed.detail
    assert "the reason" in failed.detail


async def test_a_chromium_that_never_answers_is_given_up(start: Start, tmp_path: Path) -> None:
    chromium = tmp_path / "chromium"
    chromium.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && echo Chromium 1.2.3.4 && exit\nexec sleep 60\n'
    )
    chromium.chmod(0o755)

    failed = await failure_of(start(executable=chromium, page_load_seconds=0.5, close_seconds=0.2))

    assert failed.failure is Failure.START_FAILED
    assert "did not answer" in failed.detail


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:9/", "127.0.0.1:9 cannot be reached: net::ERR_UNSAFE_PORT"),
        ("http://127.0.0.1:49/", "127.0.0.1:49 cannot be reached: the connection was refused"),
        ("http://nowhere.invalid/", "nowhere.invalid cannot be reached: its name"),
    ],
)
async def test_an_address_that_cannot_be_reached_is_told_in_words(
    start: Start, url: str, words: str
) -> None:
    failed = await failure_of(start(web_url=url))

    assert failed.failure is Failure.PAGE_UNREACHABLE
    assert words in failed.detail


@contextlib.asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    server = aiohttp.web.Server(handler)
    runner = aiohttp.web.ServerRunner(server, shutdown_timeout=0.1)
    await runner.setup()
    site = aiohttp.web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    await runner.cleanup()


async def test_a_server_in_trouble_is_told_with_its_status(start: Start) -> None:
    async def trouble(_: aiohttp.web.BaseRequest) -> aiohttp.web.Response:
        return aiohttp.web.Response(status=503, text="later")

    async with serving(trouble) as url:
        failed = await failure_of(start(web_url=url))

    assert failed.failure is Failure.PAGE_UNREACHABLE
    assert "503" in failed.detail


async def test_a_server_that_does_not_answer_is_given_up(start: Start, faults: Faults) -> None:
    await faults.add("slow-load", seconds=30)

    failed = await failure_of(start(page_load_seconds=1))

    assert failed.failure is Failure.PAGE_UNREACHABLE
    assert "did not answer within 1 s" in failed.detail


async def test_a_page_that_is_not_whatsapp_web_is_told_as_broken(start: Start) -> None:
    async def other(_: aiohttp.web.BaseRequest) -> aiohttp.web.Response:
        return aiohttp.web.Response(text="<title>Welcome</title>", content_type="text/html")

    async with serving(other) as url:
        failed = await failure_of(start(web_url=url, page_load_seconds=4))

    assert failed.failure is Failure.PAGE_BROKEN


@pytest.mark.parametrize(
    ("fault", "kind"), [("conflict", ActionKind.CONFLICT), ("terms", ActionKind.TERMS)]
)
async def test_what_a_human_must_do_keeps_the_browser_open(
    start: Start, phone: PhoneOf, faults: Faults, fault: str, kind: ActionKind
) -> None:
    run = start()
    await run.ready_with(phone(ADA))

    await faults.add(fault, number=ADA)

    assert (await run.until(ActionRequired)).kind is kind
    await run.browser.screenshot()
    with pytest.raises(NotReady):
        await run.browser.send_text(BOB, "hello")


async def test_a_passkey_is_asked_for_until_it_is_given(
    start: Start, phone: PhoneOf, faults: Faults
) -> None:
    run = start(probe_seconds=0.2)
    await faults.add("passkey")
    await phone(ADA).scan((await run.until(QrShown)).code)

    assert (await run.until(ActionRequired)).kind is ActionKind.PASSKEY
    await faults.clear()

    assert (await run.until(Ready)).phone == ADA


async def test_a_page_without_what_an_account_needs_is_told_as_broken_by_name(
    start: Start, faults: Faults
) -> None:
    await faults.add("broken-module", module="WAWebStreamModel")

    failed = await failure_of(start())

    assert failed.failure is Failure.PAGE_BROKEN
    assert "Stream" in failed.detail


async def test_a_page_that_lacks_less_is_ready_and_names_it(
    start: Start, phone: PhoneOf, faults: Faults
) -> None:
    await faults.add("broken-module")
    run = start()

    assert (await run.ready_with(phone(ADA))).missing_modules == ("addAndSendMsgToChat",)


async def test_a_sound_page_lacks_nothing_and_a_crash_of_it_is_told(
    start: Start, phone: PhoneOf, faults: Faults
) -> None:
    run = start()
    assert (await run.ready_with(phone(ADA))).missing_modules == ()

    await faults.add("crash", number=ADA)

    assert (await failure_of(run)).failure is Failure.PAGE_CRASHED
    assert run.last == Closed(None)


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


async def test_accepted_terms_make_the_account_ready_again(
    start: Start, phone: PhoneOf, faults: Faults
) -> None:
    run = start()
    await run.ready_with(phone(ADA))
    await faults.add("terms", number=ADA)
    await run.until(ActionRequired)

    await faults.clear()

    await run.until(Ready)


async def test_a_hung_page_is_told_and_its_browser_ends(
    start: Start, phone: PhoneOf, faults: Faults
) -> None:
    run = start(probe_seconds=0.2, probe_timeout_seconds=0.5, close_seconds=1.0)
    await run.ready_with(phone(ADA))
    began = time.monotonic()

    await faults.add("hang", number=ADA)
    failed = await failure_of(run)

    assert failed.failure is Failure.UNRESPONSIVE
    assert "did not answer within 0.5 s" in failed.detail
    assert time.monotonic() - began < 5


async def test_a_frozen_browser_is_told_as_unresponsive_and_ends(
    start: Start, phone: PhoneOf
) -> None:
    run = start(probe_seconds=0.2, probe_timeout_seconds=0.5, close_seconds=0.5)
    await run.ready_with(phone(ADA))
    assert run.browser.pid is not None

    os.killpg(run.browser.pid, signal.SIGSTOP)

    assert (await failure_of(run)).failure is Failure.UNRESPONSIVE


async def test_a_page_that_hangs_for_a_moment_goes_on(
    start: Start, phone: PhoneOf, faults: Faults
) -> None:
    run = start(probe_seconds=0.2, probe_timeout_seconds=0.8)
    await run.ready_with(phone(ADA))

    await faults.add("hang", number=ADA, seconds=1.0)
    await run.browser.ping()
    await phone(ADA).receive(BOB, "still there?")

    assert (await run.until(MessageReceived)).text == "still there?"
