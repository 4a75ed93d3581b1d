"""What the server and each account's browser take of the machine: samples, and how they are taken.

Reading /proc blocks, so samples are taken in a thread of their own: the monitor's. Whether a figure
is too high is decided in `limits.py`, how much disk there is in `disk.py`.
"""

import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

from actors.browser.process.group import PROC, Process, process, processes

KB_PER_MB = 1024


@dataclass(frozen=True, slots=True)
class Usage:
    """What some processes take together."""

    pss_mb: float = 0.0
    """Memory in MB (1024 * 1024 bytes), what is shared with others counted in parts; see `pss`."""
    cpu_seconds: float = 0.0
    """Processor time since the first of them started."""
    cpu_percent: float = 0.0
    """Processor time since the sample before, in percent of one core."""
    processes: int = 0
    threads: int = 0

    def __add__(self, other: Self) -> "Usage":
        return Usage(
            self.pss_mb + other.pss_mb,
            self.cpu_seconds + other.cpu_seconds,
            self.cpu_percent + other.cpu_percent,
            self.processes + other.processes,
            self.threads + other.threads,
        )


@dataclass(frozen=True, slots=True)
class Sample:
    """What was taken at one moment."""

    server: Usage = Usage()
    """The server process alone, without its browsers."""
    accounts: Mapping[str, Usage] = field(default_factory=dict)
    """Each account's browser, by the account's id."""

    @property
    def browsers(self) -> Usage:
        """All browsers together."""
        return sum(self.accounts.values(), Usage())

    @property
    def whole(self) -> Usage:
        """The server and its browsers together."""
        return self.server + self.browsers


class Sampler:
    """Takes samples. Belongs to one thread; a sample of many browsers takes a while."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin to measure.

        Args:
            clock: Tells the time in seconds.
        """
        self._clock = clock
        self._taken_at = clock()
        self._meter = _CpuMeter()
        own = process(os.getpid())
        if own is not None:
            self._meter.read(own.pid, [own])
            self._meter.turn()

    def sample(self, leaders: Mapping[str, int]) -> Sample:
        """Take a sample.

        Args:
            leaders: The leader of each account's process group, by the account's id.

        Returns:
            The figures of every account whose group has a living process.
        """
        now = self._clock()
        elapsed, self._taken_at = now - self._taken_at, now
        wanted = set(leaders.values())
        members: defaultdict[int, list[Process]] = defaultdict(list)
        server: list[Process] = []
        for found in processes():
            if found.pid == os.getpid():
                server.append(found)
            elif found.group in wanted and not found.ended:
                members[found.group].append(found)
        taken = Sample(
            server=self._usage(os.getpid(), server, elapsed),
            accounts={
                account_id: self._usage(leader, members[leader], elapsed)
                for account_id, leader in leaders.items()
                if leader in members
            },
        )
        self._meter.turn()
        return taken

    def _usage(self, leader: int, members: list[Process], elapsed: float) -> Usage:
        total, recent = self._meter.read(leader, members)
        return Usage(
            pss_mb=sum(map(pss_mb, (member.pid for member in members))),
            cpu_seconds=total,
            cpu_percent=100 * recent / elapsed if elapsed > 0 else 0.0,
            processes=len(members),
            threads=sum(member.threads for member in members),
        )


class _CpuMeter:
    """Adds up what groups use, also of members that have ended: the kernel forgets those.

    Readings are taken of all groups, then `turn` begins the next round.
    """

    def __init__(self) -> None:
        self._before: dict[tuple[int, str], float] = {}
        self._totals: dict[int, float] = {}
        self._next: dict[tuple[int, str], float] = {}
        self._next_totals: dict[int, float] = {}

    def read(self, leader: int, members: Iterable[Process]) -> tuple[float, float]:
        """Return the seconds that a group has used in all, and since the round before."""
        recent = 0.0
        for member in members:
            key = (member.pid, member.started)
            recent += member.cpu_seconds - self._before.get(key, 0.0)
            self._next[key] = member.cpu_seconds
        total = self._next_totals[leader] = self._totals.get(leader, 0.0) + recent
        return total, recent

    def turn(self) -> None:
        """Begin the next round; groups that were not read are forgotten."""
        self._before, self._next = self._next, {}
        self._totals, self._next_totals = self._next_totals, {}


def pss_mb(pid: int) -> float:
    """Return a process's share of memory in MB; 0 when it is gone.

    It is the kernel's PSS, in which a page that ten processes share counts a tenth in each. Where
    the kernel does not tell us that, it is what is not mapped from files; the rest is for the most
    part Chromium itself, which all browsers share.
    """
    try:
        return _field_kb(pid, "smaps_rollup", {b"Pss:"}) / KB_PER_MB
    except OSError:
        pass
    try:
        return _field_kb(pid, "status", {b"RssAnon:", b"RssShmem:"}) / KB_PER_MB
    except OSError:
        return 0.0


def _field_kb(pid: int, file: str, names: set[bytes]) -> int:
    lines = (PROC / str(pid) / file).read_bytes().splitlines()
    return sum(int(words[1]) for line in lines if (words := line.split())[0] in names)
