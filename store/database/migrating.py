"""Brings the database's tables up to date. The steps themselves are in `migrations/`.

One process migrates at a time: a second one waits on SQLite for a lock on a file beside the
database, on Postgres for an advisory lock, and then finds nothing left to do. All steps are one
transaction, with the note that they were made: a process that dies on the way leaves nothing.
"""

import asyncio
import fcntl
import functools
import logging
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.migrations.executor import MigrationExecutor
from tortoise.migrations.recorder import MigrationRecorder
from tortoise.migrations.schema_editor import (
    AsyncpgSchemaEditor,
    BaseSchemaEditor,
    SqliteSchemaEditor,
)
from tortoise.transactions import in_transaction

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
    if lock_file is None:
        async with in_transaction(client.connection_name) as connection:
            await _wait_for(functools.partial(_lock_database, connection))
            await MigrationRecorder(client).ensure_schema(AsyncpgSchemaEditor(connection, False))
            await _run(connection, apps)
        return
    async with _file_lock(lock_file):
        # Not in the transaction: SQLite commits what is open before it runs a script.
        await MigrationRecorder(client).ensure_schema(SqliteSchemaEditor(client, False))
        async with in_transaction(client.connection_name) as connection:
            await _run(connection, apps)


class _Recorder(MigrationRecorder):
    """Notes which steps were made, in a table that is there already."""

    async def ensure_schema(self, schema_editor: BaseSchemaEditor) -> None:
        """Leave the table as it is."""


async def _run(connection: BaseDBAsyncClient, apps: dict[str, dict[str, Any]]) -> None:
    executor = MigrationExecutor(connection, apps)
    executor.recorder = executor.loader.recorder = _Recorder(connection)
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
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        await _wait_for(functools.partial(_lock_file, descriptor))
        # The file stays: if it were removed, two processes could lock two files of one name.
        yield
    finally:
        os.close(descriptor)


async def _lock_file(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


async def _lock_database(connection: BaseDBAsyncClient) -> bool:
    """Take a lock that ends with the transaction, and so with whoever takes it."""
    query = f"SELECT pg_try_advisory_xact_lock({ADVISORY_LOCK}) AS taken"
    _, rows = await connection.execute_query(query)
    return bool(rows[0]["taken"])


async def _wait_for(take_lock: Callable[[], Awaitable[bool]]) -> None:
    if await take_lock():
        return
    logger.info("Another process migrates the database; waiting for it")
    patience = time.monotonic() + LOCK_SECONDS
    while not await take_lock():
        if time.monotonic() > patience:
            raise DatabaseAway(f"Another process has been migrating it for {LOCK_SECONDS:g} s")
        await asyncio.sleep(POLL_SECONDS)
