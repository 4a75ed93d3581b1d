"""The actor that writes the server's resources into the log once in a while."""

import logging
import time
from dataclasses import dataclass

import pykka

from actors.loop import Loop, Timer
from actors.memory import server_memory
from actors.view import Views

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tick:
    """It is time to look."""


class MonitorActor(pykka.ThreadingActor):
    """Logs how many accounts are active and what memory the server takes."""

    def __init__(self, loop: Loop, views: Views, interval: float) -> None:
        super().__init__()
        self._loop = loop
        self._views = views
        self._interval = interval
        self._started = time.monotonic()
        self._timer: Timer | None = None

    def on_start(self) -> None:
        """Start the clock; runs in the actor's thread."""
        self._timer = self._loop.later(self._interval, self.actor_ref.tell, Tick())

    def on_receive(self, message: Tick) -> None:
        """Log, and wait for the next time."""
        memory = server_memory()
        active = sum(view.status.has_browser for view in self._views.all())
        logger.info(
            "📊 Resource Monitor:\n"
            "  - Active Clients: %d\n"
            "  - Memory Used: %dMB / %dMB\n"
            "  - RSS: %dMB\n"
            "  - Uptime: %d minutes",
            active,
            memory.heap_used,
            memory.heap_total,
            memory.rss,
            (time.monotonic() - self._started) // 60,
        )
        self._timer = self._loop.later(self._interval, self.actor_ref.tell, message)

    def on_stop(self) -> None:
        """Stop the clock; runs in the actor's thread."""
        if self._timer is not None:
            self._timer.cancel()
