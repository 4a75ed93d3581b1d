"""The actor that watches what the server and its browsers take: measures, tells, and warns.

What is too much is decided in `limits.py`; the accounts' own actors act on it.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import pykka

from actors.account.view import View, Views
from actors.browser.profile.profile import find_profiles
from actors.errors import describe
from actors.loop import Loop, Timer
from actors.mailbox import ForAccount, OverMemory, RegistryMessage
from actors.monitor.disk import Disk, free_mb, is_read_only
from actors.monitor.limits import Limit, MemoryLimits, RenewalQueue
from actors.monitor.memory import server_memory
from actors.monitor.sampler import Sample, Sampler, Usage
from common.threads import name_thread
from store.events.event_log import Event, EventType
from store.events.recorder import Recorder

logger = logging.getLogger(__name__)

SERVER = "server"
"""Stands in place of an account's id in the event that sums up."""
MOST_OF_THE_TIME = 0.02
"""The share of the time that may be spent on samples: one of 500 browsers takes seconds."""


@dataclass(frozen=True)
class MonitorConfig:
    """How often the monitor looks and writes, in seconds, and what it minds."""

    folder: Path
    """Where the profiles are: the disk that is minded."""
    sample_seconds: float = 15.0
    log_seconds: float = 60.0
    profiles_seconds: float = 600.0
    disk_mb: int = 200
    """How much disk a browser must find free to start; see `StartLimits`."""
    limits: MemoryLimits = MemoryLimits()


@dataclass(frozen=True)
class Figures:
    """What the monitor saw last."""

    disk: Disk
    sample: Sample = Sample()
    profiles: Mapping[str, int] = field(default_factory=dict)
    """What each account's profile takes on the disk, in MB (1024 * 1024 bytes), by its id."""


class Watched:
    """Holds the figures for readers in any thread. They are replaced whole."""

    def __init__(self) -> None:
        self.figures: Figures | None = None


@dataclass(frozen=True)
class TakeSample:
    """It is time to measure."""


@dataclass(frozen=True)
class MeasureProfiles:
    """It is time to measure the profiles."""


@dataclass(frozen=True)
class ProfilesMeasured:
    """The profiles were measured."""

    sizes: Mapping[str, int] | None
    """What each takes, in MB; None if that could not be found out."""
    seconds: float
    """How long it took."""


@dataclass(frozen=True)
class WriteLog:
    """It is time to write into the log."""


Chore = TakeSample | MeasureProfiles | ProfilesMeasured | WriteLog


class MonitorActor(pykka.ThreadingActor):
    """Measures in its own thread, which may take long and holds up nobody."""

    def __init__(
        self,
        config: MonitorConfig,
        loop: Loop,
        recorder: Recorder,
        views: Views,
        watched: Watched,
        tell_registry: Callable[[RegistryMessage], None],
        broken: Callable[[str], None],
    ) -> None:
        super().__init__()
        self._config = config
        self._loop = loop
        self._recorder = recorder
        self._views = views
        self._watched = watched
        self._tell_registry = tell_registry
        self._broken = broken
        self._started = time.monotonic()
        self._sampler = Sampler()
        self._timers: dict[type, Timer] = {}
        self._turns = RenewalQueue()

    def on_start(self) -> None:
        """Look at the disk and start the clocks; runs in the actor's thread."""
        name_thread("monitor")
        self._show(Sample())
        self._later(self._config.sample_seconds, TakeSample())
        self._later(self._config.sample_seconds, MeasureProfiles())
        self._later(self._config.log_seconds, WriteLog())

    def on_receive(self, message: Chore) -> None:
        """Do what it is time for, and set the clock for the next time."""
        began, pause, again = time.monotonic(), 0.0, message
        try:
            match message:
                case TakeSample():
                    pause = self._config.sample_seconds
                    self._take_sample()
                case MeasureProfiles():
                    # In a thread of its own: the limits of memory do not wait for a slow disk.
                    threading.Thread(
                        target=self._measure_profiles, name="measuring", daemon=True
                    ).start()
                    return
                case ProfilesMeasured(sizes, seconds):
                    began, again = began - seconds, MeasureProfiles()
                    pause = self._config.profiles_seconds
                    self._show_profiles(sizes)
                case WriteLog():
                    pause = self._config.log_seconds
                    self._write_log()
        except Exception:
            # Whatever it is, the accounts do not depend on it, and the next time may go well.
            logger.exception("The resource monitor failed")
        self._later(max(pause, (time.monotonic() - began) / MOST_OF_THE_TIME), again)

    def on_stop(self) -> None:
        """Stop the clocks; runs in the actor's thread."""
        for timer in self._timers.values():
            timer.cancel()

    def on_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Have the server end: without the monitor no limit of memory holds."""
        self.on_stop()
        self._loop.call(self._broken, describe(exception_value))

    def _later(self, seconds: float, message: Chore) -> None:
        tell = self.actor_ref.tell
        self._timers[type(message)] = self._loop.later(seconds, tell, message)

    def _take_sample(self) -> None:
        views = self._views.all()
        browsers = {view.account_id: view.pid for view in views if view.pid is not None}
        sample = self._sampler.sample(browsers)
        figures = self._show(sample)
        self._loop.call(self._announce, _events(figures, views))
        self._mind_limits(sample, browsers)

    def _measure_profiles(self) -> None:
        """Measure the profiles, and tell the actor; runs in a thread of its own."""
        name_thread("measuring")
        began, sizes = time.monotonic(), None
        try:
            found = find_profiles(self._config.folder)
            sizes = {profile.account_id: profile.size() >> 20 for profile in found}
        except Exception:
            logger.exception("The profiles could not be measured")
        with suppress(pykka.ActorDeadError):
            self.actor_ref.tell(ProfilesMeasured(sizes, time.monotonic() - began))

    def _show_profiles(self, sizes: Mapping[str, int] | None) -> None:
        if sizes is not None and self._watched.figures is not None:
            self._watched.figures = replace(self._watched.figures, profiles=sizes)

    def _show(self, sample: Sample) -> Figures:
        before = self._watched.figures
        folder = self._config.folder
        disk = Disk(free_mb(folder), self._config.disk_mb, is_read_only(folder))
        if disk.full and (before is None or not before.disk.full):
            what = "cannot be written" if disk.read_only else "is full"
            logger.warning("The disk %s, no browser starts: %s", what, disk.reason)
        elif before is not None and before.disk.full and not disk.full:
            logger.info("The disk has room again, browsers start")
        profiles = before.profiles if before else {}
        figures = self._watched.figures = Figures(disk, sample, profiles)
        return figures

    def _announce(self, events: list[Event]) -> None:
        """Tell whoever listens now; runs on the loop."""
        for event in events:
            self._recorder.announce(event)

    def _mind_limits(self, sample: Sample, browsers: Mapping[str, int]) -> None:
        """Tell the accounts that are over a limit; of those over the soft one, one at a time."""
        limits = self._config.limits
        over = {each: limits.exceeded(usage.pss_mb) for each, usage in sample.accounts.items()}
        told = [each for each, limit in over.items() if limit is Limit.HARD]
        turn = self._turns.pick([each for each, limit in over.items() if limit is Limit.SOFT])
        if turn is not None:
            told.append(turn)
        for account_id in told:
            limit = over[account_id]
            assert limit is not None
            used = sample.accounts[account_id].pss_mb
            message = OverMemory(browsers[account_id], used, limit)
            self._tell_registry(ForAccount(account_id, message))

    def _write_log(self) -> None:
        memory = server_memory()
        logger.info(
            "📊 Resource Monitor:\n"
            "  - Active Clients: %d\n"
            "  - Memory Used: %dMB / %dMB\n"
            "  - RSS: %dMB\n"
            "  - Uptime: %d minutes",
            sum(view.status.has_browser for view in self._views.all()),
            memory.heap_used,
            memory.heap_total,
            memory.rss,
            (time.monotonic() - self._started) // 60,
            extra={"block": True},
        )
        figures = self._watched.figures
        if figures is None or not logger.isEnabledFor(logging.DEBUG):
            return
        for account_id, usage in figures.sample.accounts.items():
            logger.debug("its browser takes %s", _words(usage), extra={"account": account_id})
        logger.debug("The server takes %s", _words(figures.sample.server))
        logger.debug("All browsers take %s", _words(figures.sample.browsers))


def _words(usage: Usage) -> str:
    return (
        f"{usage.pss_mb:.0f} MB, {usage.cpu_percent:.1f} % of a core, {usage.cpu_seconds:.1f} s "
        f"of processor time, {usage.processes} processes, {usage.threads} threads"
    )


def _events(figures: Figures, views: list[View]) -> list[Event]:
    """Make an event for each account with a browser, and one that sums up."""
    now, sample = datetime.now(UTC), figures.sample
    told = [
        Event(
            EventType.RESOURCES,
            account_id,
            now,
            {**usage_json(usage), "profileMb": figures.profiles.get(account_id)},
        )
        for account_id, usage in sample.accounts.items()
    ]
    summary = {
        "activeClients": sum(view.status.has_browser for view in views),
        "server": usage_json(sample.server),
        "browsers": usage_json(sample.browsers),
        "whole": usage_json(sample.whole),
        "diskFreeMb": round(figures.disk.free_mb),
    }
    return [*told, Event(EventType.RESOURCES, SERVER, now, summary)]


def usage_json(usage: Usage) -> dict[str, Any]:
    """Show figures as events do."""
    return {
        "pssMb": round(usage.pss_mb, 1),
        "cpuPercent": round(usage.cpu_percent, 1),
        "cpuSeconds": round(usage.cpu_seconds, 2),
        "processes": usage.processes,
        "threads": usage.threads,
    }
