"""The proof of a fresh login: it is reported as ready once it would survive a kill of the browser.

How it is proven is durability.py's.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from actors.browser.config import BrowserConfig
from actors.browser.errors import BrowserError
from actors.browser.facts.interpreter import Interpreter
from actors.browser.page.durability import wait_kept
from actors.browser.page.page import WhatsAppPage
from actors.browser.reports import Ready, Report
from common.tasks import abandon

logger = logging.getLogger(__name__)


class Proof:
    """Holds `Ready` back while a login is fresh. Runs on the loop's thread.

    Attributes:
        pending: Whether a login is not proven yet.
    """

    def __init__(
        self,
        account_id: str,
        config: BrowserConfig,
        interpreter: Interpreter,
        page: Callable[[], WhatsAppPage],
        tell: Callable[[Report], None],
    ) -> None:
        """Prepare it.

        Args:
            account_id: Whose login it is.
            config: Where its profile is, and how long the proof may take.
            interpreter: Knows whether the page is still ready when the proof is there.
            page: Gives the page, or raises NotReady.
            tell: Called with `Ready`, at once or later; must not fail.
        """
        self.pending = False
        self._account_id = account_id
        self._config = config
        self._interpreter = interpreter
        self._page = page
        self._tell = tell
        self._proving: asyncio.Task[None] | None = None

    def remember(self, *, linking: bool) -> None:
        """Take note of a login that an earlier browser did not prove."""
        self.pending = linking

    def authenticated(self, *, fresh: bool) -> None:
        """Take note of a login."""
        self.pending |= fresh

    def ready(self, report: Ready) -> None:
        """Tell that the page is ready, now or when the login is proven."""
        if not self.pending:
            self._tell(report)
        elif self._proving is None or self._proving.done():
            self._proving = asyncio.create_task(self._prove(report))

    async def abandon(self) -> None:
        """Stop proving."""
        if self._proving is not None:
            await abandon(self._proving)

    async def _prove(self, ready: Ready) -> None:
        profile = self._config.profile(self._account_id).absolute()
        try:
            kept = await wait_kept(self._page(), profile, self._config.durable_seconds)
            if not kept:
                logger.warning("the login is not proven to be on the disk")
        except BrowserError as error:
            logger.warning("the login could not be proven: %s", error)
        except Exception:
            logger.exception("the login could not be proven")
        ready = replace(ready, history_until=await self._end_of_history())
        self.pending = False
        if self._interpreter.ready:
            self._tell(ready)

    async def _end_of_history(self) -> datetime | None:
        try:
            return await self._page().newest_message()
        except BrowserError as error:
            logger.info("it is not known how far its history goes: %s", error)
            return None
