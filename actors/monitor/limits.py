"""When a browser has taken too much memory, and when it may be given up for a fresh one.

Pure: values in, values out. The monitor measures, the account's actor acts.
"""

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum


class Limit(StrEnum):
    """Which of its limits a browser is over."""

    SOFT = "soft"
    """It is replaced at a quiet moment."""
    HARD = "hard"
    """It is ended at once; that counts as a failure."""


@dataclass(frozen=True)
class MemoryLimits:
    """What one account's browser may take, in MB (1024 * 1024 bytes) of PSS. Times are seconds."""

    soft_mb: int = 0
    hard_mb: int = 0
    """0 stands for no limit, in both."""
    quiet_seconds: float = 60.0
    """A moment is quiet when no message came or went for so long."""
    rest_seconds: float = 3600.0
    """How often the soft limit may replace a browser: one set too low must not become a loop."""

    def exceeded(self, used_mb: float) -> Limit | None:
        """Tell which limit so much memory is over."""
        if 0 < self.hard_mb < used_mb:
            return Limit.HARD
        return Limit.SOFT if 0 < self.soft_mb < used_mb else None

    def of(self, limit: Limit) -> int:
        """Return a limit in MB."""
        return self.hard_mb if limit is Limit.HARD else self.soft_mb


class Renewal:
    """Keeps in mind what tells whether an account may be given a fresh browser now.

    Times are those of a monotonic clock, in seconds.
    """

    def __init__(self, limits: MemoryLimits) -> None:
        self._limits = limits
        self._active_at = float("-inf")
        self._renewed_at = float("-inf")

    def note_activity(self, now: float) -> None:
        """Keep in mind that a message came or went, or that the account has just connected."""
        self._active_at = now

    def note_renewed(self, now: float) -> None:
        """Keep in mind that the browser was replaced."""
        self._renewed_at = now

    def may_be_now(self, now: float) -> bool:
        """Return whether the moment is quiet, and the last time long enough ago."""
        return (
            now - self._active_at >= self._limits.quiet_seconds
            and now - self._renewed_at >= self._limits.rest_seconds
        )


class RenewalQueue:
    """Picks one at a time of those over the soft limit: a fleet must not restart at once."""

    def __init__(self) -> None:
        self._waiting: deque[str] = deque()

    def pick(self, over: Collection[str]) -> str | None:
        """Return the one whose turn it is, of those that are over now. None if nobody is."""
        self._waiting = deque(each for each in self._waiting if each in over)
        self._waiting.extend(sorted(set(over).difference(self._waiting)))
        if not self._waiting:
            return None
        self._waiting.rotate(-1)
        return self._waiting[-1]
