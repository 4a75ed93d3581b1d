"""Clients' connections: how many there may be, and how long they may take to write and to read.

What is said on them is aiohttp's to read. Whoever has shown the key goes before strangers.
"""

import asyncio
import logging
import socket
from http import HTTPStatus

from aiohttp import EMPTY_PAYLOAD, web
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong

from api.logs.limited import LimitedLog
from api.problems import MalformedRequest

HEAD_SECONDS = 10.0
"""How long the head of a request may take, and the silence before the first one."""
IDLE_SECONDS = 60.0
"""How long a connection may rest between two requests."""
UNREAD_SECONDS = 30.0
"""How long a client may read nothing of what waits for it."""
LINGER_SECONDS = 2.0
"""How long the rest of a body is taken, and thrown away, for the answer to be read before it."""
REQUEST_SECONDS = 2.0
"""How long requests under way may take once everything they could ask for has stopped."""
LOOK_SECONDS = 0.5
"""How often it is looked which connections take too long."""
STRANGERS = 16
"""So many without the key are let in however many have it: health checks are asked by strangers."""
QUEUE = 1024
"""How many clients may wait in the kernel until they are let in."""
AT_ONCE = 16
"""How many are let in before those are heard that came earlier; fewer where there is no room."""
SILENT_SECONDS = 1
"""How long the kernel keeps who says nothing: what comes in speaks, and is heard at once."""

TOO_LATE = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

logger = logging.getLogger(__name__)


class Connection(web.RequestHandler):
    """A connection of a client."""

    __slots__ = ("_began", "_head_since", "_unread", "_unread_since", "_wire", "door")

    def __init__(
        self, door: "HttpServer", server: web.Server, loop: asyncio.AbstractEventLoop
    ) -> None:
        super().__init__(
            server,
            loop=loop,
            # What aiohttp itself gives where there is to be none.
            access_log=None,  # type: ignore[arg-type]
            # Inflating a body of zeros takes seconds, which the loop has not.
            auto_decompress=False,
            keepalive_timeout=IDLE_SECONDS,
            lingering_time=LINGER_SECONDS,
        )
        self.door = door
        # Kept beside aiohttp's, which forgets it before the last bytes are read.
        self._wire: asyncio.Transport | None = None
        self._head_since: float | None = None
        self._began = False
        self._unread = 0
        self._unread_since = 0.0

    @property
    def rests(self) -> bool:
        """Whether no request is under way; its head may be."""
        return self._waiter is not None and not self._waiter.done()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; if there is no room, another one ends."""
        assert isinstance(transport, asyncio.Transport)
        self._wire = transport
        self._head_since = self._loop.time()
        super().connection_made(transport)
        self.door.entered(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        """End."""
        self.door.left(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what the client wrote, and see whether a request's head is whole."""
        self._began = self._began or bool(data)
        before = self._request_count
        super().data_received(data)
        if self._request_count > before:
            self._head_since = self._loop.time() if self._has_more_than_requests(data) else None
        elif data and self._head_since is None and self.rests:
            self._head_since = self._loop.time()

    def _has_more_than_requests(self, data: bytes) -> bool:
        """Return whether half a head follows the last request, as far as that can be known."""
        if self._upgraded or not self._messages or self._messages[-1][1] is not EMPTY_PAYLOAD:
            return False
        return not data.endswith(b"\n\r\n")

    def resume_writing(self) -> None:
        """Note that the client reads."""
        super().resume_writing()
        self._unread = 0

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is not HTTP, in one line of the log."""
        if not isinstance(exc, HttpProcessingError):
            return super().handle_error(request, status, exc, message)
        # What the parser quotes comes after its first line.
        reason = exc.message.partition("\n")[0].rstrip(":")
        self.door.malformed.tell(str(request.remote), reason)
        long = isinstance(exc, LineTooLong)
        answer = MalformedRequest(
            "A line of its head is too long." if long else "It is not HTTP as it should be."
        ).response()
        answer.force_close()
        return answer

    def close_if_late(self, now: float) -> None:
        """Close it if its client takes too long to write a head, or to read."""
        assert self._wire is not None
        unread = self._wire.get_write_buffer_size()
        if unread == 0 or unread < self._unread or self._unread == 0:
            self._unread_since = now
        self._unread = unread
        if now - self._unread_since > UNREAD_SECONDS:
            self._wire.abort()
        elif self.rests and self._head_since is not None and now - self._head_since > HEAD_SECONDS:
            if self._began:
                self._wire.write(TOO_LATE)
            self.force_close()

    def cut(self) -> None:
        """Close it at once, whatever is under way."""
        assert self._wire is not None
        self._wire.abort()


class HttpServer:
    """Where clients come in. Runs on the loop.

    When there is no room, strangers go first: nobody without the key can keep its owner out.
    """

    def __init__(self, app: web.Application, room: int) -> None:
        """Prepare it; nothing is open yet.

        Args:
            app: What answers.
            room: How many connections there may be at a time.
        """
        self._room = room
        self._runner = web.AppRunner(app, shutdown_timeout=REQUEST_SECONDS)
        self._listening: asyncio.Server | None = None
        self._look: asyncio.TimerHandle | None = None
        # Dictionaries, as these keep the order of coming.
        self._strangers: dict[Connection, None] = {}
        self._known: dict[Connection, None] = {}
        self._closed = LimitedLog(logger, logging.WARNING, "Closed connections")
        self.malformed = LimitedLog(logger, logging.INFO, "Malformed HTTP")

    async def open(self, listener: socket.socket) -> None:
        """Start the application and let clients in."""
        await self._runner.setup()
        server = self._runner.server
        assert server is not None
        loop = asyncio.get_running_loop()
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, SILENT_SECONDS)
        self._listening = await loop.create_server(
            lambda: Connection(self, server, loop),
            sock=listener,
            backlog=max(1, min(AT_ONCE, self._room // 8)),
        )
        # asyncio has but one number for both: how many wait, and how many come in at once.
        listener.listen(QUEUE)
        self._look_again()

    async def close(self) -> None:
        """Let nobody in any more, let requests under way end, and close the application."""
        if self._listening is not None:
            self._listening.close()
        await self._runner.cleanup()
        if self._look is not None:
            self._look.cancel()

    def entered(self, connection: Connection) -> None:
        """Let a connection in, and close another stranger's if there is no room."""
        self._strangers[connection] = None
        if len(self._strangers) <= max(self._room - len(self._known), STRANGERS):
            return
        self._closed.tell("clients without the key", f"there is room for {self._room} in all")
        # What a stranger may ask takes no time: the oldest one has had enough.
        least = next(iter(self._strangers))
        self.left(least)
        least.cut()

    def left(self, connection: Connection) -> None:
        """Forget a connection."""
        self._strangers.pop(connection, None)
        self._known.pop(connection, None)

    def know(self, connection: Connection) -> None:
        """Keep a connection, as its client has the key, unless others like it take all the room."""
        if connection in self._strangers and len(self._known) < self._room:
            del self._strangers[connection]
            self._known[connection] = None

    def _look_again(self) -> None:
        loop = asyncio.get_running_loop()
        self._look = loop.call_later(LOOK_SECONDS, self._look_again)
        for connection in [*self._strangers, *self._known]:
            connection.close_if_late(loop.time())


def know(request: web.Request) -> None:
    """Note that whoever sent this has the key, so that its connection is kept."""
    connection = request.protocol
    if isinstance(connection, Connection):
        connection.door.know(connection)
