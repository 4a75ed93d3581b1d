"""Whether what the page keeps has reached the disk, so that it survives a kill -9.

Chromium gathers writes to localStorage for a second and then writes them together (with the flag
that flags.py sets; without it for five seconds or, in a page that writes often, for minutes). A
session that was linked a moment ago would be lost. There is no call to flush, but there is a
proof: a mark written behind the session stands in the profile's files no sooner than the session.
"""

import asyncio
import secrets
import time
from pathlib import Path

from actors.browser.page.page import WhatsAppPage
from common.threads import FILES

STORAGE = Path("Default/Local Storage")
POLL_SECONDS = 0.05


async def wait_kept(page: WhatsAppPage, profile: Path, seconds: float) -> bool:
    """Wait until all that the page has written to localStorage so far is on the disk.

    Args:
        page: The page, logged in.
        profile: Its profile's directory.
        seconds: How long to wait at most.

    Returns:
        Whether it is proven.

    Raises:
        BrowserError: The page does not answer any more.
    """
    mark = secrets.token_hex(8)
    since = time.time()
    await page.keep(mark)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if await FILES.run(_holds, profile / STORAGE, mark.encode(), since):
            await page.keep(None)
            return True
        await asyncio.sleep(POLL_SECONDS)
    return False


def _holds(folder: Path, mark: bytes, since: float) -> bool:
    """Return whether a file that was written lately holds the mark. Blocks."""
    for file in folder.rglob("*"):
        try:
            # The clock of a file system is coarse, so a second is given.
            if file.is_file() and file.stat().st_mtime >= since - 1 and mark in file.read_bytes():
                return True
        except OSError:
            continue
    return False
