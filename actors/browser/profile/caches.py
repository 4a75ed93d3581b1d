"""The caches inside a profile: what can be thrown away without losing the session.

A session lives in Local Storage and IndexedDB, which nothing here touches. Caches are bounded when
a browser starts, and, since it may run for months, while it does.
"""

import asyncio
import logging
import shutil
from pathlib import Path
from typing import NoReturn

from actors.browser.errors import BrowserError
from actors.browser.page.page import WhatsAppPage
from actors.browser.profile.profile import Profile, size_of
from common.threads import FILES

logger = logging.getLogger(__name__)

DEFAULT = "Default"
"""The folder of the only user that a profile of ours has."""

CACHES = (
    "Cache",
    "Code Cache",
    "DawnGraphiteCache",
    "DawnWebGPUCache",
    "GPUCache",
    "Service Worker",
)
"""What Chromium fills again by itself. A page registers its service worker anew when it is gone;
its folder goes whole, since a registration without its script would be worse than none."""

SETTLE_SECONDS = 3.0
"""How long the files of emptied caches may take to vanish: 0.03 s where nobody else works."""
SETTLE_POLL_SECONDS = 0.1
FAR_OVER = 2
"""How many times the bound a running browser may hold: what is emptied is loaded once more, and
its next start may be near."""


def trim(profile: Profile, bound_mb: int) -> int:
    """Remove a profile's caches if they are over a bound. Only while no browser uses it.

    It is file work and blocks: call it from a thread.

    Args:
        profile: One that we hold.
        bound_mb: What they may take together, in MB (1024 * 1024 bytes).

    Returns:
        The MB that were freed; 0 if they were within the bound.

    Raises:
        ProfileLocked: We do not hold the profile.
    """
    _ = profile.lock_descriptor
    taken = _taken_mb(profile)
    if taken <= bound_mb:
        return 0
    for path in _found(profile):
        # Chromium begins a cache anew when it finds half of one.
        shutil.rmtree(path, ignore_errors=True)
    return taken


async def watch(profile: Profile, page: WhatsAppPage, bound_mb: int, every: float) -> NoReturn:
    """Have a running browser empty its caches whenever they are far over a bound; never ends.

    Args:
        profile: The browser's.
        page: The browser's.
        bound_mb: What they may take together when it starts, in MB (1024 * 1024 bytes).
        every: Seconds between two looks.
    """
    while True:
        await asyncio.sleep(every)
        try:
            await _empty(profile, page, FAR_OVER * bound_mb)
        except BrowserError as error:
            logger.info("the caches stay: %s", error)
        except Exception:
            # Whatever it is, the account does not depend on it.
            logger.exception("the caches stay")


async def _empty(profile: Profile, page: WhatsAppPage, bound_mb: int) -> None:
    """Have caches emptied, first those that no page notices, until they are within a bound."""
    found = taken = await FILES.run(_taken_mb, profile)
    for clear in (page.clear_http_cache, page.clear_cache_storage):
        if taken <= bound_mb:
            break
        await clear()
        taken = await _settled(profile, bound_mb)
    if taken < found:
        logger.info("emptied %d MB of caches", found - taken)


async def _settled(profile: Profile, bound_mb: int) -> int:
    """Return what caches take once they are within a bound, or after a while."""
    loop = asyncio.get_running_loop()
    until = loop.time() + SETTLE_SECONDS
    while (taken := await FILES.run(_taken_mb, profile)) > bound_mb:
        if loop.time() > until:
            break
        await asyncio.sleep(SETTLE_POLL_SECONDS)
    return taken


def _found(profile: Profile) -> list[Path]:
    return [path for name in CACHES if (path := profile.path / DEFAULT / name).is_dir()]


def _taken_mb(profile: Profile) -> int:
    return sum(map(size_of, _found(profile))) >> 20
