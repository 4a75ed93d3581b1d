"""A real database and a real recorder for each test."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from store.bus import InProcessBus
from store.database import open_database, sqlite_url
from store.recorder import Recorder
from tests.store.parts import HeldDatabase, Listener


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder / "wa.sqlite3"


@pytest.fixture
async def database(path: Path) -> AsyncIterator[None]:
    async with open_database(sqlite_url(path), busy_timeout=0.02):
        yield


@pytest.fixture
def held(database: None, path: Path) -> Iterator[HeldDatabase]:
    held = HeldDatabase(path)
    yield held
    held.close()


@pytest.fixture
def bus() -> InProcessBus:
    return InProcessBus()


@pytest.fixture
async def recorder(database: None, bus: InProcessBus) -> AsyncIterator[Recorder]:
    recorder = Recorder(bus, first_retry=0.01, longest_retry=0.05)
    await recorder.start()
    yield recorder
    await recorder.close(5)


@pytest.fixture
def listener(bus: InProcessBus) -> Listener:
    return Listener(bus)
