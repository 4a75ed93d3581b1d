"""What one page told that is no fact: when the log is told of it, and when it is too much. Pure."""

from collections.abc import Callable

MOST = 20
"""So many within `FORGOTTEN_SECONDS` are no accident, such as one strange message is: the page is
not what we take it for."""
FORGOTTEN_SECONDS = 3600.0
TOLD_SECONDS = 60.0
"""How often the log is told at most."""


class BadFacts:
    """Counts them, of one page."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Count with a clock that gives seconds."""
        self._clock = clock
        self._since = clock()
        self._count = 0
        self._told_at: float | None = None
        self._untold = 0

    @property
    def too_many(self) -> bool:
        """Whether it is to be given up on the page."""
        return self._count >= MOST

    def note(self) -> int:
        """Take note of one.

        Returns:
            How many the log is to be told of now; 0 if it is not to be.
        """
        now = self._clock()
        if now - self._since > FORGOTTEN_SECONDS:
            self._since, self._count = now, 0
        self._count += 1
        self._untold += 1
        if self._told_at is not None and now - self._told_at < TOLD_SECONDS:
            return 0
        self._told_at = now
        return self.rest()

    def rest(self) -> int:
        """Return how many the log was not told of, and take them for told."""
        untold, self._untold = self._untold, 0
        return untold
