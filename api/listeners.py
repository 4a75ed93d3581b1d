"""Who follows the stream now, by websocket or server-sent events, and their common end."""

import asyncio
from typing import Protocol

from aiohttp import web


class Listener(Protocol):
    """A client of the stream."""

    async def say_goodbye(self) -> None:
        """Tell the client that the server goes away, and end its connection in bounded time."""


LISTENERS = web.AppKey("LISTENERS", set[Listener])


async def close_streams(app: web.Application) -> None:
    """Tell every client that the server goes away."""
    await asyncio.gather(*(listener.say_goodbye() for listener in app[LISTENERS].copy()))
