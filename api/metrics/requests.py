"""How long HTTP requests take until their answer begins, by route. What is asked never shows.

A stream lasts for hours, but its answer begins as soon as any other's: that is what counts.
"""

import time

from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import CollectorRegistry, Histogram

OTHER = "other"
"""Stands for every path that is no route, and for every method that no route has."""
METHODS = frozenset({"DELETE", "GET", "HEAD", "PATCH", "POST"})
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
"""Seconds: a list takes milliseconds, a deletion as long as the account's browser to close."""

_BEGAN = web.RequestKey("_BEGAN", float)


class RequestInstruments:
    """Times requests: `begin` is to be the first middleware, `end` to hear of each answer."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._durations = Histogram(
            "wa_http_request_duration_seconds",
            "Time until the answer began, by method, route and class of status.",
            ["method", "route", "status"],
            buckets=BUCKETS,
            registry=registry,
        )

    @web.middleware
    async def begin(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Take the time before anything else is done."""
        request[_BEGAN] = time.perf_counter()
        return await handler(request)

    async def end(self, request: web.Request, response: web.StreamResponse) -> None:
        """Keep how long it took until this answer; for `on_response_prepare`."""
        if _BEGAN not in request:
            return
        method = request.method if request.method in METHODS else OTHER
        status = f"{response.status // 100}xx"
        seconds = time.perf_counter() - request[_BEGAN]
        self._durations.labels(method, _route(request), status).observe(seconds)


def _route(request: web.Request) -> str:
    """Return the path as the table of routes has it."""
    resource = request.match_info.route.resource
    return OTHER if resource is None else resource.canonical
