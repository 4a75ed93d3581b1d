"""Waiting for asyncio's tasks, and giving them up."""

import asyncio
from typing import Any


async def first(*futures: asyncio.Future[Any]) -> None:
    """Wait until one of them is done."""
    await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)


async def abandon(task: asyncio.Task[Any]) -> None:
    """End a task whose outcome nobody needs any more."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()
