"""The web page at `/`: its files, and the link that logs a browser in. It needs no build step.

The page itself is public; all it shows comes from the API and needs the key or its cookie.
"""

from pathlib import Path

from aiohttp import web

from api.attempts import GUARD
from api.auth import KEY, grant

TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
FILES = {
    file.name: file.read_bytes() for file in (Path(__file__).parents[1] / "dashboard").iterdir()
}
"""By name. Sent from memory: what the kernel sends from a disk could wait for a reader for ever."""


async def page(request: web.Request) -> web.StreamResponse:
    """`GET /`: the page; with `?key=`, as the server prints it, the key is traded for a cookie."""
    key = request.query.get("key")
    if key is None:
        return _file("index.html")
    if not request.app[KEY].matches(key):
        raise await request.app[GUARD].refuse(request)
    # Where the page is, whatever path a proxy has put before it; only the key is left out.
    response = web.Response(status=303, headers={"Location": "./", "Cache-Control": "no-store"})
    grant(request, response)
    return response


async def asset(request: web.Request) -> web.StreamResponse:
    """`GET /dashboard/{name}`: a script or a style of the page."""
    name = request.match_info["name"]
    if name not in FILES:
        raise web.HTTPNotFound
    return _file(name)


def _file(name: str) -> web.Response:
    # Asked for each time, so that page and server are always of the same version.
    return web.Response(
        body=FILES[name],
        content_type=TYPES[Path(name).suffix],
        charset="utf-8",
        headers={"Cache-Control": "no-cache"},
    )
