"""Which messages an account has heard of, and since when some may have come unheard. Pure.

A message is told by an event of the page. What no event told of (it came while the page started,
or the event never fired) is found by comparing the page's own messages with what was heard.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

MARGIN = timedelta(minutes=10)
"""How far a comparison looks back behind the moment up to which all was heard: WhatsApp's clock is
not ours, and a message travels for a while."""


@dataclass(frozen=True)
class Past:
    """What is on record of an account from before this browser."""

    ids: tuple[str, ...] = ()
    """The newest messages, oldest first."""
    heard_until: datetime | None = None
    """The last moment at which the account is known to have listened; None if it never did."""


class Hearing:
    """Since when a page's messages must be compared, as one run goes on."""

    def __init__(self, past: Past) -> None:
        self._heard_until = past.heard_until
        self._linked_at: datetime | None = None

    def linked(self, now: datetime) -> None:
        """Take note that a phone links the device: what it said before is history, and no news."""
        self._linked_at = now
        self._heard_until = None

    @property
    def since(self) -> datetime | None:
        """From when on messages may be unheard, also those that the page holds for old.

        None: only what the page itself holds for new can be.
        """
        if self._heard_until is None:
            return self._linked_at
        since = self._heard_until - MARGIN
        return since if self._linked_at is None else max(since, self._linked_at)

    def complete_at(self, moment: datetime) -> None:
        """Take note of a comparison that was begun at a moment and found nothing unheard."""
        self._heard_until = moment
