"""What tests of every part may need: servers of our own, and the surroundings that were asked for.

`--surroundings=postgres` runs what touches the store once more, on Postgres and Redis. `--quick`
leaves out whatever starts a program, be it a browser, a server or a tool.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import pytest

from simulator.server import Simulator
from simulator.settings import SimulatorSettings
from store.database.opening import open_database
from store.database.sqlite import sqlite_url
from store.events.bus import Bus
from tests import surroundings as kinds
from tests.harness import Phones, ServerProcess
from tests.postgres_server import PostgresServer
from tests.redis_server import RedisServer
from tests.surroundings import (
    MakeSurroundings,
    PostgresMaker,
    SqliteMaker,
    Surroundings,
)

TEMPLATE = "migrated"
REAL = ("acceptance", "seed")
"""Folders of tests that use a real server from outside."""
STARTS = ("subprocess.Popen", "os.posix_spawn", "os.fork")
"""Python's own events of a program that is about to start."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--surroundings",
        choices=kinds.NAMES,
        default=kinds.NAMES[0],
        help="what the store's tests run on; but for the default, only these are run",
    )
    parser.addoption(
        "--quick", action="store_true", help="leave out whatever starts a program, a browser first"
    )


def pytest_configure(config: pytest.Config) -> None:
    # A server refuses what a group may write to, which some systems let it by default.
    os.umask(0o022)
    if config.getoption("quick"):
        sys.addaudithook(_leave_out_what_starts_a_program)
        # What is left out halfway has opened things that it does not close.
        for warning in ("ResourceWarning", "pytest.PytestUnraisableExceptionWarning"):
            config.addinivalue_line("filterwarnings", f"ignore::{warning}")


def _leave_out_what_starts_a_program(event: str, _: object) -> None:
    """Skip a test at the moment at which it starts a program; pytest's own workers may start."""
    if event in STARTS and "PYTEST_CURRENT_TEST" in os.environ:
        pytest.skip("it starts a program")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    name = config.getoption("surroundings")
    quick = config.getoption("quick")
    runs = {item: _runs_on(name, item) and not (quick and _is_real(item)) for item in items}
    config.hook.pytest_deselected(items=[item for item in items if not runs[item]])
    items[:] = [item for item in items if runs[item]]


def _is_real(item: pytest.Item) -> bool:
    """Return whether a test is for a browser or a server, as its folder or WhatsApp says."""
    folder = item.path.relative_to(Path(__file__).parent).parts[0]
    return folder in REAL or "simulator" in getattr(item, "fixturenames", ())


def _runs_on(name: str, item: pytest.Item) -> bool:
    marked = [kind for kind in kinds.NAMES if item.get_closest_marker(kind)]
    if marked:
        return name in marked
    return name == kinds.NAMES[0] or "make_surroundings" in getattr(item, "fixturenames", ())


@pytest.fixture(scope="session")
def make_surroundings(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> MakeSurroundings:
    """Make surroundings by hand, for a test that needs many; `surroundings` is for all others."""
    if request.config.getoption("surroundings") == "postgres":
        postgres = request.getfixturevalue("shared_postgres")
        postgres.create(TEMPLATE)
        asyncio.run(_migrate(postgres.url(TEMPLATE)))
        return PostgresMaker(postgres, request.getfixturevalue("shared_redis"), TEMPLATE)

    template = tmp_path_factory.mktemp("template") / TEMPLATE
    asyncio.run(_migrate(sqlite_url(template)))
    return SqliteMaker(template, partial(tmp_path_factory.mktemp, "store"))


@pytest.fixture
def surroundings(make_surroundings: MakeSurroundings) -> Iterator[Surroundings]:
    """A database of the test's own, and what carries its events."""
    with make_surroundings() as made:
        yield made


@pytest.fixture
async def bus(surroundings: Surroundings) -> AsyncIterator[Bus]:
    """What carries events in these surroundings."""
    bus = surroundings.bus()
    await bus.start()
    yield bus
    await bus.close()


@pytest.fixture(scope="session")
def shared_postgres() -> Iterator[PostgresServer]:
    """A Postgres that runs from the first test that needs one to the last test of all."""
    server = PostgresServer()
    server.start()
    yield server
    server.remove()


@pytest.fixture
def postgres_server(shared_postgres: PostgresServer) -> Iterator[PostgresServer]:
    """A Postgres that runs, and that the test may stop, freeze and start again."""
    yield shared_postgres
    shared_postgres.restore()


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A redis-server that runs from the first test that needs one to the last test of all."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A redis-server that runs, and that the test may stop and start again."""
    folder = tmp_path / "redis"
    folder.mkdir()
    server = RedisServer(folder)
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(SimulatorSettings()) as running:
        yield running


@pytest.fixture
async def phones(simulator: Simulator) -> AsyncIterator[Phones]:
    found = Phones(simulator.url)
    yield found
    await found.close()


@pytest.fixture
async def server(
    simulator: Simulator, tmp_path: Path, surroundings: Surroundings
) -> AsyncIterator[ServerProcess]:
    """A running server; whatever a test does with it, no browser may be left in the end."""
    running = ServerProcess(tmp_path, simulator.url, surroundings)
    await running.start()
    yield running
    await running.close()
    await running.no_chromium_is_left()


async def _migrate(database_url: str) -> None:
    async with open_database(database_url):
        pass
