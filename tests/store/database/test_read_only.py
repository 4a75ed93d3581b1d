"""A database that cannot be written is told from one that is away, as SQLite itself says it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from tortoise.connection import get_connection

from actors.leases.periodic import PeriodicTasks
from store import accounts, leases
from store.database.opening import CONNECTION
from store.database.timeouts import DatabaseWait
from store.errors import DatabaseReadOnly
from store.events.recorder import Recorder
from tests.store.parts import status, until

pytestmark = pytest.mark.sqlite


@asynccontextmanager
async def read_only() -> AsyncIterator[None]:
    """Have the database's only connection refuse to write, as a disk that became read-only."""
    await get_connection(CONNECTION).execute_query("PRAGMA query_only = ON")
    yield
    await get_connection(CONNECTION).execute_query("PRAGMA query_only = OFF")


async def create() -> None:
    await accounts.create("Support")


@pytest.mark.parametrize("work", [create, leases.add_missing])
async def test_what_is_written_to_it_is_refused_with_the_true_reason(
    database: None, work: Callable[[], Awaitable[None]]
) -> None:
    async with read_only():
        with pytest.raises(DatabaseReadOnly, match=r"read-only.*attempt to write a readonly"):
            await work()


async def test_a_start_does_not_wait_for_it(database: None) -> None:
    told: list[str | None] = []
    rounds = PeriodicTasks("Leases", 0.01, lambda: None)
    async with read_only():
        with pytest.raises(DatabaseReadOnly):
            await DatabaseWait(told.append).wait_for(leases.add_missing)
        with pytest.raises(DatabaseReadOnly):
            await rounds.insist(leases.add_missing)
    assert told == []


async def test_events_wait_and_it_is_said_why(recorder: Recorder) -> None:
    async with read_only():
        recorder.record(status("a", 1))
        await until(lambda: recorder.reason)
        assert recorder.reason == "attempt to write a readonly database"
    assert await recorder.flush(5)
    assert recorder.lost == 0
