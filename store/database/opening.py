"""The database: opened, brought up to date and closed. What is in it is for `models` to say.

SQLite by default, Postgres by URL; what only one of them needs is in `sqlite` and `postgres`.
"""

import functools
import logging
import sqlite3
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, ParamSpec, TypeVar

from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.connection import get_connection, get_connections
from tortoise.context import TortoiseContext
from tortoise.exceptions import BaseORMException, ConfigurationError, OperationalError
from tortoise.transactions import in_transaction

from store.database import postgres, sqlite
from store.database.migrating import migrate
from store.database.timeouts import within
from store.errors import (
    DatabaseAway,
    DatabaseReadOnly,
    DatabaseUnusable,
    is_read_only,
    sqlstate_of,
    words_of,
)

CONNECTION = "default"
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

ANSWER_SECONDS = 10.0
"""How long Postgres has to carry out a statement: a renewal that is lost to one which never ends
can be sent again before the lease is over."""
MIGRATION_SECONDS = 600.0
"""The same for all migrations together, which may have a long log to go through."""

# Tortoise lets many errors of the drivers through.
DATABASE_ERRORS: tuple[type[Exception], ...] = (
    *(BaseORMException, OSError, sqlite3.Error),
    *postgres.DRIVER_ERRORS,
)

WAITING_IS_IN_VAIN = frozenset({"0A", "22", "28", "3D", "3F", "42"})
"""Classes of SQLSTATE that no waiting changes: unsupported, a value that cannot be, no
authorization, no such database, no such schema, no permission or something else than expected.
https://www.postgresql.org/docs/current/errcodes-appendix.html"""

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")


@asynccontextmanager
async def open_database(url: str, *, lock_seconds: float = 1.0) -> AsyncIterator[None]:
    """Open the database and bring its tables up to date; close it at the end.

    Queries then work from every task of the loop. One database is open at a time.

    Args:
        url: `sqlite://` and a path, or `postgres://user:password@host:port/name`.
        lock_seconds: How long a statement waits for what another process holds. On SQLite all
            other statements wait behind it, so it is short; the recorder tries again.

    Raises:
        DatabaseAway: It does not answer.
        DatabaseTooNew: A newer version of this program has written it.
        DatabaseUnusable: The address is wrong, its folder does not exist, it refuses us, or the
            driver is not installed.
    """
    async with _connected(url, lock_seconds, MIGRATION_SECONDS) as client:
        with _opening_errors():
            lock_file = sqlite.migration_lock(url) if url.startswith(sqlite.PREFIX) else None
            await within(MIGRATION_SECONDS, migrate(client, APPS, lock_file))
    async with _connected(url, lock_seconds, ANSWER_SECONDS):
        yield


@asynccontextmanager
async def _connected(
    url: str, lock_seconds: float, answer_seconds: float
) -> AsyncIterator[BaseDBAsyncClient]:
    """Have tortoise connected to a database, for all tasks of the loop."""
    context = TortoiseContext()
    with _opening_errors():
        connection = _connection_of(url, lock_seconds, answer_seconds)
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
            await within(answer_seconds, client.execute_query("SELECT 1"))
        yield client
    finally:
        await context.close_connections()


def _connection_of(url: str, lock_seconds: float, answer_seconds: float) -> dict[str, Any]:
    if url.startswith(postgres.PREFIXES):
        return postgres.connection(url, lock_seconds=lock_seconds, answer_seconds=answer_seconds)
    if url.startswith(sqlite.PREFIX):
        return sqlite.connection(url, lock_seconds=lock_seconds)
    raise ConfigurationError("it begins with neither sqlite:// nor postgres://")


@asynccontextmanager
async def transaction() -> AsyncIterator[BaseDBAsyncClient]:
    """Run queries as one transaction, on the connection that is given.

    On SQLite no other process writes from its beginning on: what is read in it stays true until
    it ends. On Postgres that takes `select_for_update`.

    When a transaction does not begin or end properly, tortoise can leave its remains behind: these
    are cleared here, or the next transaction would become a part of this one.
    """
    client = get_connection(CONNECTION)
    try:
        async with _begun(client) as connection:
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


@asynccontextmanager
async def _begun(client: BaseDBAsyncClient) -> AsyncIterator[BaseDBAsyncClient]:
    """Begin and end a transaction. One that cannot begin gives back what tortoise has taken."""
    context = in_transaction(CONNECTION)
    try:
        connection = await context.__aenter__()
    except BaseException as error:
        if get_connection(CONNECTION) is not client:
            await context.__aexit__(type(error), error, error.__traceback__)
        raise
    try:
        yield connection
    except BaseException as error:
        await context.__aexit__(type(error), error, error.__traceback__)
        raise
    await context.__aexit__(None, None, None)


async def _roll_back(client: BaseDBAsyncClient) -> None:
    """End what a failed commit has left open on SQLite's only connection."""
    try:
        await client.execute_query("ROLLBACK")
    except OperationalError:
        logger.debug("The failed transaction left nothing open")


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
            kind = DatabaseReadOnly if is_read_only(error) else DatabaseAway
            raise kind(f"{kind.__doc__} ({words_of(error)})") from error

    return translated


@contextmanager
def _opening_errors() -> Iterator[None]:
    """Say in our words why a database did not open, without its address: that has a password."""
    try:
        yield
    except ConfigurationError as error:
        raise DatabaseUnusable(f"The database's address is wrong: {error}") from error
    except sqlite3.DatabaseError as error:
        if "locked" in str(error):
            raise DatabaseAway(f"Another program holds the database: {error}") from error
        raise DatabaseUnusable(f"The database cannot be used: {error}") from error
    except (PermissionError, ssl.SSLCertVerificationError) as error:
        raise DatabaseUnusable(f"The database cannot be used: {error}") from error
    except DATABASE_ERRORS as error:
        if is_read_only(error):
            words = f"{DatabaseReadOnly.__doc__} ({words_of(error)})"
            raise DatabaseUnusable(words) from error
        if isinstance(error, ValueError) or sqlstate_of(error)[:2] in WAITING_IS_IN_VAIN:
            raise DatabaseUnusable(f"The database cannot be used: {words_of(error)}") from error
        raise DatabaseAway(f"{DatabaseAway.__doc__} ({words_of(error)})") from error
