"""Who follows the stream now, by websocket or server-sent events, and their common end."""

import asyncio
import logging
from typing import Protocol

from aiohttp import web


class StreamClient(Protocol):
    """A client of the stream."""

    async def say_goodbye(self) -> None:
        """Tell the client that the server goes away, and end its connection in bounded time."""


logger = logging.getLogger(__name__)

CLIENTS = web.AppKey("CLIENTS", set[StreamClient])


async def close_streams(app: web.Application) -> None:
    """Tell every client that the server goes away."""
    goodbyes = [listener.say_goodbye() for listener in app[CLIENTS]]
    for outcome in await asyncio.gather(*goodbyes, return_exceptions=True):
        # Browsers have to be closed after this, whatever becomes of a client.
        if isinstance(outcome, Exception):
            logger.error("A stream could not be closed", exc_info=outcome)
