"""What a client of the stream asks for: that there is any of it."""

import re
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

ID = re.compile("[0-9a-f]{16}")
"""An account's id, as all accounts get theirs."""
MOST_NAMED = 20
"""How many unknown accounts an answer names."""


async def read_stream_query(request: web.Request) -> StreamQuery:
    """Read what a client wants of the stream.

    An account that was deleted is no mistake as long as the log tells of it: a client that was away
    meanwhile asks for it, and must hear of that. Nor is one a mistake that the log no longer tells
    of, where the client asks for events from before the log's beginning: it is told of the gap.

    Raises:
        InvalidQuery: If a parameter is not valid, or names an account that there is not.
    """
    query = read_query(request, StreamQuery)
    view = request.app[MANAGER].view
    # Accounts of this server need no look at the database.
    missing = frozenset(each for each in query.accounts or () if view(each) is None)
    if not missing:
        return query
    read = partial(_unknown, missing, query.since)
    try:
        unknown = await request.app[COALESCER].to_read("accounts", (missing, query.since), read)
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


async def _unknown(account_ids: frozenset[str], since: int | None) -> frozenset[str]:
    rows = await accounts.some_rows(account_ids)
    missing = account_ids - {row.id for row in rows}
    missing -= await event_log.told_of(missing)
    if missing and since is not None and since < await event_log.trimmed():
        return frozenset(each for each in missing if not ID.fullmatch(each))
    return missing
