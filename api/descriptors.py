"""How many files the server may have open at once. Each account's browser takes some of them."""

import logging
import resource
from contextlib import suppress

PER_BROWSER = 5
"""Two ends of its pipe, one of its error output, its pidfd, and its profile's lock."""
ACCOUNTS = 500
"""So many accounts a server is made for."""
OTHERS = 500
"""What is kept for clients, the database, and files that are open for a moment."""

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
