"""The browser of one attempt, as its account's actor holds it: from its start to its end.

What it is asked runs on the loop; nothing here waits for a browser but the end of a killed one.
"""

import time
from concurrent.futures import Future, wait

from actors.account.context import Run
from actors.loop import Loop

KILL_SECONDS = 5.0
"""How long a killed browser may take to be proven gone; SIGKILL takes a fraction of it."""


NEW_PHASE = 50
"""So many percent less than before mean that another part of the sync has begun."""
MOST_PHASES = 5
"""So many parts a sync may have: what begins anew for ever does not progress."""


class Progress:
    """Whether a sync goes on. Bounded: it cannot go on for ever."""

    def __init__(self) -> None:
        self._furthest = -1
        self._phases = 1

    def note(self, percent: int) -> bool:
        """Return whether a sync that tells so many percent has come further."""
        if percent <= self._furthest - NEW_PHASE and self._phases < MOST_PHASES:
            self._phases += 1
        elif percent <= self._furthest:
            return False
        self._furthest = percent
        return True


class Attempt:
    """A run, started with the attempt, and what is known of it. Used in the actor's thread.

    Args:
        number: The attempt's number.
        run: Its browser's run.
        loop: Where it runs.
    """

    def __init__(self, number: int, run: Run, loop: Loop) -> None:
        self.number = number
        self.run = run
        self.offline = False
        """Whether the last that its page said was that it cannot reach WhatsApp's servers."""
        self.connected_since: float | None = None
        """When its account became CONNECTED for the first time, on the monotonic clock."""
        self.recorded_progress = 0
        """How far the sync was, in percent, when it was last recorded."""
        self._progress = Progress()
        self._patience_ends: float | None = None
        self._loop = loop
        self._task: Future[None] = loop.submit(run.run())

    def sync_begins(self) -> None:
        """Take note that a sync begins, or will begin anew some day."""
        self.recorded_progress = 0
        self._progress = Progress()

    def progresses(self, percent: int) -> bool:
        """Return whether the sync has come further; see `Progress.note`."""
        further = self._progress.note(percent)
        if further and not self.offline:
            self._patience_ends = None
        return further

    def went_offline(self, patience: float) -> None:
        """Take note that its page cannot reach WhatsApp's servers.

        Args:
            patience: Seconds to wait for it, counted from the first time since it got anywhere.
        """
        self.offline = True
        if self._patience_ends is None:
            self._patience_ends = time.monotonic() + patience

    def came_online(self) -> bool:
        """Take note that its page is offline no longer; return whether it was until now."""
        was_offline, self.offline = self.offline, False
        return was_offline

    def arrived(self) -> None:
        """Take note that its page is ready, or needs a human: whatever comes next begins anew."""
        self.offline = False
        self._patience_ends = None
        self.sync_begins()

    @property
    def patience_left(self) -> float:
        """How long its page may still be offline, in seconds; 0 or less if it was for too long."""
        return 0.0 if self._patience_ends is None else self._patience_ends - time.monotonic()

    def connected_for(self, now: float) -> float:
        """Return how long the account has been connected, in seconds; 0 if it never was."""
        return 0.0 if self.connected_since is None else now - self.connected_since

    def stop(self, *, unlink: bool, wipe: bool, look: bool) -> None:
        """Ask the run to end; log out, remove the profile, take a last picture if so wished."""
        self._loop.call(lambda: self.run.stop(unlink=unlink, wipe=wipe, look=look))

    def give_up(self) -> None:
        """Kill the browser, and have the run end whatever it waits for."""
        self._loop.call(self.run.kill)
        self._task.cancel()

    def kill(self) -> None:
        """Kill the browser and wait for its end."""
        self._loop.call(self.run.kill)
        wait((self._task,), KILL_SECONDS)
