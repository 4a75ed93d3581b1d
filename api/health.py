"""How the server is, for people, scripts and orchestrators. Answers from memory alone.

`memory` is the server process without its browsers; `actors/memory.py` says what each figure is.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from aiohttp import web

from actors.memory import server_memory
from api.keys import BUS, MANAGER, RECORDER
from api.lifetime import LIFETIME
from store.events import timestamp

Component = Mapping[str, str | int | None]


async def health(request: web.Request) -> web.Response:
    """`GET /health`: status, active clients and memory; 503 only while the server stops."""
    app = request.app
    clients = [view for view in app[MANAGER].views() if view.status.has_browser]
    components = _components(app)
    status, reason = _status(app, components)
    memory = server_memory()
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
            }
            for view in clients
        ],
        "memory": {
            "heapUsed": memory.heap_used,
            "heapTotal": memory.heap_total,
            "rss": memory.rss,
        },
        "components": components,
    }
    return web.json_response(body, status=503 if app[LIFETIME].stopping else 200)


async def live(_: web.Request) -> web.Response:
    """`GET /health/live`: the process answers, so that a restart would not help."""
    return web.json_response({"status": "ok"})


async def ready(request: web.Request) -> web.Response:
    """`GET /health/ready`: requests are served; 503 while the server stops."""
    if request.app[LIFETIME].stopping:
        return web.json_response({"status": "shutting_down"}, status=503)
    return web.json_response({"status": "ok"})


def _components(app: web.Application) -> dict[str, Component]:
    recorder, bus = app[RECORDER], app[BUS].state
    running = sum(view.pid is not None for view in app[MANAGER].views())
    return {
        "store": {**_component(recorder.reason), "pending": recorder.pending},
        "bus": _component(None if bus.ok else bus.reason),
        "browsers": {**_component(None), "running": running},
    }


def _component(reason: str | None) -> dict[str, str]:
    return {"status": "ok"} if reason is None else {"status": "degraded", "reason": reason}


def _status(app: web.Application, components: Mapping[str, Component]) -> tuple[str, str | None]:
    if app[LIFETIME].stopping:
        return "shutting_down", "The server is stopping."
    reasons = [f"{name}: {part['reason']}" for name, part in components.items() if "reason" in part]
    return ("degraded", "; ".join(reasons)) if reasons else ("ok", None)
