"""How much of the loop's time one browser may take, however much its page has to say. Pure.

Everything that a page makes its browser tell costs the loop, on which all accounts depend.
"""

from collections.abc import Callable

TIME_SHARE = 0.25
"""The part of the loop's time that one browser may take for long."""
BYTES_A_SECOND = 8_000_000
"""What one browser may tell for long: the largest picture of a page in a second, 6 MB."""
CREDIT_SECONDS = 1.0
"""For so long a browser may take all it wants: 10,000 messages after a night without network."""


class Share:
    """Counts what one browser takes, and says when it has to wait."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Count with a clock that gives seconds."""
        self._clock = clock
        self._at = clock()
        self._owed = 0.0

    def spend(self, seconds: float, size: int) -> float:
        """Take note of what was taken.

        Args:
            seconds: How long the loop was busy with it.
            size: How many bytes it was.

        Returns:
            How many seconds the browser is not to be heard; mostly 0.
        """
        now = self._clock()
        self._owed = max(0.0, self._owed - (now - self._at))
        self._owed += seconds / TIME_SHARE + size / BYTES_A_SECOND
        self._at = now
        return max(0.0, self._owed - CREDIT_SECONDS)
