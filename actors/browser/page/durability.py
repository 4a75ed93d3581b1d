"""Whether what the page keeps has reached the disk, so that it survives a kill -9.

Chromium gathers writes to localStorage for a second and then writes them together (with the flag
that flags.py sets; without it for five seconds or, in a page that writes often, for minutes). A
session that was linked a moment ago would be lost. There is no call to flush, but there is a
proof: a mark written behind the session stands in the profile's files no sooner than the session.
"""

import asyncio
import secrets
import time
from contextlib import suppress
from pathlib import Path

from actors.browser.page.page import WhatsAppPage
from common.threads import FILES

STORAGE = Path("Default/Local Storage")
POLL_SECONDS = 0.05

Stamp = tuple[int, int]
"""A file's size, and when it was written last by the clock of whoever wrote it: that may be set
meanwhile, and is compared with no other."""


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
    mark, folder = secrets.token_hex(8), profile / STORAGE
    until = time.monotonic() + seconds
    before = await FILES.run(_stamps, folder)
    await page.keep(mark)
    while time.monotonic() < until:
        if await FILES.run(_holds, folder, mark.encode(), before):
            await page.keep(None)
            return True
        await asyncio.sleep(POLL_SECONDS)
    return False


def _stamps(folder: Path) -> dict[Path, Stamp]:
    """Note how all files are now, by which one knows which are written later. Blocks."""
    found = {}
    for file in folder.rglob("*"):
        with suppress(OSError):
            if file.is_file():
                status = file.stat()
                found[file] = status.st_size, status.st_mtime_ns
    return found


def _holds(folder: Path, mark: bytes, before: dict[Path, Stamp]) -> bool:
    """Return whether a file that was written since then holds the mark. Blocks."""
    for file, stamp in _stamps(folder).items():
        with suppress(OSError):
            if stamp != before.get(file) and mark in file.read_bytes():
                return True
    return False
