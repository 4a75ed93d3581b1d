"""The stream of a wa-manager server, as an asynchronous iterator that comes back by itself.

It needs nothing but aiohttp: copy this file into your project.

    async with EventStream("http://127.0.0.1:5001", key, since=load(), save=save) as stream:
        async for item in stream:
            ...

What was given counts as processed when the next is asked for, and only then is its id saved. A
consumer that crashes in between is given it again: every recorded event comes at least once, in the
order of the log. `(account_id, seq)` tells what a consumer has had before it crashed.

StreamError
  Refused       the server does not serve this; trying again is of no use
  Malformed     the server sent what this cannot read
"""

import asyncio
import json
import logging
import random
import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import aiohttp

CONNECT_SECONDS = 15.0
"""How long a server has to answer, and to say hello."""
CLOSE_SECONDS = 2.0
"""How long a server has to answer the close of a connection."""
FIRST_DELAY, LONGEST_DELAY = 0.5, 30.0
"""Seconds before another try; they double with each that fails."""
LONGEST_RETRY_AFTER = 300.0
"""The longest that a server's Retry-After is taken at its word, in seconds."""
TEMPORARY = frozenset({408, 425, 429})
"""The refusals that pass by themselves, beside all from 500 on (RFC 9110, 8470, 6585)."""

logger = logging.getLogger(__name__)


class StreamError(Exception):
    """The stream cannot go on."""


class Refused(StreamError):
    """The server does not serve this; `status` is 401 for a wrong key, 400 for a wrong filter."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"HTTP {status}: {reason}" if reason else f"HTTP {status}")
        self.status = status


class Malformed(StreamError):
    """The server sent what this cannot read. Asked for the next item, the stream skips it."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to an account. There will be more types than there are now."""

    type: str
    account_id: str
    at: datetime
    data: Mapping[str, Any]
    seq: int | None = None
    """Counts the account's events without a gap; nothing where the event is in no log."""
    id: int | None = None
    """Orders the events of all accounts; nothing where the event is in no log."""

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Take an event as the server shows it.

        Raises:
            Malformed: It is not an event.
        """
        try:
            return cls(
                type=str(value["type"]),
                account_id=str(value["accountId"]),
                at=datetime.fromisoformat(value["at"]),
                data=dict(value["data"]),
                seq=int(value["seq"]) if "seq" in value else None,
                id=int(value["id"]) if "id" in value else None,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise Malformed(f"not an event: {error!r}") from error


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All accounts as they are. It comes with each connection; older events may follow it."""

    at: datetime
    accounts: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Gap:
    """Events that nobody can tell any more: the log was trimmed, or another one took its place."""

    at: datetime
    since: int
    """The last event that was told before."""
    oldest: int | None
    """The oldest event that there is."""
    newest: int

    @property
    def resume(self) -> int:
        """The id after which the stream goes on."""
        if self.oldest is None:
            return self.newest
        return min(max(self.since, self.oldest - 1), self.newest)


@dataclass(frozen=True, slots=True)
class Notice:
    """Something else that the server tells of itself."""

    type: str
    at: datetime
    data: Mapping[str, Any]


Item = Event | Snapshot | Gap | Notice


class Away(Exception):
    """The server cannot be reached, or asks for `seconds` of patience."""

    def __init__(self, reason: str, retry_after: str | None = None) -> None:
        super().__init__(reason)
        asked = re.fullmatch("[0-9]+", retry_after or "0")
        self.seconds = min(float(asked[0]), LONGEST_RETRY_AFTER) if asked else 0.0


class Backoff:
    """How long to wait before another try: longer each time, and not the same for all clients."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin again: a try went well."""
        self._delay = FIRST_DELAY

    def next(self, at_least: float = 0.0) -> float:
        """Return the seconds to wait now, and at least so many."""
        delay, self._delay = self._delay, min(2 * self._delay, LONGEST_DELAY)
        return at_least + delay * random.uniform(0.5, 1)  # noqa: S311 - no secret


class EventStream:
    """An asynchronous iterator over a server's stream, for one reader; a context manager ends it.

    It connects when the first item is asked for, and again whenever it loses the connection. A
    reader that is slower than the stream loses only what is in no log: the server cuts it off, and
    it comes back for the rest.

    Args:
        url: Where the server is, such as `http://127.0.0.1:5001`.
        key: Its API key.
        since: The last event that was processed, 0 for all there are, or nothing to begin now.
        accounts: Only these accounts.
        types: Only events of these types.
        save: Called with the id after which to go on, each time it has changed. What it raises
            comes out of the iteration, and the same id is saved again before the next item.
        heartbeat: Seconds of silence after which the server is asked whether it is there. It has
            half as long to answer.
        session: The session to connect with, which stays open; one of its own if there is none.

    Raises:
        ValueError: The url is not one of a server.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        since: int | None = None,
        accounts: Collection[str] | None = None,
        types: Collection[str] | None = None,
        save: Callable[[int], Awaitable[None]] | None = None,
        heartbeat: float = 20.0,
        session: aiohttp.ClientSession | None = None,
    ) -> None:
        self._address = address(url, "/ws")
        self._headers = {"X-Api-Key": key}
        self._position = since
        self._filters = _filters(accounts=accounts, types=types)
        self._save = save
        self._heartbeat = heartbeat
        self._session = session
        self._owns_session = session is None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._given: Item | None = None
        self._last_seq: dict[str, int] = {}
        self._backoff = Backoff()
        self._closing = asyncio.Event()

    @property
    def position(self) -> int | None:
        """The id up to which all is processed; nothing before the first connection."""
        return self._position

    async def aclose(self) -> None:
        """End the stream and close its connection; a reader that waits for an item is told."""
        self._closing.set()
        await self._disconnect()
        if self._owns_session and self._session is not None:
            await self._session.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Item:
        """Return the next item; the one before it is processed by now.

        Raises:
            Refused: The server does not serve this stream.
            Malformed: It sent what this cannot read.
            aiohttp.ClientConnectorCertificateError: Its certificate is not to be trusted.
        """
        await self._note_processed()
        while not self._closing.is_set():
            try:
                if self._socket is None:
                    self._socket, self._given = await self._connect()
                    await self._note_processed()
                    continue
                item = await _receive(self._socket)
            except Away as away:
                await self._rest(away)
                continue
            self._backoff.reset()
            if not self._is_double(item):
                self._given = item
                return item
        await self._disconnect()
        raise StopAsyncIteration

    async def _note_processed(self) -> None:
        match self._given:
            case Notice("hello", data={"newest": int(newest)}) if self._position is None:
                await self._move(newest)
            case Event(id=int(id_), seq=int(seq), account_id=account_id):
                await self._move(max(id_, self._position or 0))
                self._last_seq[account_id] = seq
            case Gap() as gap:
                await self._move(gap.resume)

    async def _move(self, position: int) -> None:
        if position != self._position and self._save is not None:
            await self._save(position)
        self._position = position

    def _is_double(self, item: Item) -> bool:
        """Return whether an event was had before. In a log that began anew, old numbers are new."""
        match item, self._position:
            case Event(id=int(id_), seq=int(seq), account_id=account_id), int(position):
                return id_ <= position and seq <= self._last_seq.get(account_id, 0)
        return False

    async def _connect(self) -> tuple[aiohttp.ClientWebSocketResponse, Notice]:
        """Open a connection and hear the server's hello.

        Raises:
            Away: There is no server, or it has no time.
        """
        if self._session is None:
            self._session = aiohttp.ClientSession()
        try:
            async with asyncio.timeout(CONNECT_SECONDS), AsyncExitStack() as opened:
                opening = self._session.ws_connect(
                    self._address,
                    params=self._query(),
                    headers=self._headers,
                    heartbeat=self._heartbeat,
                    timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_SECONDS),
                    # The snapshot grows with the accounts.
                    max_msg_size=0,
                )
                socket = await opened.enter_async_context(opening)
                hello = _hello(await _receive(socket))
                opened.pop_all()
        except aiohttp.WSServerHandshakeError as error:
            if not is_temporary(error.status):
                reason = await self._reason(self._session, error.status)
                raise Refused(error.status, reason) from None
            wait = error.headers.get("Retry-After") if error.headers else None
            raise Away(f"HTTP {error.status}", wait) from None
        except aiohttp.ClientConnectorCertificateError:
            raise
        except (aiohttp.ClientError, OSError) as error:
            raise Away(str(error) or type(error).__name__) from error
        return socket, hello

    async def _rest(self, away: Away) -> None:
        """Wait until it is time for another connection, or the stream is closed."""
        await self._disconnect()
        if self._closing.is_set():
            return
        seconds = self._backoff.next(away.seconds)
        logger.info("No stream (%s), trying again in %.1f s", away, seconds)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closing.wait()

    async def _disconnect(self) -> None:
        socket, self._socket = self._socket, None
        if socket is not None:
            await socket.close()

    async def _reason(self, session: aiohttp.ClientSession, status: int) -> str:
        """Ask again without a websocket: only that answer says why it is refused."""
        request = session.get(self._address, params=self._query(), headers=self._headers)
        with suppress(aiohttp.ClientError, OSError):
            async with asyncio.timeout(CONNECT_SECONDS), request as response:
                return await explanation(response) if response.status == status else ""
        return ""

    def _query(self) -> dict[str, str]:
        since = {} if self._position is None else {"since": str(self._position)}
        return {**self._filters, **since}


async def _receive(socket: aiohttp.ClientWebSocketResponse) -> Item:
    message = await socket.receive()
    if message.type is aiohttp.WSMsgType.TEXT:
        return _read(message.data)
    if message.type is aiohttp.WSMsgType.BINARY:
        raise Malformed("the server sent what is not text")
    raise Away(f"closed with {socket.close_code}")


def _hello(first: Item) -> Notice:
    match first:
        case Notice("hello", data={"newest": int()}):
            return first
    raise Malformed("the server did not say hello first")


def _read(text: str) -> Item:
    try:
        value = json.loads(text)
        if "accountId" in value:
            return Event.from_json(value)
        type_, at, data = str(value["type"]), datetime.fromisoformat(value["at"]), value["data"]
        match type_:
            case "snapshot":
                return Snapshot(at, tuple(map(dict, data["accounts"])))
            case "gap":
                return Gap(at, int(data["since"]), data["oldest"], int(data["newest"]))
            case _:
                return Notice(type_, at, dict(data))
    except (KeyError, TypeError, ValueError) as error:
        raise Malformed(f"not a message of the stream: {error!r}") from error


def address(url: str, path: str) -> str:
    """Return the address of a path at a server; a ValueError says that the url is not one."""
    if not re.fullmatch(r"https?://[^/?#]+(/[^?#]*)?", url):
        raise ValueError(f"the url of a server looks like http://127.0.0.1:5001, not like {url!r}")
    return url.rstrip("/") + path


def is_temporary(status: int) -> bool:
    """Return whether an answer is no refusal, but passes by itself."""
    return status in TEMPORARY or status >= 500


async def explanation(response: aiohttp.ClientResponse) -> str:
    """Return in one line what an answer says is wrong (RFC 9457), as far as it does."""
    with suppress(ValueError):
        match await response.json(content_type=None):
            case {"errors": [{"field": field, "message": message}, *_]}:
                return f"{field}: {message}"
            case {"detail": str(text)} | {"title": str(text)}:
                return text
    return ""


def _filters(**filters: Collection[str] | None) -> dict[str, str]:
    given = {name: values for name, values in filters.items() if values is not None}
    if any(isinstance(values, str) for values in given.values()):
        raise TypeError("accounts and types are collections, not strings")
    return {name: ",".join(values) for name, values in given.items()}
