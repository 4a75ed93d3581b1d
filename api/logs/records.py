"""Log records as they can wait for their turn: what they say is fixed, bounded and holds nothing.

Made in the thread that logs, at once; how a line looks, and what is hidden in it, is decided later.
"""

import copy
import logging
from traceback import TracebackException

LONGEST = 20_000
"""How many characters of a message, or of a traceback, are written."""
KEPT = 2 * LONGEST
"""How many characters wait: what is hidden makes a text shorter."""


def at_rest(record: logging.LogRecord) -> logging.LogRecord:
    """Return a copy of a record, with its message filled in and no object that others may change.

    Its `trace` is the traceback, if it has one, and `length` how long the message was.
    """
    kept = copy.copy(record)
    message = message_of(record)
    kept.msg, kept.args, kept.length = cut(message), None, len(message)
    kept.trace = _trace(record)
    kept.exc_info = kept.exc_text = None
    return kept


def size_of(record: logging.LogRecord) -> int:
    """Return how many characters a record that waits has; a traceback counts as its longest."""
    return len(str(record.msg)) + (LONGEST if getattr(record, "trace", None) else 0)


def cut(text: str) -> str:
    """Return the beginning of a text, to a word's end: half a secret is not recognised as one."""
    if len(text) <= KEPT:
        return text
    return text[:KEPT].rpartition(" ")[0] or text[:LONGEST]


def message_of(record: logging.LogRecord) -> str:
    """Return what a record says, with its arguments filled in as they are now."""
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - one argument that has no words must not cost the line
        return f"{record.msg} (cannot be filled in)"


def _trace(record: logging.LogRecord) -> TracebackException | None:
    if not isinstance(record.exc_info, tuple) or record.exc_info[1] is None:
        return None
    # The lines of the source, which take the time, are read when it is written. The frames, and
    # all that is in them, are not kept.
    return TracebackException.from_exception(record.exc_info[1], lookup_lines=False, compact=True)
