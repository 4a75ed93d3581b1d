"""How log lines look and where they go: standard output, one handler. Not what they say."""

import logging
import sys
from datetime import UTC, datetime

from store.events import timestamp


class _Readable(logging.Formatter):
    """`time level logger  message`, the time in UTC."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s  %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        return timestamp(datetime.fromtimestamp(record.created, UTC))


def set_up_logging(level: str) -> None:
    """Send what the server logs from `level` upward to standard output, one readable line each.

    The libraries' own lines begin at WARNING: at DEBUG they would show what passes between the
    server and its browsers, secrets included.
    """
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_Readable())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for package in ("actors", "api", "simulator", "store"):
        logging.getLogger(package).setLevel(level)
