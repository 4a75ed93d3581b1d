"""The database: opened, brought up to date and closed. What is in it is for `models` to say.

SQLite by default, Postgres by URL. On SQLite every commit is on the disk before it counts
(`synchronous=FULL`): with NORMAL a power cut takes the last commits back although they were
published, and the same event ids are then given again to other events.
"""

import functools
import importlib
import logging
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.backends.base.config_generator import expand_db_url
from tortoise.connection import get_connection, get_connections
from tortoise.context import TortoiseContext
from tortoise.exceptions import BaseORMException, ConfigurationError, OperationalError
from tortoise.transactions import in_transaction

from store.errors import DatabaseAway, DatabaseUnusable
from store.migrating import migrate
from store.patience import within

CONNECTION = "default"
SQLITE_PREFIX = "sqlite://"
POSTGRES_PREFIXES = ("postgres://", "postgresql://")
APPS = {
    "store": {
        "models": ["store.models"],
        "default_connection": CONNECTION,
        "migrations": "store.migrations",
    }
}

QUERY_SECONDS = 5.0
"""How long a query may take before the database counts as away."""

MIGRATIONS = {"connections": {CONNECTION: "sqlite://:memory:"}, "apps": APPS}
"""For tortoise's command line, which writes the migrations."""

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")


def _driver_errors() -> tuple[type[Exception], ...]:
    try:
        asyncpg = importlib.import_module("asyncpg")
    except ModuleNotFoundError:
        return (sqlite3.Error,)
    return (sqlite3.Error, asyncpg.PostgresError, asyncpg.InterfaceError)


# Tortoise lets many errors of the drivers through.
DATABASE_ERRORS: tuple[type[Exception], ...] = (BaseORMException, OSError, *_driver_errors())


def sqlite_url(path: Path) -> str:
    """Return the address of an SQLite file."""
    return f"{SQLITE_PREFIX}{path}"


@asynccontextmanager
async def open_database(url: str, *, busy_timeout: float = 1.0) -> AsyncIterator[None]:
    """Open the database and bring its tables up to date; close it at the end.

    Queries then work from every task of the loop. One database is open at a time.

    Args:
        url: `sqlite://` and a path, or `postgres://user:password@host:port/name`.
        busy_timeout: Seconds that a statement waits for another process that holds the SQLite
            file. All other statements wait behind it, so it is short; the recorder tries again.

    Raises:
        DatabaseAway: It does not answer.
        DatabaseTooNew: A newer version of this program has written it.
        DatabaseUnusable: The address is wrong, its folder does not exist, or the driver is not
            installed.
    """
    context = TortoiseContext()
    with _opening_errors():
        connection = _connection_of(url, busy_timeout)
        config = {"connections": {CONNECTION: connection}, "apps": APPS}
        # The context variable would be seen only by tasks that this one starts, and request
        # handlers are not. The fallback is seen by all.
        with context:
            await context.init(config, _enable_global_fallback=True)
    try:
        with _opening_errors():
            client = get_connection(CONNECTION)
            # Connects. After a failed try tortoise would wait for ever at the next query: it does
            # not give its lock back. So this is the only query until it has succeeded.
            await client.execute_query("SELECT 1")
            await migrate(client, APPS, lock_file=_lock_file(url))
        yield
    finally:
        await context.close_connections()


def database_errors(
    query: Callable[P, Coroutine[Any, Any, T]],
) -> Callable[P, Coroutine[Any, Any, T]]:
    """Decorate a query so that it raises DatabaseAway for whatever tortoise and drivers raise.

    It is given up after `QUERY_SECONDS`: whoever asks has others waiting.
    """

    @functools.wraps(query)
    async def translated(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await within(QUERY_SECONDS, query(*args, **kwargs))
        except DATABASE_ERRORS as error:
            raise DatabaseAway(f"{DatabaseAway.__doc__} ({error})") from error

    return translated


@asynccontextmanager
async def transaction() -> AsyncIterator[BaseDBAsyncClient]:
    """Run queries as one transaction, on the connection that is given.

    On SQLite no other process writes from its beginning on: what is read in it stays true until
    it ends. On Postgres that takes `select_for_update`.

    When a transaction does not end properly, tortoise can leave its remains behind: these are
    cleared here, or the next transaction would become a part of this one.
    """
    client = get_connection(CONNECTION)
    try:
        async with in_transaction(CONNECTION) as connection:
            if client.capabilities.dialect == "sqlite":
                # Tortoise begins without the lock for writing. Asked for after something was
                # read, it is refused at once when another process has written meanwhile.
                await connection.execute_query("UPDATE leases SET epoch = epoch WHERE false")
            yield connection
    except BaseException:
        if get_connection(CONNECTION) is not client:
            get_connections().set(CONNECTION, client)
        if client.capabilities.dialect == "sqlite":
            await _roll_back(client)
        raise


async def _roll_back(client: BaseDBAsyncClient) -> None:
    """End what a failed commit has left open on SQLite's only connection."""
    try:
        await client.execute_query("ROLLBACK")
    except OperationalError:
        logger.debug("The failed transaction left nothing open")


def _connection_of(url: str, busy_timeout: float) -> dict[str, Any]:
    if url.startswith(POSTGRES_PREFIXES):
        return expand_db_url(url)
    if not url.startswith(SQLITE_PREFIX):
        raise ConfigurationError("it begins with neither sqlite:// nor postgres://")
    path = url.removeprefix(SQLITE_PREFIX)
    if not path:
        raise ConfigurationError("it names no file")
    _make_private(Path(path))
    # In this order they are set, and setting the journal's mode already needs the patience.
    credentials = {
        "file_path": path,
        "busy_timeout": round(busy_timeout * 1000),
        "journal_mode": "WAL",
        "synchronous": "FULL",
        "foreign_keys": "OFF",
    }
    return {"engine": "tortoise.backends.sqlite", "credentials": credentials}


def _make_private(path: Path) -> None:
    """Create the file for us alone; SQLite gives its other files the same mode."""
    # A misspelt folder that is made here would hold a second, empty database.
    if not path.parent.is_dir():
        raise DatabaseUnusable(f"The database's folder does not exist: {path.parent.absolute()}")
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    path.chmod(0o600)


def _lock_file(url: str) -> Path | None:
    if not url.startswith(SQLITE_PREFIX):
        return None
    return Path(url.removeprefix(SQLITE_PREFIX) + ".migrating")


@contextmanager
def _opening_errors() -> Iterator[None]:
    """Say in our words why a database did not open, without its address: that has a password."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise DatabaseUnusable(
            f"The database's driver is not installed ({error.name}): pip install asyncpg"
        ) from error
    except ConfigurationError as error:
        raise DatabaseUnusable(f"The database's address is wrong: {error}") from error
    except sqlite3.DatabaseError as error:
        if "locked" in str(error):
            raise DatabaseAway(f"Another program holds the database: {error}") from error
        raise DatabaseUnusable(f"The database cannot be used: {error}") from error
    except PermissionError as error:
        raise DatabaseUnusable(f"The database cannot be used: {error}") from error
    except DATABASE_ERRORS as error:
        raise DatabaseAway(f"{DatabaseAway.__doc__} ({error})") from error
