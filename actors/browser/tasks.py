"""Waiting for asyncio's tasks, and giving them up."""

import asyncio
from typing import Any

AGAIN_SECONDS = 1.0
"""How long a task that was cancelled may take to end, before it is cancelled once more."""


async def first(*futures: asyncio.Future[Any]) -> None:
    """Wait until one of them is done."""
    await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)


async def abandon(task: asyncio.Task[Any]) -> None:
    """End a task whose outcome nobody needs any more.

    A cancellation can get lost in code that is not ours, and would then be waited for for ever.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=AGAIN_SECONDS)
    if not task.cancelled():
        task.exception()
