"""What is done again and again goes on whatever fails, and says when it does and no longer does."""

import asyncio
import logging

import pytest

from actors.errors import StoreAway
from actors.leases.periodic import PeriodicTasks
from store.errors import DatabaseAway
from tests.told import until


class Chore:
    """Work that fails as often as it is told."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.done = 0
        self.awake = 0

    def wake(self) -> None:
        self.awake += 1

    async def work(self) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.done += 1

    def said(self, caplog: pytest.LogCaptureFixture) -> list[str]:
        return [record.getMessage() for record in caplog.records]


async def test_what_fails_is_tried_again_soon_and_goes_on_afterwards(
    caplog: pytest.LogCaptureFixture,
) -> None:
    chore = Chore(DatabaseAway("It sleeps."), RuntimeError("unforeseen"))
    periodic = PeriodicTasks("Chores", retry_every=0.001, awake=chore.wake)
    with caplog.at_level(logging.INFO):
        periodic.keep(chore.work, every=0.002)
        await until(lambda: chore.done > 1)
    assert periodic.trouble is None
    assert chore.said(caplog) == ["Chores: It sleeps.", "Chores: all is well again"]
    await periodic.stop()


async def test_the_clock_is_looked_at_before_anything_is_done() -> None:
    chore = Chore()
    periodic = PeriodicTasks("Chores", retry_every=0.001, awake=chore.wake)
    periodic.keep(chore.work, every=0.001)
    await until(lambda: chore.done > 1)
    assert chore.awake >= chore.done
    await periodic.stop()


@pytest.mark.parametrize("away", [DatabaseAway(), StoreAway()])
async def test_who_insists_waits_for_the_database(away: Exception) -> None:
    chore = Chore(away, away)
    periodic = PeriodicTasks("Chores", retry_every=0.001, awake=chore.wake)
    await periodic.insist(chore.work)
    assert (chore.done, periodic.trouble) == (1, None)


async def test_who_insists_hears_of_what_waiting_does_not_mend() -> None:
    chore = Chore(OSError("the disk is read-only"))
    periodic = PeriodicTasks("Chores", retry_every=0.001, awake=chore.wake)
    with pytest.raises(OSError, match="read-only"):
        await periodic.insist(chore.work)


async def test_nothing_is_done_once_the_rounds_are_stopped() -> None:
    chore = Chore()
    periodic = PeriodicTasks("Chores", retry_every=0.001, awake=chore.wake)
    task = periodic.keep(chore.work, every=0.001)
    await until(lambda: chore.done)
    await periodic.stop()
    assert task.cancelled()
    assert asyncio.all_tasks() == {asyncio.current_task()}
