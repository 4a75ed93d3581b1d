"""A database that does not answer is given up in time, and one that is away is waited for."""

import asyncio
import logging

import pytest

from store.database.timeouts import DatabaseWait, within
from store.errors import DatabaseAway, DatabaseUnusable


async def answer() -> int:
    return 42


async def test_an_answer_in_time_is_given() -> None:
    assert await within(5, answer()) == 42


async def test_what_a_query_raises_is_raised() -> None:
    async def refuse() -> None:
        raise DatabaseUnusable

    with pytest.raises(DatabaseUnusable):
        await within(5, refuse())


async def test_a_query_that_cannot_even_be_cancelled_is_not_waited_for() -> None:
    thawed = asyncio.Event()

    async def freeze() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await thawed.wait()
            raise ConnectionResetError

    with pytest.raises(DatabaseAway, match=r"within 0\.01 s"):
        await within(0.01, freeze())
    [frozen] = asyncio.all_tasks() - {asyncio.current_task()}
    thawed.set()
    await asyncio.wait({frozen})


async def test_a_query_ends_with_whoever_asked() -> None:
    ended = asyncio.Event()

    async def linger() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    asking = asyncio.create_task(within(60, linger()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    asking.cancel()
    async with asyncio.timeout(10):
        await ended.wait()


class Database:
    """Answers after some tries that find it away."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)

    async def open(self) -> int:
        if self.failures:
            raise self.failures.pop(0)
        return 42


async def test_a_database_that_is_away_is_waited_for_and_the_log_tells_it_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.database.timeouts.FIRST_RETRY_SECONDS", 0.001)
    database = Database(DatabaseAway("It sleeps."), DatabaseAway("It still sleeps."))
    told: list[str | None] = []
    with caplog.at_level(logging.INFO):
        assert await DatabaseWait(told.append).wait_for(database.open) == 42
    assert told == ["It sleeps.", "It still sleeps.", None]
    said = [record.getMessage() for record in caplog.records]
    assert said[0] == "Waiting for the database: It sleeps."
    assert said[1].startswith("The database is there, after 0.")
    assert len(said) == 2


async def test_nothing_is_said_of_a_database_that_is_there(
    caplog: pytest.LogCaptureFixture,
) -> None:
    told: list[str | None] = []
    with caplog.at_level(logging.INFO):
        await DatabaseWait(told.append).wait_for(Database().open)
    assert (told, caplog.records) == ([], [])


async def test_a_database_that_cannot_be_used_is_not_waited_for() -> None:
    with pytest.raises(DatabaseUnusable):
        await DatabaseWait(lambda _: None).wait_for(Database(DatabaseUnusable()).open)
