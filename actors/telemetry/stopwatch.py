"""How long one account's starts and its return take. What is made of the times is the observer's.

Lives in the account actor's thread and ends with it: a start that its actor does not survive is
not timed.
"""

import time
from collections.abc import Callable

from actors.telemetry.observer import Observer
from store.status import Cause, Status

ARRIVALS = (Status.CONNECTED, Status.QR_READY)
"""Where a start has done what it can by itself."""
ON_THE_WAY = (Status.CONNECTING, Status.AUTHENTICATING)
"""Where it has not, without waiting for a human."""
USERS_STARTS = (Cause.USER_CONNECT, Cause.USER_RESTART)


class Stopwatch:
    """Times an account and tells the observer.

    Args:
        observer: Who is told, in the thread of the caller.
        clock: Tells the time in seconds.
    """

    def __init__(self, observer: Observer, clock: Callable[[], float] = time.monotonic) -> None:
        self._observer = observer
        self._clock = clock
        self._turn_at: float | None = None
        self._recovered_at: float | None = None

    def note_turn(self) -> None:
        """Take the time: the start queue has given the account its turn."""
        self._turn_at = self._clock()

    def note(self, status: Status, cause: Cause) -> None:
        """Tell of something that is being recorded, and of what has come to its end with it."""
        self._observer.happened(status, cause)
        now = self._clock()
        if cause is Cause.RESTORE:
            self._recovered_at = now
        elif cause in USERS_STARTS:
            # From here on the account does not come back by itself, it is brought back.
            self._recovered_at = None
        if status in ARRIVALS and self._turn_at is not None:
            self._observer.started(status, now - self._turn_at)
        if status is Status.CONNECTED and self._recovered_at is not None:
            self._observer.restored(now - self._recovered_at)
        if status not in ON_THE_WAY:
            self._turn_at = self._recovered_at = None
