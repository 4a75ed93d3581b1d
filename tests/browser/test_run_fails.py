"""How a run fails: told with the reason, as evidence for a human, and ended by itself."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp.web
import pytest
from aiohttp.test_utils import TestServer

from actors.browser.reports import (
    Closed,
    Failed,
    Failure,
    QrShown,
)
from tests.browser.watched import Faults, PhoneOf, Start, WatchedRun

Handler = Callable[[aiohttp.web.BaseRequest], Awaitable[aiohttp.web.StreamResponse]]
ADA, BOB = "491700000001", "491700000002"


async def failure_of(run: WatchedRun) -> Failed:
    """Wait for the failure and for the end that must follow by itself."""
    failed = await run.until(Failed)
    await run.until(Closed)
    return failed


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

    # Long enough for the browser itself to start on a busy machine.
    failed = await failure_of(start(page_load_seconds=4))

    assert failed.failure is Failure.PAGE_UNREACHABLE
    assert "did not answer within 4 s" in failed.detail


async def test_a_page_that_is_not_whatsapp_web_is_told_as_broken(start: Start) -> None:
    async def other(_: aiohttp.web.BaseRequest) -> aiohttp.web.Response:
        return aiohttp.web.Response(text="<title>Welcome</title>", content_type="text/html")

    async with serving(other) as url:
        failed = await failure_of(start(web_url=url, page_load_seconds=4))

    assert failed.failure is Failure.PAGE_BROKEN


async def test_a_page_without_what_an_account_needs_is_told_as_broken_by_name(
    start: Start, faults: Faults
) -> None:
    await faults.add("broken-module", module="WAWebStreamModel")

    failed = await failure_of(start())

    assert failed.failure is Failure.PAGE_BROKEN
    assert "Stream" in failed.detail


async def test_a_sound_page_lacks_nothing_and_a_crash_of_it_is_told(
    start: Start, phone: PhoneOf, faults: Faults
) -> None:
    run = start()
    assert (await run.ready_with(phone(ADA))).missing_modules == ()

    await faults.add("crash", number=ADA)

    assert (await failure_of(run)).failure is Failure.PAGE_CRASHED
    assert run.last == Closed(None)


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


async def test_a_page_that_is_led_elsewhere_is_unreachable(start: Start) -> None:
    portal = aiohttp.web.Application()

    async def log_in(_: aiohttp.web.Request) -> aiohttp.web.Response:
        return aiohttp.web.Response(text="Please log in to this network")

    portal.router.add_get("/", log_in)
    async with TestServer(portal, host="127.0.0.1") as network:
        led = aiohttp.web.Application()
        elsewhere = str(network.make_url("/"))

        async def lead(_: aiohttp.web.Request) -> aiohttp.web.Response:
            raise aiohttp.web.HTTPFound(elsewhere)

        led.router.add_get("/", lead)
        async with TestServer(led, host="127.0.0.1") as address:
            run = start(web_url=str(address.make_url("/")))
            failed = await failure_of(run)
    assert failed.failure is Failure.PAGE_UNREACHABLE
    assert "leads to" in failed.detail
