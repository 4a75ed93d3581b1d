"""What only SQLite has: a file, which is private, is on the disk, and may be no database at all."""

import sqlite3
from pathlib import Path

import pytest

from store import accounts
from store.database.opening import open_database, transaction
from store.database.sqlite import sqlite_url
from store.errors import DatabaseAway, DatabaseUnusable
from tests.held import HeldFile

pytestmark = pytest.mark.sqlite


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder / "wa.sqlite3"


async def open_and_close(path: Path) -> None:
    async with open_database(sqlite_url(path)):
        pass


async def test_files_are_for_us_alone(path: Path) -> None:
    async with open_database(sqlite_url(path)):
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


async def test_a_commit_survives_a_power_cut(database: None) -> None:
    async with transaction() as connection:
        _, rows = await connection.execute_query("PRAGMA synchronous")

    assert rows[0]["synchronous"] == 2, "every commit is on the disk before it counts"


async def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.write_bytes(b"this is no database, and long enough to be seen as none" * 20)

    with pytest.raises(DatabaseUnusable, match="not a database"):
        await open_and_close(path)


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


async def test_a_database_that_was_held_at_the_start_opens_later(path: Path) -> None:
    other = HeldFile(path)
    other.hold()
    with pytest.raises(DatabaseAway):
        async with open_database(sqlite_url(path), lock_seconds=0.02):
            pass
    other.close()

    async with open_database(sqlite_url(path), lock_seconds=0.02):
        assert await accounts.all_rows() == []
