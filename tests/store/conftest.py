"""A real database and a real recorder for each test."""

from collections.abc import AsyncIterator, Iterator

import pytest

from store.database.opening import open_database
from store.events.bus import Bus
from store.events.recorder import Recorder
from tests.held import HeldDatabase
from tests.store.parts import Listener
from tests.surroundings import Surroundings


@pytest.fixture
async def database(surroundings: Surroundings) -> AsyncIterator[None]:
    async with open_database(surroundings.database_url, lock_seconds=0.02):
        yield


@pytest.fixture
def held(database: None, surroundings: Surroundings) -> Iterator[HeldDatabase]:
    held = surroundings.held()
    yield held
    held.close()


@pytest.fixture
async def recorder(database: None, bus: Bus) -> AsyncIterator[Recorder]:
    recorder = Recorder(bus, first_retry=0.01, longest_retry=0.05)
    await recorder.start()
    yield recorder
    await recorder.close(5)


@pytest.fixture
def listener(bus: Bus) -> Listener:
    return Listener(bus)
