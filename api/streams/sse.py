"""The stream as server-sent events, for `curl` and `EventSource`. What it tells is for `frames`.

Each event's `data` is the JSON that a websocket's client gets; its `id` is what `since` continues
after, and comes back as `Last-Event-ID` when the client connects again.
"""

import asyncio
import logging
import random
import re
from collections.abc import AsyncIterator

from aiohttp import web

from api.app_keys import FEED, SETTINGS
from api.lifetime import EVENT_STREAM
from api.metrics.metrics import METRICS
from api.metrics.streams import Drop, StreamInstruments, Transport
from api.problems import MalformedRequest
from api.streams.clients import CLIENTS
from api.streams.filters import read_stream_query
from api.streams.frames import Frame, frames
from api.validation.fields import MAX_ID
from common.tasks import abandon
from store.errors import DatabaseAway
from store.events.subscription import Subscription

SEND_SECONDS = 10.0
"""How long what is sent may wait for a client that does not read."""
RETRY_MS = (500, 1500)
"""How long a client is asked to wait before it connects again: not all of them equally long."""

logger = logging.getLogger(__name__)


class SseClient:
    """The client of one stream of server-sent events. Sending to it takes bounded time."""

    def __init__(
        self,
        response: web.StreamResponse,
        transport: asyncio.Transport,
        live: Subscription,
        instruments: StreamInstruments,
    ) -> None:
        self._response = response
        self._transport = transport
        self._live = live
        self._instruments = instruments

    async def send_all(self, told: AsyncIterator[Frame], ping_seconds: float) -> None:
        """Send frames until there are no more, or the client is too slow or gone."""
        try:
            retry = random.randint(*RETRY_MS)  # noqa: S311 - spreads load only
            await self._send(f"retry: {retry}\n\n")
            async for frame in _with_pings(told, ping_seconds):
                await self._send(frame)
        except (TimeoutError, ConnectionError) as error:
            # What a client does not read would keep the connection open for ever.
            self._transport.abort()
            if isinstance(error, TimeoutError):
                self._instruments.dropped(Drop.TOO_SLOW)
        except DatabaseAway as error:
            logger.debug("A stream ends, its client comes back: %s", error)
            self._instruments.dropped(Drop.STORE_AWAY)
        except Exception:
            # The answer has begun, so that it cannot become a problem.
            logger.exception("A stream failed")
            self._instruments.dropped(Drop.FAILED)
        else:
            if self._live.overflowed:
                self._instruments.dropped(Drop.TOO_SLOW)

    async def end(self) -> None:
        """End the answer. A client that does not even read its end is cut off."""
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await self._response.write_eof()
        except (TimeoutError, ConnectionError):
            self._transport.abort()

    async def say_goodbye(self) -> None:
        """End the stream; the client comes back by itself, to whatever server is there then."""
        self._live.close()

    async def _send(self, text: str) -> None:
        async with asyncio.timeout(SEND_SECONDS):
            await self._response.write(text.encode())


async def stream(request: web.Request) -> web.StreamResponse:
    """`GET /events?accounts=&types=&since=`: the stream, from event `since` if it is given.

    `Last-Event-ID` goes before `since`: a client that connects again asks for the same address.
    """
    query = await read_stream_query(request)
    since = _last_event_id(request)
    if since is not None:
        query = query.model_copy(update={"since": since})
    settings = request.app[SETTINGS]
    response = web.StreamResponse(
        headers={
            "Content-Type": EVENT_STREAM,
            "Cache-Control": "no-store",
            # Else nginx keeps events until it has some kilobytes of them.
            "X-Accel-Buffering": "no",
        }
    )
    # Subscribed before the log is read, so that nothing falls between the two.
    async with request.app[FEED].subscribe(
        max_queue=settings.websocket_queue, accounts=query.accounts, types=query.types
    ) as live:
        await response.prepare(request)
        assert request.transport is not None
        instruments = request.app[METRICS].streams
        listener = SseClient(response, request.transport, live, instruments)
        request.app[CLIENTS].add(listener)
        try:
            with instruments.client(Transport.SSE):
                await listener.send_all(
                    frames(request.app, query, live), settings.websocket_ping_seconds
                )
                await listener.end()
        finally:
            request.app[CLIENTS].discard(listener)
    return response


async def _with_pings(told: AsyncIterator[Frame], every: float) -> AsyncIterator[str]:
    """Write frames as server-sent events, and comments while there are none."""
    waiting = asyncio.ensure_future(anext(told, None))
    try:
        while True:
            await asyncio.wait({waiting}, timeout=every)
            if not waiting.done():
                # Only writing notices that a client is gone.
                yield ": ping\n\n"
                continue
            frame = waiting.result()
            if frame is None:
                return
            yield _written(frame)
            waiting = asyncio.ensure_future(anext(told, None))
    finally:
        await abandon(waiting)


def _written(frame: Frame) -> str:
    resume = "" if frame.id is None else f"id: {frame.id}\n"
    return f"{resume}event: {frame.type}\ndata: {frame.text}\n\n"


def _last_event_id(request: web.Request) -> int | None:
    text = request.headers.get("Last-Event-ID", "")
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,19}", text) or int(text) > MAX_ID:
        raise MalformedRequest("Last-Event-ID must be the id of an event.")
    return int(text)
