"""Rounds: what is done on the loop again and again, however often it fails, and what goes wrong.

What the work is, and what a failure means, is for whoever has it done.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from actors.errors import ManagerError, StoreAway
from common.background import Background
from store.errors import DatabaseAway, DatabaseReadOnly, StoreError

logger = logging.getLogger(__name__)

Work = Callable[[], Coroutine[Any, Any, None]]
"""Something to be done. Its name tells it from the others of the same rounds."""


class PeriodicTasks:
    """Keeps work going. Lives on the loop.

    Args:
        name: What all of it is about, for the log.
        retry_every: Seconds until what failed is tried again.
        awake: Called first thing after every pause, which may have been far longer than it should.
        background: What the tasks belong to.
    """

    def __init__(
        self,
        name: str,
        retry_every: float,
        awake: Callable[[], None],
        background: Background | None = None,
    ) -> None:
        self._background = background or Background()
        self._name = name
        self._retry_every = retry_every
        self._awake = awake
        self._troubles: dict[str, str] = {}
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def trouble(self) -> str | None:
        """Why something of it fails at the moment; None while all is well."""
        return next(iter(self._troubles.values()), None)

    def keep(self, work: Work, every: float) -> asyncio.Task[None]:
        """Do something again and again from now on, until it is dropped.

        Args:
            work: May fail.
            every: Seconds between two times.
        """
        task = self._background.start(self._name.lower(), self._repeat(work, every))
        self._tasks.append(task)
        return task

    def drop(self, task: asyncio.Task[None]) -> None:
        """Do something no more."""
        self._background.release(task)
        task.cancel()

    async def insist(self, work: Work) -> None:
        """Do something once: at once, or else as soon as the database is there.

        Raises:
            DatabaseReadOnly: Waiting would not help.
        """
        while True:
            try:
                return await self._noted(work)
            except DatabaseReadOnly:
                raise
            except (DatabaseAway, StoreAway):
                await asyncio.sleep(self._retry_every)

    async def stop(self) -> None:
        """End all of it."""
        await self._background.end(*self._tasks)

    async def _repeat(self, work: Work, every: float) -> None:
        while True:
            await asyncio.sleep(self._retry_every if _key(work) in self._troubles else every)
            self._awake()
            # It is in the log, and tried again.
            with suppress(Exception):
                await self._noted(work)

    async def _noted(self, work: Work) -> None:
        """Do something; say when it begins to fail, and when it no longer does."""
        try:
            await work()
        except Exception as error:
            if _key(work) not in self._troubles:
                foreseen = isinstance(error, StoreError | ManagerError)
                logger.warning("%s: %s", self._name, error, exc_info=None if foreseen else error)
            self._troubles[_key(work)] = str(error) or type(error).__name__
            raise
        if self._troubles.pop(_key(work), None) is not None:
            logger.info("%s: all is well again", self._name)


def _key(work: Work) -> str:
    return work.__qualname__
