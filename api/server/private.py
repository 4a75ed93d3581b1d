"""Whether files are the server's alone. Who else can replace the key, or a session, has it all."""

import errno
import logging
import os
import pwd
import shlex
import stat
from pathlib import Path

OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
OTHERS_READ = stat.S_IRGRP | stat.S_IROTH
ROOT = 0

logger = logging.getLogger(__name__)


class NotPrivate(Exception):
    """Others than the server's user can write a file. The message says which, and what mends it."""


def check_writable(*folders: Path) -> None:
    """Make sure that folders can be written: a disk that had errors can have become read-only.

    Raises:
        OSError: One cannot.
    """
    for folder in folders:
        if not os.access(folder, os.W_OK):
            read_only = os.statvfs(folder).f_flag & os.ST_RDONLY
            number = errno.EROFS if read_only else errno.EACCES
            raise OSError(number, f"It cannot be written: {os.strerror(number)}", str(folder))


def make_private(folder: Path) -> None:
    """Make a folder that nobody else may look into, or make it so.

    Raises:
        NotPrivate: It is somebody else's.
        OSError: It cannot be made, or changed.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.stat()
    _check_owner(folder, found)
    if stat.S_IMODE(found.st_mode) != 0o700:
        folder.chmod(0o700)


def check_private(path: Path, found: os.stat_result) -> None:
    """Make sure that nobody else can write to a file or folder, nor give himself the right to.

    Root may own it: root can do all that anyway.

    Raises:
        NotPrivate: Somebody can.
    """
    _check_owner(path, found)
    if not found.st_mode & OTHERS_WRITE:
        return
    quoted = shlex.quote(str(path))
    mend = f"Mend it with: chmod go-w {quoted}"
    if found.st_uid != os.geteuid():
        mend += ", as root. Or let the server make a folder of its own in it"
    raise NotPrivate(
        f"{path} can be written by other users (mode {stat.S_IMODE(found.st_mode):04o}), who "
        f"could replace the API key and the sessions. {mend}."
    )


def _check_owner(path: Path, found: os.stat_result) -> None:
    us = os.geteuid()
    if found.st_uid in (us, ROOT):
        return
    raise NotPrivate(
        f"{path} belongs to {_name(found.st_uid)}, who could replace the API key and the sessions; "
        f"the server runs as {_name(us)}. Start it as the owner, or mend it with: "
        f"chown -R {us} {shlex.quote(str(path))}"
    )


def read_private(path: Path) -> str | None:
    """Return what is in a file that others can neither write nor read; None if there is none.

    Reading is taken from others here: a copy or a backup may have given it to them.

    Raises:
        NotPrivate: Others can write it, or it is no file but a link or the like.
        OSError: It cannot be read.
    """
    try:
        # Without waiting for the other end, should it be a pipe.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        return None
    except OSError:
        if path.is_symlink():
            raise NotPrivate(f"{path} is a link; it must be a file. Remove it.") from None
        raise
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise NotPrivate(f"{path} is not a file. Remove it.")
        check_private(path, found)
        if found.st_mode & OTHERS_READ and found.st_uid == os.geteuid():
            os.fchmod(descriptor, 0o600)
            logger.warning("%s could be read by other users until now", path)
        with os.fdopen(descriptor, encoding="utf-8", closefd=False) as file:
            return file.read()
    finally:
        os.close(descriptor)


def write_private(path: Path, text: str) -> None:
    """Write a file that nobody else can read, whole or not at all.

    Raises:
        OSError: It cannot be written.
    """
    # Written aside and renamed: a crash in between must not leave half of it behind.
    aside = path.with_suffix(".new")
    aside.unlink(missing_ok=True)
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    aside.rename(path)


def _name(uid: int) -> str:
    try:
        return f"{pwd.getpwuid(uid).pw_name} (user {uid})"
    except KeyError:
        return f"user {uid}"
