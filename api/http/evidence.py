"""Pictures of pages that were kept as evidence, over HTTP."""

from aiohttp import web

from api.app_keys import MANAGER
from api.problems import NoSuchEvidence


async def show(request: web.Request) -> web.Response:
    """`GET /accounts/{id}/evidence/{seq}.png`: what the page showed at the event of that number."""
    found = request.match_info
    picture = await request.app[MANAGER].evidence(found["id"], int(found["seq"]))
    if picture is None:
        raise NoSuchEvidence
    headers = {"Cache-Control": "no-store"}
    return web.Response(body=picture, content_type="image/png", headers=headers)
