"""How long an answer of the database is waited for, and waiting for one that is away."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from common.tasks import take_note
from store.errors import DatabaseAway, DatabaseReadOnly

FIRST_RETRY_SECONDS = 0.2
"""How soon a database that was away is tried again; doubled with each failure."""
LONGEST_RETRY_SECONDS = 3.0

logger = logging.getLogger(__name__)

T = TypeVar("T")


async def within(seconds: float, query: Awaitable[T]) -> T:
    """Await an answer of the database, but for no longer than the seconds.

    A query that takes longer is cancelled; it may have happened nevertheless.

    Raises:
        DatabaseAway: There was none in time.
    """
    asked = asyncio.ensure_future(query)
    try:
        await asyncio.wait({asked}, timeout=seconds)
        if asked.done():
            return asked.result()
    finally:
        # Not awaited: asyncpg gives a cancelled query up only when the server has answered, and a
        # frozen one does not.
        asked.cancel()
        asked.add_done_callback(take_note)
    raise DatabaseAway(f"The database did not answer within {seconds:g} s.")


class DatabaseWait:
    """Waits for a database that is away. Says so once, and once when it is there.

    Args:
        told: Called with why it is waited, and with None when that is over.
    """

    def __init__(self, told: Callable[[str | None], None]) -> None:
        self._told = told

    async def wait_for(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do something once, as soon as the database is there, however long that takes.

        Args:
            work: Begun anew until it does not raise `DatabaseAway`.

        Raises:
            DatabaseReadOnly: Waiting would not help.
        """
        began = asyncio.get_running_loop().time()
        delay = FIRST_RETRY_SECONDS
        waited = False
        while True:
            try:
                done = await work()
            except DatabaseReadOnly:
                # Nobody mends that who is not told to.
                raise
            except DatabaseAway as error:
                self._told(str(error))
                if not waited:
                    logger.warning("Waiting for the database: %s", error)
                waited = True
            else:
                break
            await asyncio.sleep(delay)
            delay = min(2 * delay, LONGEST_RETRY_SECONDS)
        if waited:
            self._told(None)
            seconds = asyncio.get_running_loop().time() - began
            logger.info("The database is there, after %.1f s", seconds)
        return done
