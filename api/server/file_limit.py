"""How many files the server may have open at once. Each account's browser takes some of them."""

import logging
import resource
from contextlib import suppress

PER_BROWSER = 5
"""Two ends of its pipe, one of its error output, its pidfd, and its profile's lock."""
ACCOUNTS = 500
"""So many accounts a server is made for."""
CLIENTS = 400
"""So many clients' connections are counted with, beside the accounts."""
FILES = 100
"""What is kept for the database, and for files that are open for a moment."""
OTHERS = CLIENTS + FILES
FEWEST = 8
"""So many clients are let in however few files there may be."""

logger = logging.getLogger(__name__)


def raise_limit() -> None:
    """Raise this process's limit of open files as far as the system allows it to."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # A hard limit may lie above what the kernel gives to anybody today.
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    accounts = (limit - OTHERS) // PER_BROWSER
    if limit != resource.RLIM_INFINITY and accounts < ACCOUNTS:
        logger.warning(
            "The limit of open files, %d, is enough for about %d accounts; for %d, set it to %d "
            "(ulimit -Hn, or LimitNOFILE= of the service)",
            *(limit, max(accounts, 0), ACCOUNTS, OTHERS + ACCOUNTS * PER_BROWSER),
        )


def room_for_clients(wanted: int) -> int:
    """Return how many clients' connections leave enough files to browsers and database.

    Args:
        wanted: How many there are to be at most.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return wanted
    beside_accounts = limit - FILES - ACCOUNTS * PER_BROWSER
    return min(wanted, max(beside_accounts, min(CLIENTS, (limit - FILES) // 2), FEWEST))
