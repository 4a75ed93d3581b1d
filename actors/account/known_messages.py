"""What a starting browser is told about the messages of its account."""

import asyncio
import logging
from dataclasses import dataclass

from actors.browser.page.missed_messages import MARGIN
from store.errors import DatabaseAway
from store.events import known_messages
from store.events.known_messages import KnownMessages
from store.events.recorder import Recorder

REMEMBERED = 5_000
"""So many ids of the newest messages are told. Who hears more within the margin hears some twice
after a restart."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class KnownMessagesReader:
    """Reads what was recorded. Lives on the loop.

    A message counts as heard when it is on record, and not before: the page is compared with that
    after every crash, and so each message is recorded at least once.
    """

    recorder: Recorder
    seconds: float
    """How long the database may take; without it a browser starts as if nothing had been heard."""

    async def known(self, account_id: str) -> KnownMessages:
        """Return what is on record of an account's messages; nothing if the database is away."""
        try:
            async with asyncio.timeout(self.seconds):
                # What is still on its way to the disk would be missing.
                await self.recorder.flush(self.seconds)
                return await known_messages.read(account_id, 2 * MARGIN, REMEMBERED)
        except (TimeoutError, DatabaseAway):
            logger.warning("the database does not tell its last messages; some may be told again")
            return KnownMessages()
