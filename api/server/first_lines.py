"""The first lines of the log: which version starts, and on what. No line has a password in it."""

import logging
import os
import platform
from importlib.metadata import version
from urllib.parse import urlsplit

from actors.browser.process.executable import Executable
from api.settings import Settings

logger = logging.getLogger(__name__)


def write_first_lines(
    settings: Settings, chromium: Executable, sandbox_refusal: str | None
) -> None:
    """Write what an operator looks for first when something does not work.

    Args:
        settings: The server's.
        chromium: The Chromium that was found.
        sandbox_refusal: Why its sandbox cannot be used; None when it can.
    """
    logger.info(
        "wa-manager %s, process %d, Python %s",
        *(version("wa-manager"), os.getpid(), platform.python_version()),
    )
    logger.info("Chromium: %s, version %s", chromium.path, chromium.version)
    if sandbox_refusal is not None:
        logger.warning("Chromium runs without its sandbox: %s", sandbox_refusal)
    logger.info("Data directory: %s", settings.data_dir)
    logger.info("Database: %s", without_secrets(settings.effective_database_url))
    if settings.redis_url is None:
        logger.info("Redis: none, events are told to this server's own clients only")
    else:
        redis = without_secrets(settings.redis_url)
        logger.info("Redis: %s, channels %s:*", redis, settings.redis_prefix)


def without_secrets(url: str) -> str:
    """Return a URL's scheme, host, port and path. User, password and parameters are left out."""
    parts = urlsplit(url)
    # After a slash in a password that is not escaped, all looks like a path.
    rest = f"{parts.netloc.rpartition('@')[2]}{parts.path}" if "@" not in parts.path else "…"
    return f"{parts.scheme}://{rest}"
