"""Signs of life: how a server on the same data directory proves that another one is dead.

Each server holds a lock on a file of its own. The kernel drops it with the process, however that
ends, and no reused process id, restarted container or changed host name can pretend otherwise.
All of this is file work and blocks: call it from a thread.
"""

import fcntl
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SUFFIX = ".lock"


class Liveness:
    """This server's sign of life, and eyes on those of the others."""

    def __init__(self, folder: Path, server_id: str) -> None:
        """Prepare it; nothing is held yet.

        Args:
            folder: Holds the files of all servers on this data directory.
            server_id: Ours.
        """
        self._folder = folder
        self._server_id = server_id
        self._descriptor: int | None = None

    def hold(self) -> None:
        """Live. To be called before the first lease is taken.

        Raises:
            OSError: The file cannot be made.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = self._file(self._server_id)
        while self._descriptor is None:
            descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            # Between opening and locking, somebody who tidies may have taken the file away.
            if _is_at(descriptor, file):
                self._descriptor = descriptor
            else:
                os.close(descriptor)

    def end(self) -> None:
        """Be dead to the others. To be called when no browser of ours is left."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def is_dead(self, server_id: str) -> bool:
        """Return whether a server is proven dead; False when it lives, or when nobody can know."""
        with self._kept_dead(server_id) as dead:
            return dead

    def living(self) -> set[str]:
        """Return the other servers on this data directory that are not proven dead."""
        names = {file.name.removesuffix(SUFFIX) for file in self._folder.glob(f"*{SUFFIX}")}
        return {name for name in names - {self._server_id} if not self.is_dead(name)}

    def tidy(self, needed: Collection[str]) -> None:
        """Remove the files of dead servers, but those of the needed ones: they prove something."""
        for file in self._folder.glob(f"*{SUFFIX}"):
            server_id = file.name.removesuffix(SUFFIX)
            if server_id not in needed:
                with self._kept_dead(server_id) as dead, suppress(FileNotFoundError):
                    if dead:
                        file.unlink()

    @contextmanager
    def _kept_dead(self, server_id: str) -> Iterator[bool]:
        """Return whether a server is proven dead, and if so, let it not live during the block."""
        try:
            descriptor = os.open(self._file(server_id), os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            yield False
            return
        try:
            # Shared, so that two who look at the same time do not take each other for the owner.
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True
        finally:
            os.close(descriptor)

    def _file(self, server_id: str) -> Path:
        return self._folder / f"{server_id}{SUFFIX}"


def _is_at(descriptor: int, file: Path) -> bool:
    """Return whether an open file is still the one that its path names."""
    try:
        return os.path.samestat(os.fstat(descriptor), file.stat())
    except FileNotFoundError:
        return False
