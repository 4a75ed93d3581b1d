"""What runs for as long as the server does. If any of it ends, the server must end as well."""

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from typing import Any

from common.tasks import abandon

logger = logging.getLogger(__name__)


class Background:
    """Starts tasks that the server cannot do without, and notices when one ends. On the loop.

    Attributes:
        broken: Set when something died, so that the server must end, to be started anew.
    """

    def __init__(self) -> None:
        self.broken = asyncio.Event()
        self._dead: dict[str, str] = {}
        self._running: dict[asyncio.Future[None], str] = {}

    @property
    def dead(self) -> Mapping[str, str]:
        """What died, by its name, and why."""
        return self._dead

    def start(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start a task that runs until it is ended here.

        Args:
            name: What it is; `/health` shows it by this name.
            work: Never comes to an end by itself.
        """
        task = asyncio.create_task(work, name=name)
        self._running[task] = name
        task.add_done_callback(self._note_end)
        return task

    async def end(self, *tasks: asyncio.Task[None]) -> None:
        """End tasks that are not needed any more."""
        self.release(*tasks)
        await abandon(*tasks)

    def release(self, *tasks: asyncio.Task[None]) -> None:
        """Let tasks end from now on."""
        for task in tasks:
            self._running.pop(task, None)

    def note_death(self, name: str, why: str, error: BaseException | None = None) -> None:
        """Note that something died which the server cannot do without."""
        logger.critical("The %s died; the server ends: %s", name, why, exc_info=error)
        self._dead.setdefault(name, why)
        self.broken.set()

    def _note_end(self, task: asyncio.Future[None]) -> None:
        name = self._running.pop(task, None)
        if name is None:
            return
        error = None if task.cancelled() else task.exception()
        words = "it was cancelled" if task.cancelled() else "it came to an end"
        self.note_death(name, words if error is None else f"{type(error).__name__}: {error}", error)
