"""All figures of one application, and `GET /metrics`, which shows them."""

from aiohttp import web
from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder

from api.lifetime import LIFETIME
from api.metrics.accounts import AccountInstruments
from api.metrics.collectors import AppCollector
from api.metrics.requests import RequestInstruments
from api.metrics.streams import StreamInstruments


class Metrics:
    """The instruments of one application and the registry that holds them; none is shared.

    Args:
        app: The application, with its lifetime. Its other parts are looked for when it is asked.
        restore_window: See `AccountInstruments`, in seconds.
    """

    def __init__(self, app: web.Application, restore_window: float) -> None:
        self.registry = CollectorRegistry()
        self.accounts = AccountInstruments(self.registry, app[LIFETIME].started, restore_window)
        self.requests = RequestInstruments(self.registry)
        self.streams = StreamInstruments(self.registry)
        self.registry.register(AppCollector(app))
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)


METRICS = web.AppKey("METRICS", Metrics)


async def metrics(request: web.Request) -> web.Response:
    """`GET /metrics`: figures in Prometheus' text format, or in OpenMetrics' if it is accepted."""
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    body = encode(request.app[METRICS].registry)
    return web.Response(body=body, headers={"Content-Type": content_type})
