"""A profile: the directory in which a Chromium keeps an account's session.

Holds our own lock on it, the removal of Chromium's stale ones, its size and its end. Chromium's
lock alone is not enough: the headless shell neither writes one nor looks at one, and the full
build refuses a profile for ever when another host name stands in it. All of this is file work
and blocks: call it from a thread.
"""

import fcntl
import json
import os
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from actors.browser.errors import ProfileLocked
from actors.browser.process.flags import MARKER
from actors.browser.process.group import ProcessGroup, all_pids, command_line, start_time

LOCK = "wa-manager.lock"
SINGLETONS = ("SingletonLock", "SingletonSocket", "SingletonCookie")
BLOCK_BYTES = 512
"""The unit in which stat(2) counts a file's blocks, whatever the file system's own."""
ORPHAN_SECONDS = 5.0
"""How long an orphan may take to be gone after SIGKILL."""
LETTING_GO_SECONDS = 1.0
"""How long a process that has ended may take to let go of the lock."""


class Profile:
    """One profile directory.

    Whoever holds its lock owns it: only the holder starts a Chromium on it, removes Singleton
    files, or removes the profile. The running Chromium inherits the lock, so it is free only
    when both we and the browser are gone.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock: int | None = None

    @property
    def account_id(self) -> str:
        """The account that the directory is named after."""
        return self.path.name

    @property
    def lock_descriptor(self) -> int:
        """The descriptor that holds the lock, for a Chromium to inherit."""
        if self._lock is None:
            raise ProfileLocked(f"The profile {self.path} is not locked by us.")
        return self._lock

    def lock(self) -> None:
        """Take the profile, making its directory when there is none.

        A browser that an earlier server left behind is ended first.

        Raises:
            ProfileLocked: Somebody living holds it; the message says who, if that is known.
            OSError: The directory cannot be made or written. The profile is not held then.
        """
        if self._lock is not None:
            return
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = self._try_lock() or self._take_over()
        if lock is None:
            raise ProfileLocked(f"The profile {self.path} is held by {self._holder()}.")
        try:
            _Holder.this_process().write(lock)
        except OSError:
            # Held under a dead holder's name, its browser would be ended by whoever comes next.
            os.close(lock)
            raise
        self._lock = lock

    def unlock(self) -> None:
        """Give the profile up. Only once no browser of ours can be using it."""
        if self._lock is not None:
            lock, self._lock = self._lock, None
            os.close(lock)

    def clean_locks(self) -> list[Path]:
        """Remove Chromium's own locks where it is proven that nobody owns them.

        Returns:
            What was removed.

        Raises:
            ProfileLocked: A living Chromium that is not ours uses the profile, or we do not
                hold it.
        """
        _ = self.lock_descriptor
        found = [path for path in map(self.path.joinpath, SINGLETONS) if os.path.lexists(path)]
        if found and (owner := self._chromium_owner()) is not None:
            if not _is_ours(command_line(owner)):
                raise ProfileLocked(f"The profile {self.path} is open in a Chromium, pid {owner}.")
            self._end(owner)
        for path in found:
            _remove(path)
        return found

    def size(self) -> int:
        """Return the bytes that the profile takes on disk."""
        return size_of(self.path)

    def remove(self) -> None:
        """Remove the profile and give it up: the account has to be linked again after this.

        Raises:
            ProfileLocked: We do not hold it.
            OSError: Something of it could not be removed.
        """
        _ = self.lock_descriptor
        for entry in self.path.iterdir():
            if entry.name != LOCK:
                _remove(entry)
        # The lock goes last, so that nobody finds a half removed profile free.
        (self.path / LOCK).unlink(missing_ok=True)
        with suppress(FileNotFoundError):
            self.path.rmdir()
        self.unlock()

    def _try_lock(self) -> int | None:
        """Take the lock if it is free."""
        while True:
            file = self.path / LOCK
            lock = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                return None
            # Between opening and locking, a removal may have taken the file away.
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(lock), file.stat()):
                    return lock
            os.close(lock)
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _holder(self) -> "_Holder | str":
        return _Holder.read(self.path / LOCK) or "another process"

    def _take_over(self) -> int | None:
        """Take the lock from a dead server, whose browsers are ended, or from a browser just ended.

        A process that is as good as gone holds its files until the last of its threads is.
        """
        holder = _Holder.read(self.path / LOCK)
        if holder is None:
            return None
        if not holder.may_live():
            self._end_orphans()
        elif holder != _Holder.this_process():
            return None
        until = time.monotonic() + LETTING_GO_SECONDS
        while (lock := self._try_lock()) is None and time.monotonic() < until:
            time.sleep(0.02)
        return lock

    def _end_orphans(self) -> None:
        """End the browsers of ours on this profile; the server that held it is dead."""
        for pid in all_pids():
            arguments = command_line(pid)
            if _is_ours(arguments) and self._is_named_in(arguments):
                self._end(pid)

    def _end(self, pid: int) -> None:
        with suppress(ProcessLookupError):
            if os.getpgid(pid) == pid and not ProcessGroup(pid).end(ORPHAN_SECONDS):
                raise ProfileLocked(f"The profile {self.path} is held by {pid}, which stays.")

    def _chromium_owner(self) -> int | None:
        """Return the living process on this host that Chromium's lock names, if it is one."""
        try:
            target = str((self.path / "SingletonLock").readlink())
        except OSError:
            return None
        host, _, number = target.rpartition("-")
        if host != socket.gethostname() or not number.isdecimal():
            return None
        pid = int(number)
        return pid if self._is_named_in(command_line(pid)) else None

    def _is_named_in(self, arguments: list[str]) -> bool:
        return f"--user-data-dir={self.path}" in arguments


@dataclass(frozen=True)
class _Holder:
    """Who took the lock, as written into its file."""

    host: str
    pid: int
    started: str
    """Tells the process from a later one of the same id."""

    @classmethod
    def this_process(cls) -> "_Holder":
        pid = os.getpid()
        return cls(socket.gethostname(), pid, start_time(pid) or "")

    @classmethod
    def read(cls, file: Path) -> "_Holder | None":
        try:
            fields = json.loads(file.read_text())
            return cls(str(fields["host"]), int(fields["pid"]), str(fields["started"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, lock: int) -> None:
        content = json.dumps({"host": self.host, "pid": self.pid, "started": self.started})
        # Cut last: what is there already has its room, also on a full disk.
        with os.fdopen(lock, "r+b", closefd=False) as file:
            file.write(content.encode())
            file.truncate()

    def may_live(self) -> bool:
        """Return whether it may be alive. On another host nobody can know, so it may."""
        return self.host != socket.gethostname() or start_time(self.pid) == self.started

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def size_of(folder: Path) -> int:
    """Return the bytes that a folder takes on disk."""
    total = 0
    # A running Chromium removes files, and folders, under our hands; walk leaves out what is gone.
    for path, folders, files in os.walk(folder):
        for name in (*folders, *files):
            with suppress(OSError):
                total += Path(path, name).lstat().st_blocks * BLOCK_BYTES
    return total


def _is_ours(arguments: list[str]) -> bool:
    return any(argument.startswith(f"{MARKER}=") for argument in arguments)


def find_profiles(profiles_dir: Path) -> list[Profile]:
    """Return the profiles that exist, in the order of their names."""
    if not profiles_dir.is_dir():
        return []
    return [Profile(path) for path in sorted(profiles_dir.iterdir()) if path.is_dir()]


@contextmanager
def locked(profile: Profile) -> Iterator[Profile]:
    """Hold a profile for the length of a block.

    Raises:
        ProfileLocked: See `Profile.lock`.
    """
    profile.lock()
    try:
        yield profile
    finally:
        profile.unlock()
