"""How much a page may tell in a minute. Pure.

Each change of an account is an event for ever and a line of the log, and each message a row.
"""

from collections.abc import Callable

CHANGES = 600
"""So many changes within a minute are no page at work: a start has about 30, and a network that
comes and goes 2 each time."""
MESSAGES = 20_000
"""So many messages within a minute are no page at work: what waited for an account that was away
for a week comes in one go, and 500 chats of 20 messages each are half of this."""
CHARACTERS = 50_000_000
"""So many characters of messages within a minute are none either: 20,000 of 2,500 each."""
SECONDS = 60.0


class Pace:
    """Counts what one page tells, against the most of it that may be in a minute."""

    def __init__(self, most: int, clock: Callable[[], float]) -> None:
        """Count with a clock that gives seconds."""
        self._most = most
        self._clock = clock
        self._since = clock()
        self._count = 0

    def allows(self, amount: int = 1) -> bool:
        """Take note of so much more, and return whether it is within what may be."""
        now = self._clock()
        if now - self._since >= SECONDS:
            self._since, self._count = now, 0
        self._count += amount
        return self._count <= self._most
