"""The stream over a websocket: hello, snapshot, what was missed, then what happens.

Everything sent is a JSON object with `type` and `data`. Nothing a client sends has a meaning.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

from aiohttp import WSCloseCode, web

from api.accounts import present
from api.keys import BUS, MANAGER, SETTINGS
from api.schemas import PairingCode, Qr, SnapshotAccount, StreamQuery, read_query
from store import accounts, events
from store.bus import Subscription
from store.errors import DatabaseAway
from store.events import Event, timestamp

REPLAY_PAGE = 500
SEND_SECONDS = 10.0
"""How long one frame may wait for a client that does not read."""
CLOSE_SECONDS = 2.0
"""How long a client has to answer the close."""


logger = logging.getLogger(__name__)


class Listener:
    """The client of one websocket. Neither sending to it nor closing it takes unbounded time."""

    def __init__(self, socket: web.WebSocketResponse, transport: asyncio.Transport) -> None:
        self._socket = socket
        self._transport = transport

    async def send_all(self, frames: AsyncIterator[str], live: Subscription) -> None:
        """Send frames until there are no more, or the client is too slow; then close."""
        try:
            async for frame in frames:
                async with asyncio.timeout(SEND_SECONDS):
                    await self._socket.send_str(frame)
            too_slow = live.overflowed
        except TimeoutError:
            too_slow = True
        except ConnectionError:
            return
        except DatabaseAway:
            await self.close(WSCloseCode.TRY_AGAIN_LATER, "the database is away; come back")
            return
        except Exception:
            logger.exception("A stream failed")
            await self.close(WSCloseCode.INTERNAL_ERROR, "the server failed")
            return
        if too_slow:
            await self.close(WSCloseCode.TRY_AGAIN_LATER, "too slow; come back with since")
        else:
            await self.close(WSCloseCode.GOING_AWAY, "the server is shutting down")

    async def close(self, code: WSCloseCode, reason: str) -> None:
        """Say why, and close the connection, whether or not the client answers."""
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._socket.close(code=code, message=reason.encode())
        except (TimeoutError, ConnectionError):
            logger.debug("A websocket's client did not answer the close")
        finally:
            # What a client does not read would keep the connection open for ever.
            self._transport.abort()


LISTENERS = web.AppKey("LISTENERS", set[Listener])


async def stream(request: web.Request) -> web.WebSocketResponse:
    """`GET /ws?accounts=&types=&since=`: the stream, from event `since` if it is given.

    A client that reads too slowly is closed with 1013 and comes back with `since`.
    """
    query = read_query(request, StreamQuery)
    settings = request.app[SETTINGS]
    socket = web.WebSocketResponse(
        heartbeat=settings.websocket_ping_seconds,
        timeout=CLOSE_SECONDS,
        max_msg_size=4096,
        compress=False,
    )
    # Subscribed before the log is read, so that nothing falls between the two.
    async with request.app[BUS].subscribe(
        max_queue=settings.websocket_queue, accounts=query.accounts, types=query.types
    ) as live:
        await socket.prepare(request)
        assert request.transport is not None
        listener = Listener(socket, request.transport)
        request.app[LISTENERS].add(listener)
        frames = _frames(request.app, query, live)
        writer = asyncio.create_task(listener.send_all(frames, live))
        try:
            # Nothing is expected, but only a reader notices that the client is gone.
            async for _ in socket:
                pass
        finally:
            request.app[LISTENERS].discard(listener)
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
    return socket


async def close_streams(app: web.Application) -> None:
    """Tell every client that the server goes away (1001)."""
    reason = "the server is shutting down"
    listeners = app[LISTENERS].copy()
    await asyncio.gather(*(each.close(WSCloseCode.GOING_AWAY, reason) for each in listeners))


async def _frames(
    app: web.Application, query: StreamQuery, live: Subscription
) -> AsyncIterator[str]:
    newest = await events.newest_id()
    yield _frame("hello", {"newest": newest})
    yield _frame("snapshot", {"accounts": await _snapshot(app, query.accounts)})
    last = newest
    if query.since is not None:
        if await _has_gap(query.since, newest):
            oldest = await events.oldest_id()
            yield _frame("gap", {"since": query.since, "oldest": oldest, "newest": newest})
        # Ids beyond the newest come from another log, such as one before a restored backup.
        last = min(query.since, newest)
        async for missed in _missed(last, query):
            yield json.dumps(missed.as_json())
            assert missed.id is not None
            last = missed.id
    async for event in live:
        if event.id is None or event.id > last:
            yield json.dumps(event.as_json())


async def _has_gap(since: int, newest: int) -> bool:
    oldest = await events.oldest_id()
    return since > newest or (oldest is not None and since < oldest - 1)


async def _missed(since: int, query: StreamQuery) -> AsyncIterator[Event]:
    """Read the log to its end, also what is written meanwhile."""
    while True:
        page = await events.after(since, REPLAY_PAGE, query.accounts, query.types)
        for event in page:
            yield event
        if len(page) < REPLAY_PAGE:
            return
        assert page[-1].id is not None
        since = page[-1].id


async def _snapshot(app: web.Application, only: frozenset[str] | None) -> list[dict[str, Any]]:
    """Show every account, with the codes on its page: they are in no log."""
    shown = []
    for row in await accounts.all_rows():
        if only is not None and row.id not in only:
            continue
        view = app[MANAGER].view(row.id)
        account = SnapshotAccount(
            **present(row, view).model_dump(),
            qr=Qr.shown(view.qr) if view and view.qr else None,
            pairing_code=PairingCode.shown(view.pairing) if view and view.pairing else None,
        )
        shown.append(account.model_dump(mode="json", by_alias=True))
    return shown


def _frame(type_: str, data: Mapping[str, Any]) -> str:
    return json.dumps({"type": type_, "at": timestamp(datetime.now(UTC)), "data": data})
