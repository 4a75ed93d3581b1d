"""SIGTERM and SIGINT: which of them ask a program to stop, and which ask it to hurry."""

import asyncio
import atexit
import signal
import time
from collections.abc import Callable
from types import FrameType

NUMBERS = (signal.SIGTERM, signal.SIGINT)
SAME_SECONDS = 1.0
"""How long after the first signal another one is a repeat of it.

Whoever signals a process group reaches the server twice: directly, and through the program that
started it, such as make or systemd.
"""


class Signals:
    """Hears SIGTERM and SIGINT from `listen` on, until the process ends.

    The first one asks to stop. Others within `SAME_SECONDS` are the same wish; a later one asks to
    hurry. One that comes so much later while nobody is told ends the process at once.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Prepare; nothing is heard yet.

        Args:
            clock: Gives seconds that never go back.
        """
        self._clock = clock
        self._first: signal.Signals | None = None
        self._heard_at = 0.0
        self._stop: Callable[[signal.Signals], None] | None = None
        self._hurry: Callable[[], None] | None = None

    def listen(self) -> None:
        """Hear the process's signals from now on. Call it in the main thread."""
        for number in NUMBERS:
            signal.signal(number, self._on_signal)
        # Python ends by taking its handlers away: a repeat would then end it with another code.
        atexit.register(_ignore)

    def tell(self, stop: Callable[[signal.Signals], object], hurry: Callable[[], object]) -> None:
        """Have these called on the running loop; `stop` at once if a signal has come before.

        Args:
            stop: Called once, with the first signal.
            hurry: Called with each later one that is no repeat.
        """
        loop = asyncio.get_running_loop()
        # Handlers run in between any two steps of the main thread, and callbacks only in the loop.
        self._stop = lambda number: _call(loop, lambda: stop(number))
        self._hurry = lambda: _call(loop, hurry)
        if self._first is not None:
            self._stop(self._first)

    def tell_nobody(self) -> None:
        """End what `tell` began: the program is about to end by itself."""
        self._stop = self._hurry = None
        if self._first is not None:
            self._heard_at = self._clock()

    def hear(self, number: signal.Signals) -> None:
        """Take a signal; for `listen`, and for tests."""
        now = self._clock()
        if self._first is None:
            self._first, self._heard_at = number, now
            if self._stop is not None:
                self._stop(number)
        elif now - self._heard_at < SAME_SECONDS:
            pass
        elif self._hurry is not None:
            self._hurry()
        else:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        self.hear(signal.Signals(number))


def _ignore() -> None:
    for number in NUMBERS:
        signal.signal(number, signal.SIG_IGN)


def _call(loop: asyncio.AbstractEventLoop, callback: Callable[[], object]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(callback)
