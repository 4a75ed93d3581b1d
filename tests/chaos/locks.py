"""Chromium's locks, as crashes, restarted containers and strangers leave them in a profile."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

HOLD = """
import fcntl, sys
with open(sys.argv[1], "a") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    print("held", flush=True)
    sys.stdin.read()
"""
DEAD_PID = 2**22 + 1
"""Greater than any process id that Linux gives."""


def _dead(lock: Path) -> None:
    lock.symlink_to(f"{socket.gethostname()}-{DEAD_PID}")


def _not_chromium(lock: Path) -> None:
    lock.symlink_to(f"{socket.gethostname()}-{os.getpid()}")


def _other_host(lock: Path) -> None:
    lock.symlink_to("another-host-4711")


def _plain_file(lock: Path) -> None:
    lock.write_text(f"{socket.gethostname()}-{os.getpid()}")


def _garbage(lock: Path) -> None:
    lock.symlink_to("\N{SNOWMAN} no host and no number")


def _folder(lock: Path) -> None:
    (lock / "within").mkdir(parents=True)


STALE: dict[str, Callable[[Path], None]] = {
    "dead": _dead,
    "not-chromium": _not_chromium,
    "other-host": _other_host,
    "plain-file": _plain_file,
    "garbage": _garbage,
    "folder": _folder,
}
"""Locks that nobody living holds."""


def leave(profile: Path, kind: str) -> list[Path]:
    """Put the three locks of a kind into a profile that no browser uses; give what was put."""
    profile.mkdir(parents=True, exist_ok=True)
    names = ("SingletonLock", "SingletonSocket", "SingletonCookie")
    locks = [path for path in map(profile.joinpath, names) if not os.path.lexists(path)]
    for lock in locks:
        STALE[kind](lock)
    return locks


class LivingOwner:
    """A process that is no server of ours and holds a profile."""

    def __init__(self, profile: Path, *, our_lock: bool) -> None:
        """Take the profile.

        Args:
            profile: Which one; no browser uses it.
            our_lock: Whether it holds the manager's own lock, as another server's browser does,
                or Chromium's, as a Chromium does that somebody started by hand.
        """
        profile.mkdir(parents=True, exist_ok=True)
        hold = profile / "wa-manager.lock" if our_lock else os.devnull
        command = [sys.executable, "-c", HOLD, str(hold), f"--user-data-dir={profile}"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"held\n"
        if not our_lock:
            lock = profile / "SingletonLock"
            lock.unlink(missing_ok=True)
            lock.symlink_to(f"{socket.gethostname()}-{self._process.pid}")

    def end(self) -> None:
        """Let go, and leave whatever lies there behind."""
        self._process.communicate()
