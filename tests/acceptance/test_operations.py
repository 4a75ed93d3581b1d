"""What docs/operations.md tells operators to do, done as it says."""

import shutil
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from simulator.server import Simulator
from tests.harness import Phones, ServerProcess
from tests.surroundings import Surroundings

PHONE = "491700000001"


@pytest.fixture
async def other(simulator: Simulator, tmp_path: Path) -> AsyncIterator[ServerProcess]:
    """A server on a data directory of its own, as on another machine. It is not started."""
    folder = tmp_path / "other machine"
    folder.mkdir()
    server = ServerProcess(folder, simulator.url)
    yield server
    await server.close()
    await server.no_chromium_is_left()


@pytest.mark.sqlite
async def test_a_copy_of_the_data_directory_of_a_stopped_server_is_a_backup(
    server: ServerProcess, other: ServerProcess, phones: Phones
) -> None:
    account_id = await server.create()
    await phones.link(server, account_id, PHONE)
    await server.end()

    shutil.copytree(server.data, other.data)
    _name_the_database(server, other)
    await other.start()

    await other.reaches(account_id, "CONNECTED")
    assert await other.scans(account_id) == 1


@pytest.mark.sqlite
async def test_the_database_can_be_copied_while_the_server_runs(
    server: ServerProcess, surroundings: Surroundings, tmp_path: Path
) -> None:
    account_id = await server.create()
    copy = tmp_path / "copy.sqlite3"

    path = surroundings.database_url.removeprefix("sqlite://")
    with sqlite3.connect(path) as running, sqlite3.connect(copy) as backup:
        running.backup(backup)

    rows = backup.execute("SELECT id FROM accounts").fetchall()
    running.close()
    backup.close()
    assert rows == [(account_id,)]


async def test_an_account_moves_to_another_machine_without_a_scan(
    server: ServerProcess, other: ServerProcess, phones: Phones
) -> None:
    old = await server.create()
    await phones.link(server, old, PHONE)
    await other.start()
    new = await other.create()

    await server.call("POST", f"/accounts/{old}/disconnect", expect=202)
    await server.reaches(old, "DISCONNECTED", "user_disconnect")
    shutil.copytree(server.data / "profiles" / old, other.data / "profiles" / new)
    await server.call("DELETE", f"/accounts/{old}", expect=204)
    await other.connect(new)

    account = await other.reaches(new, "CONNECTED")
    assert account["phone"] == PHONE
    assert await other.scans(new) == 0
    assert [each["number"] for each in await _linked(phones)] == [PHONE]


async def _linked(phones: Phones) -> list[dict[str, str]]:
    found = await phones.call("GET", "phones")
    return [phone for phone in found["items"] if phone["devices"]]


def _name_the_database(server: ServerProcess, other: ServerProcess) -> None:
    """Have the copy use its own database: the tests' is elsewhere than where it is by default."""
    path = Path(server.environment["WA_DATABASE_URL"].removeprefix("sqlite://"))
    shutil.copy(path, other.data / "wa-manager.sqlite3")
