"""One clock of an actor: set, set anew, or off; a late ring of a former setting is recognised."""

import time
from collections.abc import Callable

from actors.loop import Loop, Timer
from actors.mailbox import TimerFired


class DeadlineTimer:
    """Tells its actor `TimerFired` when the time is up. Used in the actor's thread."""

    def __init__(self, loop: Loop, tell: Callable[[TimerFired], None]) -> None:
        self._loop = loop
        self._tell = tell
        self._number = 0
        self._timer: Timer | None = None
        self._due = 0.0

    def set(self, seconds: float) -> None:
        """Ring in so many seconds, instead of whenever it was set to before."""
        self.off()
        self._due = time.monotonic() + seconds
        self._timer = self._loop.later(seconds, self._tell, TimerFired(self._number))

    def prolong(self, seconds: float) -> None:
        """Ring no sooner than in so many seconds, if it is set at all."""
        if self._timer is not None and self._due < time.monotonic() + seconds:
            self.set(seconds)

    def at_most(self, seconds: float) -> None:
        """Ring in so many seconds, unless it was set to ring before that."""
        if self._timer is None or time.monotonic() + seconds < self._due:
            self.set(seconds)

    def off(self) -> None:
        """Do not ring."""
        self._number += 1
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def is_meant_by(self, fired: TimerFired) -> bool:
        """Return whether a ring is that of the last setting, and not one that was on its way."""
        return fired.number == self._number
