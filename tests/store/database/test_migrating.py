"""The tables are brought up to date once, by one server, or not at all."""

import asyncio
import logging
import sys
from collections.abc import Iterator

import pytest
from tortoise.context import get_current_context
from tortoise.migrations.autodetector import MigrationAutodetector
from tortoise.migrations.recorder import MigrationRecorder

from store.database import migrating
from store.database.opening import APPS, open_database
from store.errors import DatabaseAway, DatabaseTooNew
from tests.store.parts import until
from tests.surroundings import MakeSurroundings, Surroundings


@pytest.fixture
def empty(make_surroundings: MakeSurroundings) -> Iterator[Surroundings]:
    """Surroundings with a database that no server has opened yet."""
    with make_surroundings(empty=True) as made:
        yield made


async def open_and_close(surroundings: Surroundings) -> None:
    async with open_database(surroundings.database_url):
        pass


async def test_no_migration_is_missing(database: None) -> None:
    context = get_current_context()
    assert context is not None
    assert context.apps is not None

    assert await MigrationAutodetector(context.apps, APPS).changes() == []


async def test_servers_that_start_at_once_migrate_once(empty: Surroundings) -> None:
    program = (
        "import asyncio, sys\n"
        "from store.database.opening import open_database\n"
        "async def main():\n"
        "    async with open_database(sys.argv[1]): pass\n"
        "asyncio.run(main())\n"
    )
    arguments = (sys.executable, "-c", program, empty.database_url)

    servers = [await asyncio.create_subprocess_exec(*arguments) for _ in range(3)]

    assert [await server.wait() for server in servers] == [0, 0, 0]


async def test_a_server_waits_while_another_one_migrates(
    empty: Surroundings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "store.database.migrating")

    with empty.migrating():
        opening = asyncio.create_task(open_and_close(empty))
        await until(lambda: "Another process migrates" in caplog.text)
        assert not opening.done()

    await opening
    assert "Database migrated: 0001_initial" in caplog.text


async def test_a_migration_that_does_not_end_is_not_waited_for_forever(
    empty: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrating, "LOCK_SECONDS", 0.1)
    with empty.migrating(), pytest.raises(DatabaseAway, match="has been migrating"):
        await open_and_close(empty)


async def test_a_database_of_a_newer_version_is_refused(surroundings: Surroundings) -> None:
    await open_and_close(surroundings)
    surroundings.sql(
        "INSERT INTO tortoise_migrations (app, name, applied_at) "
        "VALUES ('store', '9999_x', '2030-01-01')"
    )

    with pytest.raises(DatabaseTooNew, match="9999_x"):
        await open_and_close(surroundings)


async def test_a_migration_that_fails_on_the_way_leaves_nothing(
    empty: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise OSError("the server is killed here")

    with monkeypatch.context() as patch:
        patch.setattr(MigrationRecorder, "record_applied", fail)
        with pytest.raises(DatabaseAway, match="killed here"):
            await open_and_close(empty)

    await open_and_close(empty)
