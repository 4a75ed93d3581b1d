"""What is, as opposed to what happened: read from the application's parts when it is asked for.

All of it comes from memory, also while the server starts or stops.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from aiohttp import web
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from actors.account.view import View
from actors.monitor.memory import available_mb
from actors.monitor.sampler import Usage
from api.app_keys import BUS, MANAGER, RECORDER, SETTINGS
from api.lifetime import LIFETIME
from store.status import Desired, Status

MB = 1 << 20


class AppCollector(Collector):
    """Reads what the application's parts show. Used on the loop."""

    def __init__(self, app: web.Application) -> None:
        self._app = app

    def collect(self) -> Iterator[Metric]:
        """Tell everything there is to tell by now."""
        serving = self._app[LIFETIME].serving
        yield _gauge("wa_serving", "Whether requests are served; 0 at start and stop.", serving)
        yield from self._memory()
        yield from self._events()
        views = self._app[MANAGER].views()
        yield from _accounts(views)
        yield from _each_account(views)
        yield from self._starts()
        yield from self._measured({view.account_id for view in views})

    def _memory(self) -> Iterator[Metric]:
        needed = self._app[SETTINGS].start_memory_mb * MB
        yield _gauge(
            "wa_memory_available_bytes",
            "What can still be taken, of the machine or of the nearest limit.",
            available_mb() * MB,
        )
        yield _gauge("wa_memory_needed_bytes", "What a browser must find free to start.", needed)

    def _events(self) -> Iterator[Metric]:
        recorder, bus = self._app[RECORDER], self._app[BUS].state
        yield _counter("wa_events_recorded", "Events written to the log.", recorder.recorded)
        yield _counter("wa_events_lost", "Events given up: refused, or no room.", recorder.lost)
        yield _gauge("wa_events_pending", "Events that wait to be written.", recorder.pending)
        yield _gauge(
            "wa_events_oldest_pending_seconds",
            "How long the first of them has been waiting; 0 if none is.",
            recorder.oldest_pending_seconds,
        )
        waits_for, trouble = self._app[LIFETIME].waits_for, self._app[MANAGER].trouble
        store_up = recorder.healthy and waits_for is None and trouble is None
        yield _gauge("wa_store_up", "Whether the database takes events and leases.", store_up)
        yield _gauge("wa_bus_up", "Whether events are published.", bus.ok)
        yield _counter("wa_events_published", "Events that the bus has carried.", bus.published)
        yield _gauge("wa_bus_pending", "Events that wait for a bus that is away.", bus.waiting)
        yield _counter(
            "wa_bus_dropped",
            "Recorded events that the bus never carried; the log has them.",
            bus.dropped,
        )

    def _starts(self) -> Iterator[Metric]:
        starts = self._app[MANAGER].starts
        yield _gauge("wa_starts_waiting", "Accounts in the start queue.", starts.waiting)
        yield _gauge("wa_starts_under_way", "Browsers that are starting.", starts.under_way)
        elsewhere = self._app[MANAGER].elsewhere
        yield _gauge("wa_accounts_elsewhere", "Accounts that other servers own.", elsewhere)

    def _measured(self, known: set[str]) -> Iterator[Metric]:
        figures = self._app[MANAGER].figures
        if figures is None:
            return
        disk, sample = figures.disk, figures.sample
        yield _gauge("wa_disk_free_bytes", "Room for profiles.", disk.free_mb * MB)
        yield _gauge(
            "wa_disk_needed_bytes", "What a browser must find free to start.", disk.needed_mb * MB
        )
        yield _gauge("wa_server_threads", "The server's threads.", sample.server.threads)
        # What was measured outlives an account that was deleted since.
        yield from _browsers(
            {each: sample.accounts[each] for each in known & sample.accounts.keys()}
        )
        yield _profiles({each: figures.profiles[each] for each in known & figures.profiles.keys()})


def _accounts(views: Sequence[View]) -> Iterator[Metric]:
    counted = Counter(view.status for view in views)
    statuses = GaugeMetricFamily("wa_accounts", "Accounts by status.", labels=["status"])
    for status in (*Status, *sorted(status for status in counted if not status.known)):
        statuses.add_metric([status.value], counted[status])
    yield statuses
    desired = sum(view.desired is Desired.CONNECTED for view in views)
    yield _gauge("wa_accounts_desired", "Accounts that are wanted connected.", desired)
    needy = sum(view.needs_human for view in views)
    yield _gauge("wa_accounts_need_human", "Accounts that need a human.", needy)
    running = sum(view.pid is not None for view in views)
    yield _gauge("wa_browsers", "Browsers that run.", running)


def _each_account(views: Sequence[View]) -> Iterator[Metric]:
    status = GaugeMetricFamily(
        "wa_account_status", "1, with its status as a label.", labels=["account", "status"]
    )
    needy = GaugeMetricFamily(
        "wa_account_needs_human", "Whether it needs a human.", labels=["account"]
    )
    info = GaugeMetricFamily(
        "wa_account_info", "1, with its name as a label.", labels=["account", "name"]
    )
    away = GaugeMetricFamily(
        "wa_account_away_seconds",
        "How long it is not connected against its owner's wish; 0 while it is as wanted.",
        labels=["account"],
    )
    restarts = CounterMetricFamily(
        "wa_account_restarts", "Restarts of its browser by the server.", labels=["account"]
    )
    for view in views:
        info.add_metric([view.account_id, view.name], 1)
        status.add_metric([view.account_id, view.status.value], 1)
        needy.add_metric([view.account_id], view.needs_human)
        away.add_metric([view.account_id], view.away_seconds)
        restarts.add_metric([view.account_id], view.restarts)
    return iter((info, status, needy, away, restarts))


def _profiles(sizes: Mapping[str, int]) -> Metric:
    family = GaugeMetricFamily(
        "wa_account_profile_bytes",
        "What its profile takes on the disk.",
        labels=["account"],
    )
    for account_id, size_mb in sizes.items():
        family.add_metric([account_id], size_mb * MB)
    return family


def _browsers(accounts: Mapping[str, Usage]) -> Iterator[Metric]:
    label = ["account"]
    memory = GaugeMetricFamily("wa_account_memory_bytes", "Its browser's PSS.", labels=label)
    cpu = CounterMetricFamily("wa_account_cpu_seconds", "Its browser's time.", labels=label)
    processes = GaugeMetricFamily("wa_account_processes", "Its browser's processes.", labels=label)
    threads = GaugeMetricFamily("wa_account_threads", "Its browser's threads.", labels=label)
    for account_id, usage in accounts.items():
        memory.add_metric([account_id], usage.pss_mb * MB)
        cpu.add_metric([account_id], usage.cpu_seconds)
        processes.add_metric([account_id], usage.processes)
        threads.add_metric([account_id], usage.threads)
    return iter((memory, cpu, processes, threads))


def _gauge(name: str, help_: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help_, value=value)


def _counter(name: str, help_: str, value: float) -> Metric:
    return CounterMetricFamily(name, help_, value=value)
