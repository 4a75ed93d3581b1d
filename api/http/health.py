"""How the server is, for people, scripts and orchestrators. Answers from memory alone.

`memory` is the server process without its browsers; `actors/monitor/memory.py` explains each
figure.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from aiohttp import web

from actors.account.view import View
from actors.monitor.actor import Figures
from actors.monitor.memory import available_mb, server_memory
from actors.monitor.sampler import Usage
from actors.startqueue import MEMORY
from api.app_keys import BACKGROUND, BUS, MANAGER, RECORDER, SETTINGS
from api.lifetime import LIFETIME
from store.events.event_log import timestamp
from store.status import Status
from store.text import to_legible_json

Component = Mapping[str, str | float | None]


async def health(request: web.Request) -> web.Response:
    """`GET /health`: status, clients, who needs a human, memory; 503 while it starts or stops."""
    app = request.app
    views = app[MANAGER].views()
    clients = [view for view in views if view.status.has_browser]
    components = _components(app, views)
    status, reason = _status(app, components)
    memory = server_memory()
    figures = app[MANAGER].figures
    used = {} if figures is None else figures.sample.accounts
    profiles = {} if figures is None else figures.profiles
    body = {
        "status": status,
        **({"reason": reason} if reason else {}),
        "uptime": app[LIFETIME].uptime,
        "timestamp": timestamp(datetime.now(UTC)),
        "activeClients": len(clients),
        "elsewhere": app[MANAGER].elsewhere,
        "clients": [
            {
                "accountId": view.account_id,
                "status": view.status,
                "hasPhone": view.phone is not None,
                "since": timestamp(view.since),
                **_resources(used.get(view.account_id)),
                "profileMb": profiles.get(view.account_id),
            }
            for view in clients
        ],
        "attention": [_attention(view) for view in _needing_attention(app, views)],
        "memory": {
            "heapUsed": memory.heap_used,
            "heapTotal": memory.heap_total,
            "rss": memory.rss,
        },
        "components": components,
    }
    status_code = 200 if app[LIFETIME].serving else 503
    return web.json_response(body, status=status_code, dumps=to_legible_json)


async def live(_: web.Request) -> web.Response:
    """`GET /health/live`: the process answers, so that a restart would not help."""
    return web.json_response({"status": "ok"})


async def ready(request: web.Request) -> web.Response:
    """`GET /health/ready`: requests are served; 503 while the server starts or stops."""
    lifetime = request.app[LIFETIME]
    if lifetime.stopping:
        return web.json_response({"status": "shutting_down"}, status=503)
    if not lifetime.open:
        return web.json_response({"status": "degraded"}, status=503)
    return web.json_response({"status": "ok"})


def _components(app: web.Application, views: Sequence[View]) -> dict[str, Component]:
    recorder, bus = app[RECORDER], app[BUS].state
    away = app[LIFETIME].waits_for or recorder.reason or app[MANAGER].trouble
    running = sum(view.pid is not None for view in views)
    return {
        "store": {
            **_component(away),
            "pending": recorder.pending,
            "oldestPendingSeconds": round(recorder.oldest_pending_seconds, 1),
        },
        "bus": _component(None if bus.ok else bus.reason),
        "browsers": {**_component(None), "running": running},
        "accounts": _accounts(app, views),
        **_disk(app[MANAGER].figures),
        "memory": _memory(app),
        **{
            name: _component(f"it died, and the server ends: {why}")
            for name, why in app[BACKGROUND].dead.items()
        },
    }


def _disk(figures: Figures | None) -> dict[str, Component]:
    if figures is None:
        return {}
    return {
        "disk": {**_component(figures.disk.reason), "freeMb": round(figures.disk.free_mb)},
    }


def _memory(app: web.Application) -> Component:
    """Show what is left for browsers; too little is a trouble only when one is to start."""
    starts, free = app[MANAGER].starts, round(available_mb())
    needed = app[SETTINGS].start_memory_mb * (starts.under_way + 1)
    waits = starts.waits_for == MEMORY
    reason = (
        f"{free} MB are free, the next browser starts from {needed} MB; "
        f"{starts.waiting} account(s) wait"
    )
    return {**_component(reason if waits else None), "freeMb": free}


def _resources(usage: Usage | None) -> dict[str, object]:
    """Show what a client's browser takes; nulls until it has been measured."""
    if usage is None:
        return {"memory": None, "cpuPercent": None, "processes": None, "threads": None}
    return {
        "memory": {"pssMb": round(usage.pss_mb)},
        "cpuPercent": round(usage.cpu_percent, 1),
        "processes": usage.processes,
        "threads": usage.threads,
    }


def _needing_attention(app: web.Application, views: Sequence[View]) -> list[View]:
    """Return the accounts that need a human, or have been away for too long."""
    seconds = app[SETTINGS].attention_seconds
    return [view for view in views if view.needs_human or view.away_seconds > seconds]


def _accounts(app: web.Application, views: Sequence[View]) -> Component:
    """Say when all accounts that should be connected have been away for too long."""
    seconds = app[SETTINGS].attention_seconds
    wanted = [view for view in views if view.should_be_connected]
    away = sum(view.away_seconds > seconds for view in wanted)
    all_away = bool(wanted) and away == len(wanted)
    reason = f"all {away} account(s) that should be connected are away from WhatsApp"
    connected = sum(view.status is Status.CONNECTED for view in wanted)
    return {**_component(reason if all_away else None), "connected": connected, "away": away}


def _attention(view: View) -> dict[str, str | bool]:
    """Show an account that needs attention; the script for cron reads the members in this order."""
    return {
        "accountId": view.account_id,
        "status": view.status,
        "cause": view.cause,
        "since": timestamp(view.away_since or view.since),
        "needsHuman": view.needs_human,
        "name": view.name,
    }


def _component(reason: str | None) -> dict[str, str]:
    return {"status": "ok"} if reason is None else {"status": "degraded", "reason": reason}


def _status(app: web.Application, components: Mapping[str, Component]) -> tuple[str, str | None]:
    if app[LIFETIME].stopping:
        return "shutting_down", "The server is stopping."
    reasons = [f"{name}: {part['reason']}" for name, part in components.items() if "reason" in part]
    if not app[LIFETIME].open:
        reasons.insert(0, "the server is starting")
    return ("degraded", "; ".join(reasons)) if reasons else ("ok", None)
