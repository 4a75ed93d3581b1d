"""Failures that come again and again: told at once, then once a minute with how often it was.

A traceback is worth reading once. What fails a thousand times a second, because somebody wants it
to, must not fill the log, and writing it must not take the server's time.
"""

import copy
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from api.logs.records import message_of

SECONDS = 60.0
"""How long the same failure is not told again."""
MOST = 1_000
"""How many different failures are told of in that time; all others count as one."""
LONGEST = 200
"""How many characters of the message are told again with the number."""

Key = tuple[str, int, str, str | None] | None


@dataclass
class _Told:
    record: logging.LogRecord
    at: float
    more: int = 0

    def count(self, now: float) -> logging.LogRecord:
        """Return the record that tells how often it came again."""
        args = (self.record.msg, self.more, now - self.at)
        self.record.msg = "%s (%d more like it in the last %.0f s)" % args  # noqa: UP031
        return self.record


class Repetitions:
    """Counts the failures that are told of by a record with a traceback. For any thread."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Count with a clock that gives seconds."""
        self._clock = clock
        self._told: dict[Key, _Told] = {}
        # A finalizer may log while its thread is in here.
        self._lock = threading.RLock()

    def admit(self, record: logging.LogRecord) -> bool:
        """Return whether a record is to be told; otherwise it is counted.

        The same is what the same line of the program logs of the same account and type of error.
        """
        if not isinstance(record.exc_info, tuple) or record.exc_info[0] is None:
            return True
        kind, account = record.exc_info[0].__qualname__, getattr(record, "account", None)
        key: Key = (record.pathname, record.lineno, kind, account)
        with self._lock:
            if key not in self._told and len(self._told) >= MOST:
                key = None
            if told := self._told.get(key):
                told.more += 1
                return False
            self._told[key] = _Told(_without_objects(record), self._clock())
        return True

    def due(self, *, all_of_them: bool = False) -> list[logging.LogRecord]:
        """Return a record for each failure whose minute is over and that came again in it.

        Args:
            all_of_them: Also of those whose minute is not over: it is the end.
        """
        now = self._clock()
        with self._lock:
            over = [key for key, told in self._told.items() if now - told.at >= SECONDS]
            ended = [self._told.pop(key) for key in (list(self._told) if all_of_them else over)]
        return [told.count(now) for told in ended if told.more]


def _without_objects(record: logging.LogRecord) -> logging.LogRecord:
    """Return what is needed to tell of a record once more; it may wait for a minute."""
    kept = copy.copy(record)
    kept.msg, kept.args = message_of(record)[:LONGEST], None
    kept.exc_info = kept.exc_text = kept.stack_info = None
    return kept
