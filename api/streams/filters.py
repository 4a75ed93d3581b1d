"""What a client of the stream asks for: that there is any of it."""

from functools import partial

from aiohttp import web

from api.app_keys import COALESCER, MANAGER
from api.http.schemas import StreamQuery
from api.problems import InvalidQuery
from api.validation.request import read_query
from api.validation.suggestions import short
from store import accounts
from store.errors import DatabaseAway
from store.events import event_log

MOST_NAMED = 20
"""How many unknown accounts an answer names."""


async def read_stream_query(request: web.Request) -> StreamQuery:
    """Read what a client wants of the stream.

    An account that was deleted is no mistake as long as the log tells of it: whoever was away
    meanwhile asks for it, and is to hear of that.

    Raises:
        InvalidQuery: If a parameter is not valid, or names an account that there is not.
    """
    query = read_query(request, StreamQuery)
    view = request.app[MANAGER].view
    # Accounts of this server need no look at the database.
    missing = frozenset(each for each in query.accounts or () if view(each) is None)
    if not missing:
        return query
    read = partial(_unknown, missing)
    try:
        unknown = await request.app[COALESCER].to_read("accounts", missing, read)
    except DatabaseAway:
        # The stream itself says so, in a way that has the client come back.
        return query
    if unknown:
        errors = [
            {"field": "accounts", "message": f"there is no account {short(each)}"}
            for each in sorted(unknown)[:MOST_NAMED]
        ]
        raise InvalidQuery(errors=errors)
    return query


async def _unknown(account_ids: frozenset[str]) -> frozenset[str]:
    rows = await accounts.some_rows(account_ids)
    missing = account_ids - {row.id for row in rows}
    return missing - await event_log.told_of(missing)
