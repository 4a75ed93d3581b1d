"""What a run asks its page at intervals: whether it is there, and for messages it has not told.

When it is asked, and how often in vain, is the watchdog's; which messages are in question is
hearing.py's.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from actors.browser.config import BrowserConfig
from actors.browser.errors import BrowserError, PageError, PageTimeout
from actors.browser.facts.interpreter import Interpreter
from actors.browser.page.missed_messages import MissedMessages
from actors.browser.page.page import WhatsAppPage
from actors.browser.page.watchdog import watch
from actors.browser.reports import ComparisonFailed, Report
from store.events.known_messages import KnownMessages

logger = logging.getLogger(__name__)

FAILURES = 3
"""So many comparisons that fail in a row are no accident, and the log says so."""


class Probe:
    """Asks one run's page, as far as its state lets it answer. Runs on the loop's thread."""

    def __init__(
        self,
        config: BrowserConfig,
        interpreter: Interpreter,
        page: Callable[[], WhatsAppPage],
        tell: Callable[[Report], None],
    ) -> None:
        """Prepare it; nothing is asked yet.

        Args:
            config: How often to ask, and how long to wait for an answer.
            interpreter: Knows the page's state.
            page: Gives the page, or raises NotReady.
            tell: Called with `ComparisonFailed`; must not fail.
        """
        self._config = config
        self._interpreter = interpreter
        self._page = page
        self._tell = tell
        self._failures = 0
        self._missed = MissedMessages(KnownMessages())
        self._now = asyncio.Event()

    def remember(self, known: KnownMessages) -> None:
        """Take note of what is on record; before the page is opened."""
        self._interpreter.remember(known.ids)
        self._missed = MissedMessages(known)

    def linked(self) -> None:
        """Take note that a phone links the device."""
        self._missed.linked()

    def history_ends(self, newest: datetime) -> None:
        """Take note of when the newest message was sent that came with the link."""
        self._missed.history_ends(newest)

    def hurry(self) -> None:
        """Ask without waiting: what came while the page was not ready may be in no event."""
        self._now.set()

    async def watch(self) -> None:
        """Ask until the page does not answer; otherwise never ends.

        Raises:
            PageUnresponsive: It does not answer any more.
        """
        await watch(self._ask, self._config.probe_seconds, self._now)

    async def _ask(self) -> None:
        seconds = self._config.probe_timeout_seconds
        try:
            if self._interpreter.ready:
                await self._compare(seconds)
            elif self._interpreter.settled:
                await self._page().ping(seconds)
        except PageTimeout:
            raise
        except BrowserError:
            # An error is an answer too; and the end of a browser is noticed otherwise.
            logger.debug("the page was busy with itself")

    async def _compare(self, seconds: float) -> None:
        try:
            untold, newest = await self._page().compare(self._missed.since, seconds)
        except PageError as error:
            # A page that is being loaded anew raises something else.
            self._tell(ComparisonFailed())
            self._failures += 1
            if self._failures == FAILURES:
                logger.warning("messages that no event tells of cannot be found: %s", error)
            return
        if self._failures >= FAILURES:
            logger.info("messages that no event tells of can be found again")
        self._failures = 0
        if not untold:
            self._missed.complete(newest)
