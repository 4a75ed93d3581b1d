"""`GET /metrics`: the server in figures for Prometheus, collected anew for each request.

All of it comes from memory. The only label that grows is `account`, and only accounts that this
server knows now have one; what was measured of a deleted account is gone with it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from actors.memory import server_memory
from actors.resources import Usage
from actors.view import View
from api.keys import BUS, MANAGER, RECORDER
from api.lifetime import LIFETIME
from store.status import Status

MB = 1 << 20


async def metrics(request: web.Request) -> web.Response:
    """`GET /metrics`: figures in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(_AppCollector(request.app))
    return web.Response(
        body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
    )


class _AppCollector(Collector):
    """Reads what the application's parts show."""

    def __init__(self, app: web.Application) -> None:
        self._app = app

    def collect(self) -> Iterator[Metric]:
        views = self._app[MANAGER].views()
        yield _accounts(views)
        needy = sum(view.needs_human for view in views)
        yield _gauge("wa_accounts_need_human", "Accounts that need a human.", needy)
        yield _restarts(views)
        yield from self._resources()
        yield from self._starts()
        yield from self._events()
        yield _gauge("wa_uptime_seconds", "Time since the start.", self._app[LIFETIME].uptime)

    def _resources(self) -> Iterator[Metric]:
        memory = server_memory()
        yield _gauge("wa_server_memory_bytes", "The server process's RSS.", memory.rss * MB)
        figures = self._app[MANAGER].figures
        if figures is None:
            return
        server = figures.sample.server
        yield _counter("wa_server_cpu_seconds", "The server process's time.", server.cpu_seconds)
        yield _gauge("wa_server_threads", "The server process's threads.", server.threads)
        yield _gauge("wa_disk_free_bytes", "Room for profiles.", figures.disk.free_mb * MB)
        yield from _browsers(figures.sample.accounts.items())

    def _starts(self) -> Iterator[Metric]:
        starts = self._app[MANAGER].starts
        yield _gauge("wa_starts_waiting", "Accounts in the start queue.", starts.waiting)
        yield _gauge("wa_starts_under_way", "Browsers that are starting.", starts.under_way)

    def _events(self) -> Iterator[Metric]:
        recorder, bus = self._app[RECORDER], self._app[BUS].state
        yield _counter("wa_events_recorded", "Events written to the log.", recorder.recorded)
        yield _counter("wa_events_lost", "Events given up.", recorder.lost)
        yield _gauge("wa_events_pending", "Events that wait to be written.", recorder.pending)
        yield _gauge("wa_store_up", "Whether the database takes events.", recorder.healthy)
        yield _gauge("wa_bus_up", "Whether events are published.", bus.ok)


def _accounts(views: Iterable[View]) -> Metric:
    counted = Counter(view.status for view in views)
    family = GaugeMetricFamily("wa_accounts", "Accounts by status.", labels=["status"])
    for status in Status:
        family.add_metric([status.value], counted[status])
    return family


def _restarts(views: Iterable[View]) -> Metric:
    family = CounterMetricFamily(
        "wa_account_restarts", "Restarts of an account's browser by the server.", labels=["account"]
    )
    for view in views:
        family.add_metric([view.account_id], view.restarts)
    return family


def _browsers(accounts: Iterable[tuple[str, Usage]]) -> Iterator[Metric]:
    label = ["account"]
    memory = GaugeMetricFamily("wa_account_memory_bytes", "Its browser's PSS.", labels=label)
    cpu = CounterMetricFamily("wa_account_cpu_seconds", "Its browser's time.", labels=label)
    processes = GaugeMetricFamily("wa_account_processes", "Its browser's processes.", labels=label)
    threads = GaugeMetricFamily("wa_account_threads", "Its browser's threads.", labels=label)
    for account_id, usage in accounts:
        memory.add_metric([account_id], usage.pss_mb * MB)
        cpu.add_metric([account_id], usage.cpu_seconds)
        processes.add_metric([account_id], usage.processes)
        threads.add_metric([account_id], usage.threads)
    return iter((memory, cpu, processes, threads))


def _gauge(name: str, help_: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help_, value=value)


def _counter(name: str, help_: str, value: float) -> Metric:
    return CounterMetricFamily(name, help_, value=value)
