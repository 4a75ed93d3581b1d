"""An account's history over HTTP: its recorded events, oldest first."""

from aiohttp import web

from api.http.accounts import find
from api.http.schemas import EventsQuery
from api.validation.request import read_query
from store.events import event_log
from store.text import to_json


async def index(request: web.Request) -> web.Response:
    """`GET /accounts/{id}/events?since=&limit=`: what happened after event `since`.

    A page may have fewer events than `limit`, where they are long. `next` is the `since` of the
    following page, null on the last one. `gap` says that the log has been trimmed past `since`, so
    that something may be missing.
    """
    query = read_query(request, EventsQuery)
    account = await find(request)
    page = await event_log.page(query.since, query.limit, account_ids=(account.id,))
    return web.json_response(
        {
            "items": [event.as_json() for event in page.items],
            "next": page.items[-1].id if page.more and page.items else None,
            "gap": query.since < await event_log.trimmed(),
        },
        dumps=to_json,
    )
