"""Tasks that are given up."""

import asyncio

from common.tasks import abandon


async def test_a_task_that_loses_a_cancellation_is_cancelled_again() -> None:
    lost = 0

    async def lose_two() -> None:
        nonlocal lost
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                lost += 1
                if lost > 2:
                    raise

    task = asyncio.create_task(lose_two())
    await asyncio.sleep(0)

    await abandon(task)

    assert task.cancelled()


async def test_a_task_that_failed_is_given_up_without_a_word() -> None:
    async def fail() -> None:
        raise ValueError

    task = asyncio.create_task(fail())
    await asyncio.wait({task})

    await abandon(task)

    assert task.done()
