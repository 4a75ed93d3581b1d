"""What docs/operations.md tells operators to do, done as it says.

Its commands are run as they stand there. There is no container engine: what `docker compose` would
run in a container is run here, on the data directory and the Postgres of the test.
"""

import asyncio
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import textwrap
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from simulator.server import Simulator
from tests.harness import Phones, ServerProcess
from tests.postgres_server import PostgresServer
from tests.surroundings import Surroundings

OPERATIONS = (Path(__file__).parents[2] / "docs/operations.md").read_text()
BLOCKS = re.findall(r"```\n(.*?)```", OPERATIONS, re.DOTALL)
PHONE = "491700000001"
DATABASE = "wa"
"""The name that compose.yaml gives it."""
ENGINE = """#!/bin/sh
set -eu
case "$*" in
    "compose exec -T postgres "* | "compose exec -T wa-manager "*) shift 4 ;;
    "compose run --rm --no-deps -T --entrypoint "*" wa-manager "*)
        program=$7
        shift 8
        set -- "$program" "$@"
        ;;
    # Whether they run is for the test to say.
    "compose stop "* | "compose start "* | "compose up "*) exit ;;
    *) echo "What is docker $*?" >&2; exit 64 ;;
esac
for word; do
    set -- "$@" "$(printf %s "$word" | sed "s#/data#$DATA#")"
    shift
done
exec "$@"
"""


class Operator:
    """Runs the page's commands in a folder that goes along from machine to machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        engine = folder / "bin/docker"
        engine.parent.mkdir(parents=True)
        engine.write_text(ENGINE)
        engine.chmod(0o755)

    async def runs(self, part: str, server: ServerProcess, **variables: str) -> None:
        """Run the commands that have this among them, where a server is."""
        [block] = [block for block in BLOCKS if part in block]
        environment = {**os.environ, **variables, "DATA": str(server.data)}
        environment["PATH"] = f"{self._folder}/bin:{environment['PATH']}"
        done = await asyncio.to_thread(
            subprocess.run,
            ["sh", "-euc", textwrap.dedent(block)],
            cwd=self._folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    return Operator(tmp_path / "operator")


@pytest.fixture
async def other(simulator: Simulator, tmp_path: Path) -> AsyncIterator[ServerProcess]:
    """A server on a data directory of its own, as on another machine. It is not started."""
    folder = tmp_path / "other machine"
    folder.mkdir()
    server = ServerProcess(folder, simulator.url)
    yield server
    await server.close()
    await server.no_chromium_is_left()


@pytest.fixture
def database(postgres_server: PostgresServer) -> Iterator[str]:
    """The address of an empty database that is named as compose.yaml names it."""
    postgres_server.create(DATABASE)
    yield postgres_server.url(DATABASE)
    postgres_server.drop(DATABASE)


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


@pytest.mark.postgres
async def test_a_restore_replaces_what_an_installation_has(
    postgres_server: PostgresServer,
    database: str,
    other: ServerProcess,
    phones: Phones,
    operator: Operator,
) -> None:
    other.environment["WA_DATABASE_URL"] = database
    await other.start()
    account_id = await other.create()
    await phones.link(other, account_id, PHONE)
    await other.end()
    await operator.runs("> data.tar", other, **postgres_server.environment())

    shutil.rmtree(other.data)
    postgres_server.drop(DATABASE)
    postgres_server.create(DATABASE)
    await other.start()
    await other.create("Not in the backup")
    await other.end()
    (other.data / "not in the backup").touch()
    await operator.runs("< data.tar", other, **postgres_server.environment())

    assert not (other.data / "not in the backup").exists()
    assert stat.S_IMODE(other.data.stat().st_mode) == 0o700
    await other.start()
    await other.reaches(account_id, "CONNECTED")
    assert await other.scans(account_id) == 1
    accounts = await other.call("GET", "/accounts")
    assert [account["id"] for account in accounts["items"]] == [account_id]


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
    server: ServerProcess, other: ServerProcess, phones: Phones, operator: Operator
) -> None:
    old = await server.create()
    await phones.link(server, old, PHONE)
    await other.start()
    new = await other.create()

    await server.call("POST", f"/accounts/{old}/disconnect", expect=202)
    await server.reaches(old, "DISCONNECTED", "user_disconnect")
    await operator.runs("> profile.tar", server, OLD=old)
    await operator.runs("< profile.tar", other, NEW=new)
    await server.call("DELETE", f"/accounts/{old}")
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
