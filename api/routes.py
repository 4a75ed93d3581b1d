"""The table of routes. What a route does stands with its handler."""

from aiohttp import web

from api import auth
from api.http import accounts, evidence, health, history, linking, messages, webpage
from api.metrics.metrics import metrics
from api.streams import sse, websocket

OPEN = frozenset(
    {
        "/",
        "/dashboard/{name}",
        "/login",
        "/health",
        "/health/live",
        "/health/ready",
    }
)
"""The routes that need no key."""

_ACCOUNT = "/accounts/{id:[A-Za-z0-9_-]{1,36}}"

ROUTES = [
    web.get("/", webpage.page),
    web.get("/dashboard/{name}", webpage.asset),
    web.post("/login", auth.login),
    web.delete("/login", auth.logout),
    web.get("/health", health.health),
    web.get("/health/live", health.live),
    web.get("/health/ready", health.ready),
    web.get("/metrics", metrics),
    # A HEAD would wait for the end of the stream.
    web.get("/ws", websocket.stream, allow_head=False),
    web.get("/events", sse.stream, allow_head=False),
    web.post("/accounts", accounts.create),
    web.get("/accounts", accounts.index),
    web.get(_ACCOUNT, accounts.show),
    web.patch(_ACCOUNT, accounts.rename),
    web.delete(_ACCOUNT, accounts.delete),
    web.post(_ACCOUNT + "/connect", accounts.connect),
    web.post(_ACCOUNT + "/disconnect", accounts.disconnect),
    web.post(_ACCOUNT + "/restart", accounts.restart),
    web.post(_ACCOUNT + "/logout", accounts.logout),
    web.get(_ACCOUNT + "/screenshot", accounts.screenshot),
    web.get(_ACCOUNT + "/evidence/{seq:[0-9]{1,18}}.png", evidence.show),
    web.get(_ACCOUNT + "/qr", linking.show),
    web.post(_ACCOUNT + "/pairing-code", messages.pairing_code),
    web.post(_ACCOUNT + "/messages", messages.send),
    web.get(_ACCOUNT + "/events", history.index),
]
