"""Which messages an account has heard of, and since when some may have come unheard. Pure.

A message is told by an event of the page. What no event told of (it came while the page started,
or the event never fired) is found by comparing the page's own messages with what was heard. All
times here are those of messages, which WhatsApp's clock gives: the host's may be wrong.
"""

from datetime import datetime, timedelta

from store.events.known_messages import KnownMessages

MARGIN = timedelta(minutes=10)
"""How far a comparison looks back behind the newest message that was heard: messages do not always
arrive in the order in which they were sent."""
TICK = timedelta(seconds=1)
"""WhatsApp tells the time of a message in whole seconds."""


class MissedMessages:
    """Since when a page's messages must be compared, as one run goes on."""

    def __init__(self, known: KnownMessages) -> None:
        self._heard_until = known.heard_until
        self._history_until = known.history_until
        self._linking = known.linking

    def linked(self) -> None:
        """Take note that a phone links the device: what it said before is history, and no news."""
        self._heard_until = self._history_until = None
        self._linking = True

    def history_ends(self, newest: datetime) -> None:
        """Take note of the newest message that came with the link."""
        self._history_until = newest
        self._linking = False

    @property
    def since(self) -> datetime | None:
        """From when on messages may be unheard, also those that the page holds for old.

        None: only what the page itself holds for new can be.
        """
        news = None if self._history_until is None else self._history_until + TICK
        if self._heard_until is None:
            return news
        since = self._heard_until - MARGIN
        return since if news is None else max(since, news)

    def complete(self, newest: datetime) -> None:
        """Take note of a comparison that found nothing unheard.

        Args:
            newest: When the newest message was sent that the page holds.
        """
        if self._linking:
            self.history_ends(newest)
        elif self._heard_until is None or newest > self._heard_until:
            self._heard_until = newest
