"""Whether a page still answers: asked at intervals for as long as its browser runs.

What is asked, and what follows when there is no answer, is the run's.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress

from actors.browser.errors import PageTimeout, PageUnresponsive

MISSES = 2
"""So many questions without an answer, one right behind the other, are taken for a hang. One alone
may be the machine's: after a standstill of ours the time of a question is over before its answer
could be read."""

JITTER = 0.2
"""Each wait is shortened by up to this share, so that a fleet's questions spread."""


async def watch(ask: Callable[[], Awaitable[None]], every: float, now: asyncio.Event) -> None:
    """Ask at intervals until the page does not answer; otherwise never ends.

    Args:
        ask: Asks the page once; raises PageTimeout if there is no answer.
        every: Seconds between an answer and the next question, at most.
        now: Set to have it asked without waiting.

    Raises:
        PageUnresponsive: It did not answer, and not when it was asked again either.
    """
    while True:
        seconds = every * (1 - JITTER * random.random())  # noqa: S311 - spreads load only
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await now.wait()
        now.clear()
        await _insist(ask)


async def _insist(ask: Callable[[], Awaitable[None]]) -> None:
    missed = 0
    while missed < MISSES:
        try:
            return await ask()
        except PageTimeout as error:
            missed += 1
            last = error
    raise PageUnresponsive(f"{last} It was asked {missed} times in a row.") from last
