"""Log lines that anybody can cause: told at once, then once a minute with how often it was."""

import asyncio
import logging
from functools import partial

SECONDS = 60.0
"""How long the same is not told again."""
SENDERS = 20
"""Of how many different senders is told in that time; the others are counted together."""
LONGEST = 200
"""How many characters of a line may come from outside."""
OTHERS = "others"


class LimitedLog:
    """Tells what comes from somebody: the first time at once, and its number after a minute.

    Runs on the loop. However much happens, the log stays short.
    """

    def __init__(
        self, logger: logging.Logger, level: int, what: str, seconds: float = SECONDS
    ) -> None:
        """Prepare it.

        Args:
            logger: Where it is told.
            level: At which level.
            what: What happens, such as `Malformed HTTP`.
            seconds: The length of the minute.
        """
        self._logger = logger
        self._level = level
        self._what = what
        self._seconds = seconds
        self._more: dict[str, int] = {}
        """What was not told, by sender, for each of whom was told in this minute."""

    def tell(self, sender: str, text: str = "") -> None:
        """Log that it came from somebody, unless that was logged less than a minute ago.

        Args:
            sender: From whom.
            text: What there is to say about it.
        """
        if sender not in self._more and len(self._more) >= SENDERS:
            sender = OTHERS
        if sender in self._more:
            self._more[sender] += 1
            return
        if sender == OTHERS:
            self._more[sender] = 1
        else:
            self._more[sender] = 0
            self._log(sender, text)
        asyncio.get_running_loop().call_later(self._seconds, partial(self._count, sender))

    def _count(self, sender: str) -> None:
        if more := self._more.pop(sender):
            self._log(sender, f"{more} more in the last {self._seconds:g} s")

    def _log(self, sender: str, text: str) -> None:
        line = f"{self._what} from {sender}" + (f": {text}" if text else "")
        self._logger.log(self._level, "%s", line[:LONGEST])
