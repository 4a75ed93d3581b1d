"""pyppeteer's Connection over Chromium's own pipe. The protocol only; no process, no page.

pyppeteer's websocket connection dies of one failed handler and of one reply that nobody waits
for any more. This one contains the first, drops the second, and fails every pending call at
once when the browser ends. There is no port that another local user could connect to.

What comes is bounded: a message in its length, and a browser in the time that it takes of the loop.
"""

import asyncio
import json
import logging
import os
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from pyee import EventEmitter
from pyppeteer.connection import CDPSession, Connection
from pyppeteer.errors import NetworkError

from actors.browser.facts.share import Share

logger = logging.getLogger(__name__)

Params = dict[str, Any] | None
READ_SIZE = 1 << 16
"""What a pipe holds."""
TURN_SECONDS = 0.01
"""How long one browser's messages are read before it is another one's turn."""
FRAME_BYTES = 16_000_000
"""How long a message of the browser may be. The longest one that is asked for is a picture of the
page: 1280 times 900 points that cannot be compressed are 6.2 MB."""
EVIDENCE = 1_000
"""How many characters of an error are kept."""
OVERSIZED = "oversized"
"""Emitted by a connection when a message was too long. It is lost."""


class ConnectionLost(NetworkError):  # type: ignore[misc]
    """The browser or the page is gone, as opposed to: it answered with an error.

    Attributes:
        sent: Whether the call may have reached the browser before.
    """

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


class PipeSession(CDPSession):  # type: ignore[misc]
    """A session with one target, carried flat over the browser's connection."""

    def send(self, method: str, params: Params = None) -> Awaitable[Any]:
        """Call a method of the target; see `PipeConnection.request`."""
        if self._connection is None:
            return _lost(self._loop, f"{method}: the page is gone")
        reply: Awaitable[Any] = self._connection.request(method, params, self._sessionId)
        return reply

    def detached(self) -> None:
        """Take note that the target is gone, and tell whoever listens."""
        self._connection = None
        self.emit("detached")


class PipeConnection(Connection):  # type: ignore[misc]
    """A browser's connection over a pair of pipe ends, which it owns from now on.

    Everything runs on the loop that made it. Replies come as futures: giving one up harms
    nothing, and a reply that fails unseen is not complained about.
    """

    def __init__(self, reader: int, writer: int) -> None:
        # Connection's own constructor opens a websocket.
        EventEmitter.__init__(self)
        self._url = "pipe:"
        self._loop = asyncio.get_running_loop()
        self._lastId = 0
        self._connected = True
        self._sessions: dict[str, PipeSession] = {}
        self._closeCallback: Callable[[], None] | None = None
        self._pending: dict[int, tuple[str, str | None, asyncio.Future[Any]]] = {}
        self._reader, self._writer = reader, writer
        self._incoming, self._outgoing = bytearray(), bytearray()
        self._skipping = False
        """Whether what comes belongs to a message that is too long."""
        self._share = Share(self._loop.time)
        self._whole: deque[bytearray] = deque()
        self._turn: asyncio.TimerHandle | None = None
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)
        self._listen()

    @property
    def connected(self) -> bool:
        """Whether the pipe is open, as far as we know."""
        return self._connected

    def send(self, method: str, params: Params = None) -> asyncio.Future[Any]:
        """Call a method of the browser; see `request`."""
        return self.request(method, params)

    def request(
        self, method: str, params: Params = None, session_id: str | None = None
    ) -> asyncio.Future[Any]:
        """Call a method of the browser or, with a session's id, of its target.

        Returns:
            A future of the result. It fails with ConnectionLost when the browser is gone, and
            with pyppeteer's NetworkError when it answers with an error.
        """
        if not self._connected:
            return _lost(self._loop, f"{method}: the browser is gone")
        self._lastId += 1
        message: dict[str, Any] = {"id": self._lastId, "method": method, "params": params or {}}
        if session_id is not None:
            message["sessionId"] = session_id
        future = _unobserved(self._loop.create_future())
        self._pending[self._lastId] = (method, session_id, future)
        self._outgoing += json.dumps(message, allow_nan=False).encode() + b"\0"
        self._writable()
        return future

    async def createSession(self, targetInfo: dict[str, Any]) -> PipeSession:
        """Attach to a target."""
        target = {"targetId": targetInfo["targetId"], "flatten": True}
        session_id = (await self.request("Target.attachToTarget", target))["sessionId"]
        session = PipeSession(self, targetInfo["type"], session_id, self._loop)
        self._sessions[session_id] = session
        return session

    async def dispose(self) -> None:
        """Close the pipe, which ends the browser; see `close`."""
        self.close()

    def close(self) -> None:
        """Close the pipe's ends and fail what is pending. Chromium ends when its pipe closes."""
        if not self._connected:
            return
        self._connected = False
        self._whole.clear()
        if self._turn is not None:
            self._turn.cancel()
        self._loop.remove_reader(self._reader)
        self._loop.remove_writer(self._writer)
        os.close(self._reader)
        os.close(self._writer)
        pending, self._pending = self._pending, {}
        for method, _, future in pending.values():
            _fail(future, ConnectionLost(f"{method}: the browser is gone", sent=True))
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            self._contained("the end of a session", session.detached)
        if self._closeCallback is not None:
            self._contained("the end of the connection", self._closeCallback)

    def _writable(self) -> None:
        try:
            while self._outgoing:
                del self._outgoing[: os.write(self._writer, self._outgoing)]
        except BlockingIOError:
            self._loop.add_writer(self._writer, self._writable)
        except OSError:
            # Not at once: whoever sends holds a future that must not be failed under its hands.
            self._loop.call_soon(self.close)
        else:
            self._loop.remove_writer(self._writer)

    def _readable(self) -> None:
        try:
            data = os.read(self._reader, READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        end, *rest = data.split(b"\0")
        self._gather(end)
        for following in rest:
            if not self._skipping:
                self._whole.append(self._incoming)
            self._incoming, self._skipping = bytearray(), False
            self._gather(following)
        self._take_some(len(data))

    def _take_some(self, size: int = 0) -> None:
        """Read messages that are whole, for a moment; the rest follows when it is its turn again.

        Args:
            size: How many bytes came just now.
        """
        began = self._loop.time()
        while self._whole and self._connected and self._loop.time() - began < TURN_SECONDS:
            self._take(self._whole.popleft())
        pause = self._share.spend(self._loop.time() - began, size)
        if not self._connected:
            return
        if not self._whole and pause == 0:
            self._listen()
            return
        # What the browser has to say meanwhile waits in its own memory.
        self._loop.remove_reader(self._reader)
        self._turn = self._loop.call_later(pause, self._take_some)

    def _listen(self) -> None:
        self._turn = None
        self._loop.add_reader(self._reader, self._readable)

    def _gather(self, part: bytes) -> None:
        """Add a part of a message to what has come of it."""
        if self._skipping:
            return
        if len(self._incoming) + len(part) > FRAME_BYTES:
            self._incoming, self._skipping = bytearray(), True
            self._contained("a message that is too long", self.emit, OVERSIZED)
            return
        self._incoming += part

    def _take(self, frame: bytearray) -> None:
        """Read one message. One that cannot be read is lost alone: others came with it."""
        try:
            self._dispatch(json.loads(frame))
        except Exception:
            logger.exception("A message of the browser cannot be read")

    def _dispatch(self, message: dict[str, Any]) -> None:
        if "id" in message:
            self._reply(message)
            return
        method, params = message["method"], message.get("params", {})
        if method == "Target.detachedFromTarget":
            self._detached(params.get("sessionId"))
        session_id = message.get("sessionId")
        target = self if session_id is None else self._sessions.get(session_id)
        if target is not None:
            self._contained(method, target.emit, method, params)

    def _reply(self, message: dict[str, Any]) -> None:
        method, _, future = self._pending.pop(message["id"], ("", None, None))
        if future is None or future.done():
            return
        if error := message.get("error"):
            evidence = f"{error.get('message', '')} {error.get('data', '')}".strip()
            _fail(future, NetworkError(f"{method}: {evidence[:EVIDENCE]}"))
        else:
            future.set_result(message.get("result", {}))

    def _detached(self, session_id: str | None) -> None:
        """End a session, and with it the calls that its target will never answer."""
        session = self._sessions.pop(session_id or "", None)
        if session is None:
            return
        for ident, (method, owner, future) in list(self._pending.items()):
            if owner == session_id:
                del self._pending[ident]
                _fail(future, ConnectionLost(f"{method}: the page is gone", sent=True))
        self._contained("the end of a session", session.detached)

    def _contained(self, what: str, handler: Callable[..., Any], *args: Any) -> None:
        """Run a handler; its failure is its own, and the connection goes on."""
        try:
            handler(*args)
        except Exception:
            logger.exception("A handler of %s failed", what)


def _lost(loop: asyncio.AbstractEventLoop, message: str) -> asyncio.Future[Any]:
    future = _unobserved(loop.create_future())
    _fail(future, ConnectionLost(message, sent=False))
    return future


def _fail(future: asyncio.Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)


def _unobserved(future: asyncio.Future[Any]) -> asyncio.Future[Any]:
    """Keep asyncio from complaining about a failure that nobody looked at."""
    future.add_done_callback(lambda done: done.cancelled() or done.exception())
    return future
