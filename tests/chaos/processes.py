"""The processes of a run, as the kernel shows them. Zombies count.

Whatever the servers and their browsers start descends from this process, also once its own parent
is dead: `adopting` makes it so. Each browser leads a session, which its helpers share.
"""

import asyncio
import ctypes
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

PR_SET_CHILD_SUBREAPER = 36
"""As <linux/prctl.h> has it."""
REAP_EVERY = 0.1


@dataclass(frozen=True)
class Process:
    """A process at one moment."""

    pid: int
    parent: int
    session: int
    state: str
    """One letter, as proc(5) has it."""
    arguments: tuple[str, ...]

    @property
    def zombie(self) -> bool:
        return self.state == "Z"

    @property
    def helper(self) -> bool:
        """Whether it is a zygote, a renderer or the like."""
        return any(argument.startswith("--type=") for argument in self.arguments)


def all_processes() -> list[Process]:
    """Return the processes there are."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with suppress(OSError):
                found.append(_read(folder))
    return found


def session_leaders() -> list[Process]:
    """Return the processes that lead a session, as each browser does: quicker than all by far."""
    found = []
    for pid in psutil.pids():
        with suppress(OSError):
            if os.getsid(pid) == pid:
                found.append(_read(Path(f"/proc/{pid}")))
    return found


def browsers(processes: Collection[Process], profiles: Path) -> dict[str, list[Process]]:
    """Return the main processes of the browsers on these profiles, by account."""
    found: dict[str, list[Process]] = {}
    beginning = f"--user-data-dir={profiles}/"
    for process in processes:
        if process.pid != process.session or process.helper:
            continue
        for argument in process.arguments:
            if argument.startswith(beginning):
                found.setdefault(argument.removeprefix(beginning), []).append(process)
    return found


def descendants(processes: Collection[Process], of: int) -> list[Process]:
    """Return what a process has started, and what that has started, and so on."""
    children: dict[int, list[Process]] = {}
    for process in processes:
        children.setdefault(process.parent, []).append(process)
    found = list(children.get(of, []))
    for process in found:
        found.extend(children.get(process.pid, []))
    return found


@contextmanager
def adopting() -> Iterator[None]:
    """Become the parent of descendants whose own parent ends, as the first process of a container.

    Without this they would become somebody else's, and nobody could tell whose they were.
    """
    _set_subreaper(1)
    try:
        yield
    finally:
        _set_subreaper(0)


async def reap() -> None:
    """Reap adopted processes that have ended, again and again, as the first process must.

    They are told from our own children, for which somebody else waits, by their session.
    """
    while True:
        _reap_adopted()
        await asyncio.sleep(REAP_EVERY)


def _reap_adopted() -> None:
    for process in all_processes():
        adopted = process.parent == os.getpid() and process.session != os.getsid(0)
        if process.zombie and adopted:
            with suppress(ChildProcessError):
                os.waitpid(process.pid, os.WNOHANG)


def _set_subreaper(value: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def _read(folder: Path) -> Process:
    state, parent, _, session = (folder / "stat").read_text().rpartition(") ")[2].split()[:4]
    # Chromium writes the arguments of its helpers as one text.
    arguments = (folder / "cmdline").read_bytes().replace(b" --", b"\0--").split(b"\0")
    texts = tuple(argument.decode(errors="replace") for argument in arguments if argument)
    return Process(int(folder.name), int(parent), int(session), state, texts)
