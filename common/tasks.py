"""Waiting for asyncio's tasks, and giving them up."""

import asyncio
from typing import Any

AGAIN_SECONDS = 1.0
"""How long a task that was cancelled may take to end, before it is cancelled once more."""


async def first(*futures: asyncio.Future[Any]) -> None:
    """Wait until one of them is done."""
    await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)


async def abandon(*tasks: asyncio.Future[Any]) -> None:
    """End tasks whose outcome nobody needs any more.

    A cancellation can get lost in code that is not ours, and would then be waited for for ever.
    """
    while under_way := [task for task in tasks if not task.done()]:
        for task in under_way:
            task.cancel()
        await asyncio.wait(under_way, timeout=AGAIN_SECONDS)
    for task in tasks:
        take_note(task)


def take_note(done: asyncio.Future[Any]) -> None:
    """Take note of how something ended that nobody waits for, or asyncio complains of it."""
    if not done.cancelled():
        done.exception()
