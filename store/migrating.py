"""Brings the database's tables up to date. The steps themselves are in `migrations/`.

One process migrates at a time: a second one waits on SQLite for a lock on a file beside the
database, on Postgres for an advisory lock, and then finds nothing left to do.
"""

import asyncio
import fcntl
import logging
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.migrations.executor import MigrationExecutor

from store.errors import DatabaseAway, DatabaseTooNew

LOCK_SECONDS = 60.0
"""How long another process's migration is waited for."""
POLL_SECONDS = 0.05
ADVISORY_LOCK = 0x77616D67
"""Names our lock among all that the users of one Postgres database may take."""

logger = logging.getLogger(__name__)


async def migrate(
    client: BaseDBAsyncClient,
    apps: dict[str, dict[str, Any]],
    lock_file: Path | None,
) -> None:
    """Run the migrations that the database has not had yet.

    Args:
        client: An open connection.
        apps: Tortoise's description of our models and migrations.
        lock_file: What SQLite's users lock; nothing on Postgres.

    Raises:
        DatabaseTooNew: The database has had migrations that this version does not know.
        DatabaseAway: Another process did not finish its migration in time.
    """
    lock = _advisory_lock(client) if lock_file is None else _file_lock(lock_file)
    async with lock:
        executor = MigrationExecutor(client, apps)
        await executor.loader.build_graph()
        unknown = executor.loader.applied_migrations - executor.loader.disk_migrations.keys()
        if unknown:
            names = ", ".join(sorted(key.name for key in unknown))
            raise DatabaseTooNew(f"{DatabaseTooNew.__doc__} (Unknown here: {names})")
        await executor.migrate(progress=_report)


def _report(stage: str, _: str, name: str) -> None:
    if stage == "apply_done":
        logger.info("Database migrated: %s", name)


@asynccontextmanager
async def _file_lock(path: Path) -> AsyncIterator[None]:
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        await _wait_for_lock(descriptor, path)
        # The file stays: if it were removed, two processes could lock two files of one name.
        yield
    finally:
        os.close(descriptor)


async def _wait_for_lock(descriptor: int, path: Path) -> None:
    if _try_lock(descriptor):
        return
    logger.info("Another process migrates the database; waiting for it")
    patience = time.monotonic() + LOCK_SECONDS
    while not _try_lock(descriptor):
        if time.monotonic() > patience:
            raise DatabaseAway(f"Another process has held {path} for {LOCK_SECONDS:g} s")
        await asyncio.sleep(POLL_SECONDS)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@asynccontextmanager
async def _advisory_lock(client: BaseDBAsyncClient) -> AsyncIterator[None]:
    # Held by one connection of the pool while the migrations use others; a crash releases it.
    async with client.acquire_connection() as connection:
        await connection.execute(f"SELECT pg_advisory_lock({ADVISORY_LOCK})")
        try:
            yield
        finally:
            await connection.execute(f"SELECT pg_advisory_unlock({ADVISORY_LOCK})")
