"""A fresh login survives a kill -9 of its browser at any moment after Ready."""

import os
import signal
from pathlib import Path

import pytest

from actors.browser.reports import Authenticated, Closed, Ready
from tests.browser.watched import PROVEN, PhoneOf, Start


@pytest.mark.parametrize("build", ["chromium-headless-shell", "chromium"])
async def test_a_kill_right_after_ready_loses_no_login(
    start: Start, phone: PhoneOf, build: str
) -> None:
    executable = Path("/usr/lib/chromium", build)
    if not executable.exists():
        pytest.skip(f"{build} is not installed")
    first = start(executable=executable, durable_seconds=PROVEN)
    await first.ready_with(phone("491700000001"))
    assert first.browser.pid is not None

    os.killpg(first.browser.pid, signal.SIGKILL)
    await first.until(Closed)
    second = start(executable=executable, durable_seconds=PROVEN)

    assert not (await second.until(Authenticated)).fresh
    await second.until(Ready)


async def test_a_resumed_login_is_ready_without_waiting_for_the_disk(
    start: Start, phone: PhoneOf
) -> None:
    first = start(durable_seconds=PROVEN)
    await first.ready_with(phone("491700000001"))
    await first.close()

    second = start(durable_seconds=PROVEN)
    await second.until(Ready)

    assert second.browser._proof._proving is None


async def test_a_login_that_cannot_be_proven_is_ready_after_all_and_the_log_says_so(
    start: Start, phone: PhoneOf, caplog: pytest.LogCaptureFixture
) -> None:
    run = start(durable_seconds=0.0)

    await run.ready_with(phone("491700000001"))

    assert "not proven to be on the disk" in caplog.text
