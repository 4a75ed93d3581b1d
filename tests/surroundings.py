"""What tests run on: SQLite and a bus in the process, or Postgres and Redis. `--surroundings` says.

Whatever touches the store takes the fixture `surroundings`, so that it runs on both.
"""

import fcntl
import itertools
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    closing,
    contextmanager,
)
from pathlib import Path
from typing import Protocol

from tortoise.connection import get_connection

from store.database.migrating import ADVISORY_LOCK
from store.database.opening import CONNECTION
from store.database.sqlite import migration_lock, sqlite_url
from store.events.bus import Bus, InProcessBus, RedisBus
from tests.held import HeldDatabase, HeldFile, HeldTables, StoppedServer
from tests.postgres_server import PostgresServer
from tests.redis_server import RedisServer

NAMES = ("sqlite", "postgres")
"""The first is the default. On the other only what takes the surroundings is run."""
EMPTY = "template1"
"""What Postgres makes an empty database from."""


class Surroundings(Protocol):
    """A database of a test's own, and what carries its events."""

    name: str
    database_url: str

    @property
    def redis_url(self) -> str | None:
        """Where its Redis is; nothing where there is none."""

    def bus(self) -> Bus:
        """Return a bus as a server on these surroundings has one; starting it is the caller's."""

    def held(self) -> HeldDatabase:
        """Return another program that can hold the database. It has been opened before."""

    def outage(self) -> HeldDatabase:
        """Return what can keep the database from being opened."""

    def silence(self) -> AbstractAsyncContextManager[None]:
        """Have the open database take every question and answer none."""

    def sql(self, statements: str) -> str:
        """Run statements from outside, and return what they print."""

    def migrating(self) -> AbstractContextManager[None]:
        """Be another server that brings the tables up to date."""


class MakeSurroundings(Protocol):
    """Makes surroundings, and removes them at the end of the context."""

    def __call__(self, *, empty: bool = False) -> AbstractContextManager[Surroundings]:
        """Make surroundings; with `empty` there are certainly no tables in the database yet."""


class SqliteSurroundings:
    """A file, and a bus in the process."""

    FILE = "wa.sqlite3"
    name = "sqlite"
    redis_url = None

    def __init__(self, folder: Path) -> None:
        self._path = folder / self.FILE
        self.database_url = sqlite_url(self._path)

    def bus(self) -> Bus:
        return InProcessBus()

    def held(self) -> HeldDatabase:
        return HeldFile(self._path)

    def outage(self) -> HeldDatabase:
        return HeldFile(self._path)

    @asynccontextmanager
    async def silence(self) -> AsyncIterator[None]:
        # Whoever asks waits for the only connection.
        async with get_connection(CONNECTION).acquire_connection():
            yield

    def sql(self, statements: str) -> str:
        with closing(sqlite3.connect(self._path, isolation_level=None)) as connection:
            *script, last = statements.rstrip(";\n").split(";\n")
            connection.executescript(";\n".join(script))
            rows = connection.execute(last).fetchall()
        return "\n".join("|".join(map(str, row)) for row in rows)

    @contextmanager
    def migrating(self) -> Iterator[None]:
        with migration_lock(self.database_url).open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


class SqliteMaker:
    """Makes copies of a database that has its tables already, which is quicker than migrating."""

    def __init__(self, template: Path, make_folder: Callable[[], Path]) -> None:
        self._template, self._make_folder = template, make_folder

    @contextmanager
    def __call__(self, *, empty: bool = False) -> Iterator[Surroundings]:
        folder = self._make_folder()
        if not empty:
            shutil.copy(self._template, folder / SqliteSurroundings.FILE)
        yield SqliteSurroundings(folder)


class PostgresSurroundings:
    """A database on the tests' Postgres, and the tests' Redis."""

    name = "postgres"

    def __init__(self, postgres: PostgresServer, redis: RedisServer, database: str) -> None:
        self.database_url = postgres.url(database)
        self.redis_url = redis.url
        self._postgres = postgres
        self._database = database

    def bus(self) -> Bus:
        return RedisBus(self.redis_url)

    def held(self) -> HeldDatabase:
        return HeldTables(self._postgres, self._database)

    def outage(self) -> HeldDatabase:
        return StoppedServer(self._postgres)

    @asynccontextmanager
    async def silence(self) -> AsyncIterator[None]:
        self._postgres.freeze()
        try:
            yield
        finally:
            self._postgres.thaw()

    def sql(self, statements: str) -> str:
        return self._postgres.sql(statements, self._database)

    @contextmanager
    def migrating(self) -> Iterator[None]:
        with self._postgres.session(self._database) as session:
            session.run(f"SELECT pg_advisory_lock({ADVISORY_LOCK})")
            yield


class PostgresMaker:
    """Makes databases from one that has its tables already, which is quicker than migrating."""

    def __init__(self, postgres: PostgresServer, redis: RedisServer, template: str) -> None:
        self._postgres, self._redis, self._template = postgres, redis, template
        self._numbers = itertools.count(1)

    @contextmanager
    def __call__(self, *, empty: bool = False) -> Iterator[Surroundings]:
        name = f"test_{next(self._numbers)}"
        self._postgres.create(name, EMPTY if empty else self._template)
        try:
            yield PostgresSurroundings(self._postgres, self._redis, name)
        finally:
            self._postgres.restore()
            self._postgres.drop(name)


def settings_of(surroundings: Surroundings) -> Mapping[str, str]:
    """Return the settings of a server on these surroundings, as the command line takes them."""
    urls = {"database_url": surroundings.database_url, "redis_url": surroundings.redis_url}
    return {name: url for name, url in urls.items() if url is not None}


def environment(surroundings: Surroundings) -> Mapping[str, str]:
    """Return the environment of a server process on these surroundings."""
    return {f"WA_{name.upper()}": url for name, url in settings_of(surroundings).items()}
