"""An account's history over HTTP: its recorded events, oldest first."""

from aiohttp import web

from api.accounts import find
from api.schemas import EventsQuery, read_query
from store import events


async def index(request: web.Request) -> web.Response:
    """`GET /accounts/{id}/events?since=&limit=`: what happened after event `since`.

    `next` is the `since` of the following page, null on the last one. `gap` says that the log has
    been trimmed past `since`, so that something may be missing.
    """
    query = read_query(request, EventsQuery)
    account = await find(request)
    found = await events.of_account(account.id, query.since, query.limit + 1)
    page = found[: query.limit]
    return web.json_response(
        {
            "items": [event.as_json() for event in page],
            "next": page[-1].id if len(found) > len(page) else None,
            "gap": query.since < await events.trimmed(),
        }
    )
