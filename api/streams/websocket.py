"""The stream over a websocket. What it tells is for `frames`.

Everything sent is a JSON object with `type` and `data`. Nothing a client sends has a meaning.
"""

import asyncio
import logging
from collections.abc import AsyncIterator

from aiohttp import WSCloseCode, web

from api.app_keys import FEED, SETTINGS
from api.metrics.metrics import METRICS
from api.metrics.streams import Drop, StreamInstruments, Transport
from api.streams.clients import CLIENTS
from api.streams.filters import read_stream_query
from api.streams.frames import Frame, frames
from common.tasks import abandon
from store.errors import DatabaseAway
from store.events.subscription import Subscription

SEND_SECONDS = 10.0
"""How long one frame may wait for a client that does not read."""
ROOM = 32_000
"""So long a frame is sent without waiting when none waits before it: asyncio takes 64 KiB."""
CLOSE_SECONDS = 2.0
"""How long a client has to answer the close."""

logger = logging.getLogger(__name__)


class WebsocketClient:
    """The client of one websocket. Neither sending to it nor closing it takes unbounded time."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport,
        instruments: StreamInstruments,
    ) -> None:
        self._socket = socket
        self._transport = transport
        self._instruments = instruments

    async def send_all(self, told: AsyncIterator[Frame], live: Subscription) -> None:
        """Send frames until there are no more, or the client is too slow; then close."""
        try:
            async for frame in told:
                await self._send(frame.text)
            too_slow = live.overflowed
        except TimeoutError:
            too_slow = True
        except ConnectionError:
            return
        except DatabaseAway:
            self._instruments.dropped(Drop.STORE_AWAY)
            await self._close(WSCloseCode.TRY_AGAIN_LATER, "the database is away; come back")
            return
        except Exception:
            logger.exception("A stream failed")
            self._instruments.dropped(Drop.FAILED)
            await self._close(WSCloseCode.INTERNAL_ERROR, "the server failed")
            return
        if too_slow:
            self._instruments.dropped(Drop.TOO_SLOW)
            await self._close(WSCloseCode.TRY_AGAIN_LATER, "too slow; come back with since")
        else:
            await self.say_goodbye()

    async def _send(self, text: str) -> None:
        if len(text) < ROOM and self._transport.get_write_buffer_size() == 0:
            # A timeout for nothing would take half as long as the sending.
            await self._socket.send_str(text)
            return
        async with asyncio.timeout(SEND_SECONDS):
            await self._socket.send_str(text)

    async def say_goodbye(self) -> None:
        """Close with 1001: the server goes away."""
        await self._close(WSCloseCode.GOING_AWAY, "the server is shutting down")

    async def _close(self, code: WSCloseCode, reason: str) -> None:
        """Say why, and close the connection, whether or not the client answers."""
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._socket.close(code=code, message=reason.encode())
        except (TimeoutError, ConnectionError):
            logger.debug("A websocket's client did not answer the close")
        finally:
            # What a client does not read would keep the connection open for ever.
            self._transport.abort()


async def stream(request: web.Request) -> web.WebSocketResponse:
    """`GET /ws?accounts=&types=&since=`: the stream, from event `since` if it is given.

    A client that reads too slowly is closed with 1013 and comes back with `since`.
    """
    query = await read_stream_query(request)
    settings = request.app[SETTINGS]
    socket = web.WebSocketResponse(
        heartbeat=settings.websocket_ping_seconds,
        timeout=CLOSE_SECONDS,
        max_msg_size=4096,
        compress=False,
    )
    # Subscribed before the log is read, so that nothing falls between the two.
    async with request.app[FEED].subscribe(
        max_queue=settings.websocket_queue, accounts=query.accounts, types=query.types
    ) as live:
        await socket.prepare(request)
        assert request.transport is not None
        instruments = request.app[METRICS].streams
        listener = WebsocketClient(socket, request.transport, instruments)
        request.app[CLIENTS].add(listener)
        writer = asyncio.create_task(listener.send_all(frames(request.app, query, live), live))
        try:
            with instruments.client(Transport.WEBSOCKET):
                # Nothing is expected, but only a reader notices that the client is gone.
                async for _ in socket:
                    pass
        finally:
            request.app[CLIENTS].discard(listener)
            await abandon(writer)
    return socket
