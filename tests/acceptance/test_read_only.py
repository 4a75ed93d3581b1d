"""A data directory that became read-only is named, and nobody waits for what does not come."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from store.database.sqlite import sqlite_url
from tests.harness import ServerProcess, until
from tests.read_only import read_only

pytestmark = pytest.mark.sqlite


@pytest.fixture
async def used(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    """A server that has run before, and does not any more."""
    server = ServerProcess(tmp_path, "http://127.0.0.1:1")
    await server.start()
    await server.create()
    await server.end()
    yield server
    await server.close()


async def refused(server: ServerProcess) -> str:
    """Start a server that must end by itself, and return what it says last."""
    await server.spawn()
    assert server.process is not None
    code = await asyncio.wait_for(server.process.wait(), 40)
    assert code == 2, server.log
    assert "Traceback" not in server.log
    assert "Waiting for the database" not in server.log
    return server.log.splitlines()[-1]


async def test_a_server_on_a_read_only_data_directory_is_refused(used: ServerProcess) -> None:
    with read_only(used.data):
        said = await refused(used)
    assert said.startswith("wa-manager: WA_DATA_DIR: ")
    assert "It cannot be written" in said
    assert str(used.data) in said


@pytest.mark.parametrize("folder", ["profiles", "servers"])
async def test_a_server_on_a_read_only_part_of_it_is_refused(
    used: ServerProcess, folder: str
) -> None:
    with read_only(used.data / folder):
        said = await refused(used)
    assert said.startswith("wa-manager: WA_DATA_DIR: ")
    assert str(used.data / folder) in said


async def test_a_server_on_a_read_only_database_is_refused(
    used: ServerProcess, tmp_path: Path
) -> None:
    folder = tmp_path / "database"
    folder.mkdir()
    used.environment["WA_DATABASE_URL"] = sqlite_url(folder / "wa.sqlite3")
    with read_only(folder):
        said = await refused(used)
    assert said.startswith("wa-manager: The database cannot be written")
    assert str(folder) in said


async def test_a_running_server_says_that_its_profiles_became_read_only(
    used: ServerProcess,
) -> None:
    used.environment["WA_RESOURCES_SECONDS"] = "1"
    await used.start()

    async def said() -> bool:
        health = await used.call("GET", "/health")
        return "read-only" in str(health["components"]["disk"].get("reason"))

    with read_only(used.data / "profiles"):
        await until(said, "it says so", lambda: used.log)
        health = await used.call("GET", "/health")
    assert health["status"] == "degraded"
    assert "The disk cannot be written, no browser starts" in used.log
