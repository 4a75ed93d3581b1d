"""SQLite: how its file is made and opened.

Every commit is on the disk before it counts (`synchronous=FULL`): with NORMAL a power cut takes
the last commits back although they were published, and the same event ids are then given again to
other events.
"""

import os
from pathlib import Path
from typing import Any

from tortoise.exceptions import ConfigurationError

from store.errors import DatabaseUnusable

PREFIX = "sqlite://"


def sqlite_url(path: Path) -> str:
    """Return the address of an SQLite file."""
    return f"{PREFIX}{path}"


def connection(url: str, *, lock_seconds: float) -> dict[str, Any]:
    """Describe a connection for tortoise, and make its file if there is none.

    Args:
        url: `sqlite://` and a path.
        lock_seconds: How long a statement waits for another process that holds the file.

    Raises:
        ConfigurationError: The address names no file.
        DatabaseUnusable: The file's folder does not exist, or cannot be written.
    """
    path = url.removeprefix(PREFIX)
    if not path:
        raise ConfigurationError("it names no file")
    _make_private(Path(path))
    # In this order they are set, and setting the journal's mode already needs the patience.
    credentials = {
        "file_path": path,
        "busy_timeout": round(lock_seconds * 1000),
        "journal_mode": "WAL",
        "synchronous": "FULL",
        "foreign_keys": "OFF",
    }
    return {"engine": "tortoise.backends.sqlite", "credentials": credentials}


def migration_lock(url: str) -> Path:
    """Return the file that is locked while the tables are brought up to date."""
    return Path(f"{url.removeprefix(PREFIX)}.migrating")


def _make_private(path: Path) -> None:
    """Create the file for us alone; SQLite gives its other files the same mode."""
    # A misspelt folder that is made here would hold a second, empty database.
    if not path.parent.is_dir():
        raise DatabaseUnusable(f"The database's folder does not exist: {path.parent.absolute()}")
    # Beside the file SQLite makes two others, and we the lock for migrations.
    if not os.access(path.parent, os.W_OK):
        raise DatabaseUnusable(
            f"The database cannot be written: its folder is read-only for us: "
            f"{path.parent.absolute()}"
        )
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    path.chmod(0o600)
