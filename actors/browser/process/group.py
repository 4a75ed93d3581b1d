"""A process group: its members, its end, and the proof of it. Knows nothing of browsers.

Each Chromium leads a group of its own, and all its helpers stay in it.
"""

import asyncio
import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from common.threads import PROCESSES

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")
"""In how many parts of a second the kernel counts processor time."""
POLL_SECONDS = 0.02
PATIENCE_SECONDS = 0.1
"""How long members may take to vanish, before /proc is asked whether they are dead already."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process as the kernel lists it."""

    pid: int
    group: int
    started: str
    """Tells it from a later one of the same id."""
    ended: bool
    """Whether it is a zombie, which holds nothing any more."""
    cpu_seconds: float
    """Processor time it has used since it started."""
    threads: int


class ProcessGroup:
    """The group that a process leads. The leader's id is valid until the leader is reaped."""

    def __init__(self, leader: int) -> None:
        self.leader = leader

    def kill(self) -> None:
        """End all members at once. Only while the leader is known to exist, even as a zombie."""
        with suppress(ProcessLookupError):
            os.killpg(self.leader, signal.SIGKILL)

    def gone(self) -> bool:
        """Return whether no member is left, the leader included."""
        self._reap()
        try:
            os.killpg(self.leader, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass
        return False

    def only_zombies(self) -> bool:
        """Return whether what is left has ended and only waits for its parent. Reads all of /proc.

        Where process 1 does not reap what it inherits, a zombie stays. It holds no file.
        """
        return all(member.ended for member in processes() if member.group == self.leader)

    async def wait_gone(self) -> None:
        """Wait until no member is left. Whoever calls this has killed the group."""
        began = time.monotonic()
        while not self.gone():
            patient = time.monotonic() - began < PATIENCE_SECONDS
            if not patient and await PROCESSES.run(self.only_zombies):
                return
            await asyncio.sleep(POLL_SECONDS if patient else PATIENCE_SECONDS)

    def end(self, seconds: float) -> bool:
        """Kill the group and wait; blocks, for threads only.

        Returns:
            Whether it is proven gone within the given seconds.
        """
        self.kill()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.gone() or self.only_zombies():
                return True
            time.sleep(POLL_SECONDS)
        return False

    def _reap(self) -> None:
        """Reap members that have become our children, as they do when we are process 1."""
        with suppress(ChildProcessError):
            while os.waitpid(-self.leader, os.WNOHANG)[0]:
                pass


def command_line(pid: int) -> list[str]:
    """Return a process's arguments; empty when it is gone or is not ours to look at."""
    try:
        raw = (PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return []
    # Chromium rewrites the title of its helpers with spaces between the arguments.
    return raw.decode(errors="replace").rstrip("\0").split("\0") if raw else []


def all_pids() -> list[int]:
    """Return the ids of all processes that can be seen."""
    return [int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()]


def start_time(pid: int) -> str | None:
    """Return a word that tells a process from a later one of the same id; None when it is gone."""
    fields = _stat(pid)
    return fields[19] if fields else None


def processes() -> list[Process]:
    """List all processes that can be seen. Reads all of /proc, so it is for threads."""
    seen = ((pid, _stat(pid)) for pid in all_pids())
    return [_process(pid, fields) for pid, fields in seen if fields]


def process(pid: int) -> Process | None:
    """Return one process; None when it is gone."""
    fields = _stat(pid)
    return _process(pid, fields) if fields else None


def _process(pid: int, fields: list[str]) -> Process:
    return Process(
        pid=pid,
        group=int(fields[2]),
        started=fields[19],
        ended=fields[0] in "ZX",
        cpu_seconds=(int(fields[11]) + int(fields[12])) / TICKS,
        threads=int(fields[17]),
    )


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/<pid>/stat from the state on; see proc(5)."""
    try:
        content = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return []
    # The name before it may hold spaces and parentheses.
    return content.rpartition(")")[2].split()
