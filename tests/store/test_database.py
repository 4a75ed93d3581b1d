"""The database opens, is private, is brought up to date, and says clearly why it does not open."""

import asyncio
import contextvars
import fcntl
import logging
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from tortoise.context import get_current_context
from tortoise.migrations.autodetector import MigrationAutodetector

from store import accounts, migrating
from store.database import APPS, open_database, sqlite_url, transaction
from store.errors import DatabaseAway, DatabaseTooNew, DatabaseUnusable
from tests.store.parts import HeldDatabase, until


async def open_and_close(path: Path) -> None:
    async with open_database(sqlite_url(path)):
        pass


@contextmanager
def another_migrates(path: Path) -> Iterator[None]:
    with Path(f"{path}.migrating").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


async def test_files_are_for_us_alone(database: None, path: Path) -> None:
    await accounts.create("one")

    assert {file.stat().st_mode & 0o777 for file in path.parent.iterdir()} == {0o600}


async def test_a_folder_that_is_missing_is_named_and_not_made(tmp_path: Path) -> None:
    folder = tmp_path / "misspelt"
    with pytest.raises(DatabaseUnusable, match=f"does not exist: {folder}$"):
        await open_and_close(folder / "wa.sqlite3")
    assert not folder.exists()


async def test_a_wider_mode_of_the_file_is_narrowed(path: Path) -> None:
    path.touch(mode=0o644)

    async with open_database(sqlite_url(path)):
        assert path.stat().st_mode & 0o777 == 0o600


async def test_queries_work_from_a_task_with_nothing_of_our_context(database: None) -> None:
    row, _ = await accounts.create("one")

    task = asyncio.create_task(accounts.get(row.id), context=contextvars.Context())

    assert await task == await accounts.get(row.id)


async def test_queries_work_from_a_request_handler(database: None) -> None:
    async def handler(_: web.Request) -> web.Response:
        created = await accounts.create("from a request")
        return web.Response(text=created[0].id)

    app = web.Application()
    app.router.add_get("/", handler)
    async with TestClient(TestServer(app)) as client:
        account_id = await (await client.get("/")).text()

    assert await accounts.get(account_id)


async def test_what_was_kept_is_there_when_it_is_opened_again(path: Path) -> None:
    async with open_database(sqlite_url(path)):
        row, _ = await accounts.create("one")

    async with open_database(sqlite_url(path)):
        kept = await accounts.get(row.id)

    assert kept is not None
    assert kept.name == "one"


async def test_a_commit_survives_a_power_cut(database: None) -> None:
    async with transaction() as connection:
        _, rows = await connection.execute_query("PRAGMA synchronous")

    assert rows[0]["synchronous"] == 2, "every commit is on the disk before it counts"


async def test_no_migration_is_missing(database: None) -> None:
    context = get_current_context()
    assert context is not None
    assert context.apps is not None

    assert await MigrationAutodetector(context.apps, APPS).changes() == []


async def test_servers_that_start_at_once_migrate_once(path: Path) -> None:
    program = (
        "import asyncio, sys\n"
        "from store.database import open_database\n"
        "async def main():\n"
        "    async with open_database(sys.argv[1]): pass\n"
        "asyncio.run(main())\n"
    )
    arguments = (sys.executable, "-c", program, sqlite_url(path))

    servers = [await asyncio.create_subprocess_exec(*arguments) for _ in range(3)]

    assert [await server.wait() for server in servers] == [0, 0, 0]


async def test_a_server_waits_while_another_one_migrates(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "store.migrating")

    with another_migrates(path):
        opening = asyncio.create_task(open_and_close(path))
        await until(lambda: "Another process migrates" in caplog.text)
        assert not opening.done()

    await opening
    assert "Database migrated: 0001_initial" in caplog.text


async def test_a_migration_that_does_not_end_is_not_waited_for_forever(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrating, "LOCK_SECONDS", 0.1)
    with another_migrates(path), pytest.raises(DatabaseAway, match="held"):
        await open_and_close(path)


async def test_a_database_of_a_newer_version_is_refused(path: Path) -> None:
    await open_and_close(path)
    with sqlite3.connect(path) as connection:
        connection.execute(
            "INSERT INTO tortoise_migrations (app, name, applied_at) VALUES ('store', '9999_x', '')"
        )
    connection.close()

    with pytest.raises(DatabaseTooNew, match="9999_x"):
        await open_and_close(path)


async def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.write_bytes(b"this is no database, and long enough to be seen as none" * 20)

    with pytest.raises(DatabaseUnusable, match="not a database"):
        await open_and_close(path)


@pytest.mark.parametrize("url", ["", "sqlite://", "mysql://root@localhost/wa", "wa.sqlite3"])
async def test_a_wrong_address_is_refused(url: str) -> None:
    with pytest.raises(DatabaseUnusable, match="address is wrong"):
        async with open_database(url):
            pass


async def test_postgres_without_its_driver_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    monkeypatch.delitem(sys.modules, "tortoise.backends.asyncpg", raising=False)

    with pytest.raises(DatabaseUnusable, match="pip install") as raised:
        async with open_database("postgres://wa:secret@localhost/wa"):
            pass

    assert "secret" not in str(raised.value)


async def test_a_database_that_was_held_at_the_start_opens_later(path: Path) -> None:
    other = HeldDatabase(path)
    other.hold()
    with pytest.raises(DatabaseAway):
        async with open_database(sqlite_url(path), busy_timeout=0.02):
            pass
    other.close()

    async with open_database(sqlite_url(path), busy_timeout=0.02):
        assert await accounts.all_rows() == []


async def test_a_failed_commit_leaves_nothing_behind(database: None) -> None:
    async with transaction() as connection:
        await connection.execute_script(
            "CREATE TABLE parents (id INTEGER PRIMARY KEY);"
            "CREATE TABLE children (parent INT REFERENCES parents DEFERRABLE INITIALLY DEFERRED);"
        )
    await connection.execute_query("PRAGMA foreign_keys=ON")
    with pytest.raises(sqlite3.IntegrityError):
        async with transaction() as connection:
            await connection.execute_query("INSERT INTO children VALUES (1)")

    async with transaction() as connection:
        await connection.execute_query("INSERT INTO parents VALUES (2)")
        _, children = await connection.execute_query("SELECT * FROM children")

    assert list(children) == []


async def test_a_query_on_a_held_database_says_that_it_is_away(
    database: None, held: HeldDatabase
) -> None:
    held.hold()

    with pytest.raises(DatabaseAway, match="locked"):
        await accounts.create("one")
