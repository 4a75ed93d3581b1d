"""Whether the server runs or stops, and what stopping means to requests. Not how it is stopped."""

import asyncio
import time
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.typedefs import Handler

from actors.errors import ShuttingDown


@dataclass
class Lifetime:
    """From the start of the server to its stop."""

    started: float = field(default_factory=time.monotonic)
    stopping: bool = False
    hurry: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when whoever stops the server does not want to wait for the browsers any longer."""

    @property
    def uptime(self) -> int:
        """Whole seconds since the start."""
        return int(time.monotonic() - self.started)


LIFETIME = web.AppKey("LIFETIME", Lifetime)


@web.middleware
async def refuse_while_stopping(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer 503 with Retry-After to all but the health checks, once the server is stopping."""
    if request.app[LIFETIME].stopping and not request.path.startswith("/health"):
        raise ShuttingDown
    return await handler(request)
