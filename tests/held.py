"""A database that another program holds, so that nobody else can write to it."""

import sqlite3
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from tests.postgres_server import PostgresServer


class HeldDatabase(Protocol):
    """Holds a database while it is told to. Reading goes on."""

    def hold(self) -> None:
        """Hold it, unless it is held already."""

    def release(self) -> None:
        """Hold it no longer."""

    def close(self) -> None:
        """Release it for good."""


class HeldFile:
    """An SQLite file, which has one lock for all that writes."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(
            path, isolation_level=None, timeout=5, check_same_thread=False
        )

    def hold(self) -> None:
        if not self._connection.in_transaction:
            self._connection.execute("BEGIN EXCLUSIVE")

    def release(self) -> None:
        if self._connection.in_transaction:
            self._connection.rollback()

    def close(self) -> None:
        self.release()
        self._connection.close()


class StoppedServer:
    """A Postgres that is not there while it is held."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server

    def hold(self) -> None:
        self._server.stop()

    def release(self) -> None:
        self._server.start()

    def close(self) -> None:
        self.release()


class HeldTables:
    """All tables of a Postgres database, locked against whoever writes."""

    def __init__(self, server: PostgresServer, database: str) -> None:
        self._opened = ExitStack()
        self._session = self._opened.enter_context(server.session(database))
        self._tables = self._session.run(
            "SELECT string_agg(quote_ident(tablename), ', ') FROM pg_tables "
            "WHERE schemaname = 'public'"
        )
        self._holds = False

    def hold(self) -> None:
        if not self._holds:
            self._session.run(f"BEGIN; LOCK TABLE {self._tables} IN EXCLUSIVE MODE")
            self._holds = True

    def release(self) -> None:
        if self._holds:
            self._session.run("ROLLBACK")
            self._holds = False

    def close(self) -> None:
        self._opened.close()
