"""The queue in front of starting browsers: who may start now, and who waits in which place.

Pure: it holds names and bounds. The registry owns it, tells it what room there is, and tells the
accounts.
"""

from collections import OrderedDict
from dataclasses import dataclass
from itertools import chain

OTHER_STARTS = "other starts"
MEMORY = "memory"
DISK = "disk"

AGAIN_SECONDS = 30.0
"""How long an account is told nothing new of its wait: at the edge of the memory that is there, the
reason changes with each start, and hundreds may wait."""


@dataclass(frozen=True)
class StartLimits:
    """What bounds the starts."""

    at_once: int = 8
    """How many starts may be under way together."""
    memory_mb: int = 300
    """How much memory a start must find free, beside what the starts under way may still take."""
    disk_mb: int = 200
    """How much disk a start must find free."""


@dataclass(frozen=True)
class Room:
    """What is free for browsers, in MB."""

    memory_mb: float
    disk_mb: float


@dataclass(frozen=True)
class Wait:
    """What is to be told to an account that waits."""

    account_id: str
    attempt: int
    place: int
    """How many start before it."""
    waits_for: str
    """What keeps the queue waiting: other starts, memory, or disk."""


@dataclass
class _Wish:
    attempt: int
    told: str | None = None
    """What its account was told that it waits for."""
    told_at: float = 0.0


class StartQueue:
    """First come, first served, but whoever a user waits for goes before what is restored.

    Last of all, and one after another, come those whose browser runs and is to be replaced.
    """

    def __init__(self, limits: StartLimits) -> None:
        self._limits = limits
        self._urgent: OrderedDict[str, _Wish] = OrderedDict()
        self._others: OrderedDict[str, _Wish] = OrderedDict()
        self._running: OrderedDict[str, _Wish] = OrderedDict()
        self._replacing: str | None = None
        """Whose browser is being replaced: from its turn until it has started anew."""
        self._starting: dict[str, int] = {}

    def __len__(self) -> int:
        """Count who waits."""
        return len(self._urgent) + len(self._others) + len(self._running)

    @property
    def starting(self) -> int:
        """How many starts are under way."""
        return len(self._starting)

    def join(
        self, account_id: str, attempt: int, *, urgent: bool = False, runs: bool = False
    ) -> None:
        """Queue up for a start. Joining again replaces the former request, at the end.

        Whoever has had its turn for this attempt keeps it, and whoever had it to close the browser
        that is replaced goes first.

        Args:
            account_id: Who wants to start.
            attempt: For which attempt; it comes back with the turn.
            urgent: Whether a user waits for it.
            runs: Whether its browser runs until then.
        """
        if self._starting.get(account_id) == attempt and not runs:
            return
        goes_on = self._replacing == account_id and not runs
        self.leave(account_id)
        if runs:
            self._running[account_id] = _Wish(attempt)
        elif urgent or goes_on:
            self._urgent[account_id] = _Wish(attempt)
        else:
            self._others[account_id] = _Wish(attempt)
        if goes_on:
            self._replacing = account_id
            self._urgent.move_to_end(account_id, last=False)

    def leave(self, account_id: str) -> None:
        """Give up the place, or the start that was under way. Harmless if there is neither."""
        self._urgent.pop(account_id, None)
        self._others.pop(account_id, None)
        self._running.pop(account_id, None)
        self._starting.pop(account_id, None)
        if self._replacing == account_id:
            self._replacing = None

    def admit(self, room: Room) -> list[tuple[str, int]]:
        """Let as many start as may.

        Args:
            room: What is free now.

        Returns:
            Account and attempt of each whose turn has come, in order.
        """
        admitted = []
        while len(self) and self._lacks(room) is None:
            lane = self._urgent or self._others or self._running
            account_id, wish = lane.popitem(last=False)
            if lane is self._running:
                self._replacing = account_id
            self._starting[account_id] = wish.attempt
            admitted.append((account_id, wish.attempt))
        return admitted

    def places(self) -> dict[str, int]:
        """Return the place of each who waits: how many go before."""
        waiting = chain(self._urgent, self._others, self._running)
        return {account_id: place for place, account_id in enumerate(waiting)}

    def news(self, room: Room, now: float) -> list[Wait]:
        """Say who is to be told of its wait, and take it for told.

        Those are told who have just joined, and those who now wait for something else than they
        were told, `AGAIN_SECONDS` later at the earliest. Nobody is told of each step in the queue,
        nor who has a browser: such an account waits for its page above all.

        Args:
            room: What is free now.
            now: The time in seconds, on a monotonic clock.
        """
        waits_for = self.waits_for(room)
        if waits_for is None:
            return []
        told = []
        waiting = chain(self._urgent.items(), self._others.items())
        for place, (account_id, wish) in enumerate(waiting):
            changed = wish.told != waits_for and now >= wish.told_at + AGAIN_SECONDS
            if wish.told is None or changed:
                wish.told, wish.told_at = waits_for, now
                told.append(Wait(account_id, wish.attempt, place, waits_for))
        return told

    def waits_for(self, room: Room) -> str | None:
        """Say what keeps the next one waiting: other starts, disk, or memory. None: nothing."""
        return self._lacks(room) if len(self) else None

    def _lacks(self, room: Room) -> str | None:
        others_wait = self._urgent or self._others
        if len(self._starting) >= self._limits.at_once or (self._replacing and not others_wait):
            return OTHER_STARTS
        if room.disk_mb < self._limits.disk_mb:
            return DISK
        # A start under way may not have taken its memory yet.
        enough = room.memory_mb >= self._limits.memory_mb * (len(self._starting) + 1)
        return None if enough else MEMORY
