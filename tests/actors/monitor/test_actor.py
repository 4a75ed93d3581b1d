"""What the monitor sees and tells, and what follows from limits. Browsers are told; memory is real.

Where a browser is to have a size, this process stands in for it.
"""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial

import pytest

from actors.browser.profile.profile import Profile
from actors.browser.reports import Authenticated, MessageReceived
from actors.config import ManagerConfig
from actors.mailbox import OverMemory
from actors.monitor.actor import MeasureProfiles
from actors.monitor.limits import Limit, MemoryLimits
from actors.startqueue import Room, StartLimits
from store import accounts
from store.events.bus import Bus
from store.events.event_log import Event
from store.status import Status
from tests.actors.conftest import READY, Stage, Start
from tests.told import ToldRun, until

TINY = 1
"""MB: less than any browser takes."""


@pytest.fixture
def start(start: Start) -> Start:
    """Start a manager that samples all the time, with changes to its configuration."""
    return partial(start, sample_interval=0.02)


@pytest.fixture
def process() -> Iterator[int]:
    """The leader of a process group that takes about 10 MB."""
    command = [sys.executable, "-c", "import signal; print(flush=True); signal.pause()"]
    leader = subprocess.Popen(command, start_new_session=True, stdout=subprocess.PIPE)
    assert leader.stdout is not None
    leader.stdout.readline()
    yield leader.pid
    with suppress(ProcessLookupError):
        os.killpg(leader.pid, signal.SIGKILL)
    leader.stdout.close()
    leader.wait()


async def connected(stage: Stage, pid: int) -> tuple[str, ToldRun]:
    """Link an account whose browser is this process group."""
    account_id = await stage.create()
    run = await stage.start(account_id)
    run.pid = pid
    run.report(Authenticated(fresh=True))
    run.report(READY)
    await stage.reaches(account_id, Status.CONNECTED)
    return account_id, run


def message() -> MessageReceived:
    return MessageReceived(
        message_id="false_491700000002@c.us_1",
        chat="491700000002@c.us",
        sender="491700000002@c.us",
        recipient="491700000001@c.us",
        kind="chat",
        text="Hello",
        at=datetime.now(UTC),
        sender_name="Bob",
    )


async def test_what_each_browser_takes_is_shown(start: Start, process: int) -> None:
    stage = await start()
    account_id, _ = await connected(stage, process)
    await until(lambda: (f := stage.manager.figures) and account_id in f.sample.accounts)
    figures = stage.manager.figures
    assert figures is not None
    assert figures.sample.accounts[account_id].processes == 1
    assert figures.sample.accounts[account_id].pss_mb > TINY
    assert figures.disk.free_mb > 0


async def test_what_each_browser_takes_is_told_and_summed_up(
    start: Start, process: int, bus: Bus
) -> None:
    stage = await start()
    account_id, _ = await connected(stage, process)
    told: dict[str, Event] = {}

    def hear(event: Event, ours: bool) -> None:
        if event.type == "resources":
            told[event.account_id] = event

    bus.listen(hear)
    await until(lambda: told.keys() >= {"server", account_id})
    assert told[account_id].seq is None
    figures = {"pssMb", "cpuPercent", "cpuSeconds", "processes", "threads", "profileMb"}
    assert set(told[account_id].data) == figures
    summary = told["server"].data
    assert set(summary) == {"activeClients", "server", "browsers", "whole", "diskFreeMb"}
    assert summary["activeClients"] == summary["browsers"]["processes"] == 1
    assert summary["whole"]["processes"] == 2


async def test_a_disk_that_hangs_while_profiles_are_measured_delays_no_hard_limit(
    start: Start, config: ManagerConfig, process: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, over = threading.Event(), threading.Event()

    def hang(_: Profile) -> int:
        begun.set()
        over.wait(30)
        return 3 << 20

    monkeypatch.setattr(Profile, "size", hang)
    config.browser.profile("another").mkdir(parents=True)
    stage = await start(limits=MemoryLimits(hard_mb=TINY))
    await until(begun.is_set)

    account_id, _ = await connected(stage, process)
    await stage.tells(account_id, "memory_hard")

    assert not over.is_set()
    over.set()
    await until(lambda: (now := stage.manager.figures) and now.profiles.get("another") == 3)


async def test_what_each_profile_takes_on_the_disk_is_told(
    start: Start, process: int, bus: Bus
) -> None:
    stage = await start()
    account_id, _ = await connected(stage, process)
    profile = stage.manager._config.browser.profile(account_id)
    profile.mkdir(parents=True)
    (profile / "cache").write_bytes(os.urandom(3 << 20))
    told: set[int | None] = set()

    def hear(event: Event, ours: bool) -> None:
        if event.account_id == account_id and event.type == "resources":
            told.add(event.data["profileMb"])

    bus.listen(hear)
    assert stage.manager._monitor is not None
    stage.manager._monitor.tell(MeasureProfiles())
    await until(lambda: 3 in told)


async def test_the_log_has_a_line_for_each_browser_at_debug(
    start: Start, process: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "actors.monitor.actor")
    stage = await start(monitor_interval=0.05)
    account_id, _ = await connected(stage, process)
    await until(lambda: [record for record in caplog.records if _is_of(account_id, record)])


def _is_of(account_id: str, record: logging.LogRecord) -> bool:
    ours = getattr(record, "account", None) == account_id
    return ours and record.getMessage().startswith("its browser takes")


async def test_over_the_hard_limit_a_browser_is_ended_at_once_and_it_counts_as_a_failure(
    start: Start, process: int
) -> None:
    stage = await start(limits=MemoryLimits(hard_mb=TINY))
    account_id, first = await connected(stage, process)
    second = await stage.run(account_id, after=first)
    assert first.stopped
    second.report(READY)
    await stage.reaches(account_id, Status.CONNECTED)
    await stage.tells(account_id, "memory_hard", "ready")
    row = await accounts.get(account_id)
    assert row is not None
    assert (row.restarts, row.restart_cause) == (1, "memory_hard")
    assert row.restarted_at is not None


async def test_over_the_hard_limit_again_and_again_an_account_fails(
    start: Start, process: int
) -> None:
    stage = await start(limits=MemoryLimits(hard_mb=TINY))
    account_id, run = await connected(stage, process)
    for _ in range(5):
        run = await stage.run(account_id, after=run)
        run.pid = process
        run.report(READY)
    await stage.reaches(account_id, Status.FAILED)
    await stage.tells(account_id, "memory_hard", "ready", "gave_up")


async def test_over_the_soft_limit_a_browser_is_replaced_at_a_quiet_moment(
    start: Start, process: int
) -> None:
    stage = await start(limits=MemoryLimits(soft_mb=TINY, quiet_seconds=0.3))
    account_id, first = await connected(stage, process)
    for _ in range(3):
        first.report(message())
    second = await stage.run(account_id, after=first)
    second.pid = process
    second.report(READY)
    await stage.reaches(account_id, Status.CONNECTED)
    await stage.tells(account_id, "memory_soft", "ready")
    row = await accounts.get(account_id)
    assert row is not None
    assert (row.restarts, row.restart_cause) == (1, "memory_soft")


async def test_no_browser_is_replaced_while_messages_come_and_go(
    start: Start, process: int
) -> None:
    stage = await start(limits=MemoryLimits(soft_mb=TINY, quiet_seconds=0.5))
    account_id, run = await connected(stage, process)
    began = time.monotonic()
    while time.monotonic() < began + 1:
        await stage.manager.send_text(account_id, "491700000002", "Hello")
        run.report(message())
    assert not run.stopped


async def test_a_measurement_of_a_former_browser_means_nothing(start: Start, process: int) -> None:
    stage = await start(limits=MemoryLimits(soft_mb=TINY, hard_mb=TINY))
    account_id = await stage.create()
    run = await stage.start(account_id)
    for limit in Limit:
        stage.manager._tell(account_id, OverMemory(process, 500, limit))
    run.report(READY)
    await stage.tells(account_id, "user_connect", "ready")
    assert not run.stopped


async def test_with_a_full_disk_no_browser_starts_until_there_is_room_again(
    start: Start, process: int
) -> None:
    stage = await start(starts=StartLimits(disk_mb=200))
    _, running = await connected(stage, process)
    stage.manager.room = Room(float("inf"), 199)
    waiting = await stage.create()
    await stage.manager.connect(waiting)
    await stage.tells(waiting, "user_connect", "queued")
    view = stage.manager.view(waiting)
    assert view is not None
    assert view.detail == {"place": 0, "waitsFor": "disk"}
    assert stage.manager.starts.waiting == 1
    assert not running.stopped

    stage.manager.room = Room(float("inf"), 200)
    await stage.run(waiting)
    await until(lambda: stage.manager.starts.waiting == 0)


async def test_a_full_disk_is_said_in_the_log_once_and_shown(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    stage = await start(starts=StartLimits(disk_mb=10**9))
    await until(lambda: (f := stage.manager.figures) and f.sample.server.processes)
    figures = stage.manager.figures
    assert figures is not None
    assert figures.disk.full
    assert caplog.text.count("The disk is full, no browser starts") == 1
