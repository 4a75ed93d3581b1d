"""Whether the server starts, runs or stops, and what that means to requests. Not how it is done."""

import asyncio
import time
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.typedefs import Handler

from actors.errors import ShuttingDown
from api.problems import RETRY_AFTER_SECONDS, Unavailable

EVENT_STREAM = "text/event-stream"


@dataclass
class Lifetime:
    """From the start of the server to its stop."""

    started: float = field(default_factory=time.monotonic)
    open: bool = False
    """Whether all parts have been opened, so that requests can be served."""
    waits_for: str | None = None
    """Why the start waits for the database; nothing while it does not."""
    stopping: bool = False
    hurry: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when whoever stops the server does not want to wait for the browsers any longer."""

    @property
    def uptime(self) -> int:
        """Whole seconds since the start."""
        return int(time.monotonic() - self.started)

    @property
    def serving(self) -> bool:
        """Whether requests are served."""
        return self.open and not self.stopping

    def wait_for(self, reason: str | None) -> None:
        """Note why the start waits for the database, or that it does not any more."""
        self.waits_for = reason


LIFETIME = web.AppKey("LIFETIME", Lifetime)

WATCHED = ("/health", "/metrics")
"""The beginnings of the paths that tell how the server is, which matters most when it is not."""
PAGE = ("/dashboard/", "/login")
"""The beginnings of the paths of the page, which says in its own words what `/health` tells."""


@web.middleware
async def refuse_unless_open(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer 503 with Retry-After while the server starts or stops, but for `WATCHED` and the page.

    An `EventSource` would take that for the end, and is told when to come back instead.
    """
    lifetime = request.app[LIFETIME]
    if not lifetime.serving and request.headers.get("Accept") == EVENT_STREAM:
        return web.Response(
            text=f"retry: {1000 * RETRY_AFTER_SECONDS}\n\n", content_type=EVENT_STREAM
        )
    if request.path != "/" and not request.path.startswith(WATCHED + PAGE):
        if lifetime.stopping:
            raise ShuttingDown
        if not lifetime.open:
            raise Unavailable(lifetime.waits_for or "The server is starting.")
    return await handler(request)
