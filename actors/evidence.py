"""Pictures of pages, kept as evidence of why a human is needed. One folder for each account.

All of it but `photograph` is file work and blocks: call it from a thread.
"""

import asyncio
import logging
import os
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

from actors.browser.errors import BrowserError
from common.threads import FILES

FOLDER = "evidence"
"""The name of the folder of all pictures."""

KEPT = 20
"""So many pictures of an account are kept, the newest ones."""

DRAWING_SECONDS = 1.0
"""How long a page is given to draw what it asks of a human, once it is known to ask."""

logger = logging.getLogger(__name__)


class Evidence:
    """The pictures, each named by the number of the event that it belongs to."""

    def __init__(self, folder: Path) -> None:
        """Keep them in a folder, which is made when the first one comes."""
        self._folder = folder

    def keep(self, account_id: str, seq: int, picture: bytes) -> bool:
        """Keep a picture, and let go of the oldest ones.

        Returns:
            Whether it is kept; if the disk does not take it, the log says why.
        """
        folder = self._folder / account_id
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
            with os.fdopen(os.open(_file(folder, seq), flags, 0o600), "wb") as file:
                file.write(picture)
            for old in _numbers(folder)[:-KEPT]:
                _file(folder, old).unlink(missing_ok=True)
        except OSError as error:
            logger.warning("a picture of its page is not kept: %s", error)
            return False
        return True

    def find(self, account_id: str, seq: int) -> bytes | None:
        """Return the picture of an event; None if there is none."""
        try:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
            with os.fdopen(os.open(_file(self._folder / account_id, seq), flags), "rb") as file:
                return file.read()
        except OSError:
            return None

    def remove(self, account_id: str) -> None:
        """Remove all pictures of an account."""
        shutil.rmtree(self._folder / account_id, ignore_errors=True)

    async def photograph(
        self, account_id: str, seq: int, take: Callable[[], Awaitable[bytes]]
    ) -> None:
        """Keep a picture of what a page asks of a human. Runs on the loop.

        Args:
            account_id: Whose page it is.
            seq: The number of the event that says what is asked.
            take: Takes the picture.
        """
        await asyncio.sleep(DRAWING_SECONDS)
        try:
            picture = await take()
        except BrowserError as error:
            # The page is gone as often as not; nothing is lost but the picture.
            logger.info("there is no picture of its page: %s", error)
            return
        await FILES.run(self.keep, account_id, seq, picture)


def address(account_id: str, seq: int) -> str:
    """Return the path under which the server shows the picture of an event."""
    return f"/accounts/{account_id}/evidence/{seq}.png"


def _file(folder: Path, seq: int) -> Path:
    return folder / f"{seq}.png"


def _numbers(folder: Path) -> list[int]:
    return sorted(int(file.stem) for file in folder.glob("*.png") if file.stem.isdecimal())
