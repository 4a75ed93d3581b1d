"""How often a page may change: a page that works changes a few times a minute. Pure.

Each change of an account is an event for ever and a line of the log.
"""

from collections.abc import Callable

MOST = 600
"""So many changes within a minute are no page at work: a start has about 30, and a network that
comes and goes 2 each time."""
SECONDS = 60.0


class Pace:
    """Counts the changes of one page."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Count with a clock that gives seconds."""
        self._clock = clock
        self._since = clock()
        self._count = 0

    def allows_another(self) -> bool:
        """Take note of a change, and return whether it is one of those that may be."""
        now = self._clock()
        if now - self._since >= SECONDS:
            self._since, self._count = now, 0
        self._count += 1
        return self._count <= MOST
