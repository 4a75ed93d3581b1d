"""What the stream tells a client, in its order: hello, snapshot, what was missed, what happens.

How it travels is for `stream` (websocket) and `sse` (server-sent events).
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from aiohttp import web

from api.app_keys import COALESCER, MANAGER
from api.http.accounts import present
from api.http.schemas import PairingCode, Qr, SnapshotAccount, StreamQuery
from api.streams.coalescing import Coalescer
from store import accounts
from store.events import event_log
from store.events.event_log import Event, timestamp
from store.events.subscription import Subscription
from store.text import to_json

REPLAY_PAGE = 500


@dataclass(frozen=True, slots=True)
class Frame:
    """One thing told."""

    type: str
    text: str
    """All of it, as JSON."""
    id: int | None = None
    """What `since` continues after it; nothing where that is as before."""


async def frames(
    app: web.Application, query: StreamQuery, live: Subscription
) -> AsyncIterator[Frame]:
    """Tell a client everything, until its subscription ends.

    Args:
        app: The application.
        query: What the client asked for.
        live: Its subscription, which was there before this is called, so that nothing falls between
            the log and what happens.

    Raises:
        DatabaseAway: The database does not answer.
    """
    turns, only = app[COALESCER], query.accounts
    newest = await turns.to_read("newest", None, event_log.newest_id)
    last = newest if query.since is None else query.since
    yield _frame("hello", {"newest": newest}, last)
    # Read later than `newest`: what is not told below is in it.
    snapshot = await turns.to_read("snapshot", only, partial(_snapshot, app, only))
    await turns.to_send()
    yield snapshot
    if last > newest:
        # It comes from another log, such as one before a restored backup.
        yield await _gap(turns, last, newest, resume=newest)
        last = newest
    if query.since is not None:
        async for missed in _missed(turns, last, query, live):
            await turns.to_send()
            yield missed
            last = missed.id or last
    async for event in live:
        if event.id is None or event.id > last:
            if live.behind:
                await turns.to_send()
            yield _told(event)


async def _missed(
    turns: Coalescer, since: int, query: StreamQuery, live: Subscription
) -> AsyncIterator[Frame]:
    """Read the log to its end, also what is written meanwhile."""
    while True:
        # What waits here is in the log: a long replay would have too much of it wait.
        live.leave_recorded()
        which = (since, query.accounts, query.types)
        read = partial(_page, *which)
        page, trimmed = await turns.to_read("log", which, read, live.take_recorded)
        if since < trimmed:
            newest = await turns.to_read("newest", None, event_log.newest_id)
            yield await _gap(turns, since, newest, resume=trimmed)
            since = trimmed
        for event in page.items:
            assert event.id is not None
            # Smaller where it was trimmed after it was read: the gap is told, and not once more.
            since = max(since, event.id)
            yield Frame(event.type, event.text, since)
        if not page.more:
            return


async def _page(
    since: int, only: frozenset[str] | None, types: frozenset[str] | None
) -> tuple[event_log.EventPage, int]:
    """Read a page of the log, and how far it is trimmed by then: it can be while it is read."""
    page = await event_log.page(since, REPLAY_PAGE, only, types)
    return page, await event_log.trimmed()


async def _snapshot(app: web.Application, only: frozenset[str] | None) -> Frame:
    """Show every account, with the codes on its page: they are in no log."""
    shown = []
    for row in await (accounts.all_rows() if only is None else accounts.some_rows(only)):
        view = app[MANAGER].view(row.id)
        account = SnapshotAccount(
            **present(row, view).model_dump(),
            qr=Qr.shown(view.qr) if view and view.qr else None,
            pairing_code=PairingCode.shown(view.pairing) if view and view.pairing else None,
        )
        shown.append(account.model_dump(mode="json", by_alias=True))
    return _frame("snapshot", {"accounts": shown})


async def _gap(turns: Coalescer, since: int, newest: int, resume: int) -> Frame:
    """Tell that events after an id are no longer there to be told, or never were.

    Args:
        turns: Whose turn it is to read.
        since: The last event that the client knows.
        newest: The newest id, read before this is called: where no event is left, a client can go
            on from it.
        resume: Up to where there is nothing to be told. A client that hears of no event after
            this has it told once, and not at each return.
    """
    oldest = await turns.to_read("oldest", None, event_log.oldest_id)
    return _frame("gap", {"since": since, "oldest": oldest, "newest": newest}, resume)


def _told(event: Event) -> Frame:
    return Frame(event.type, event.text, event.id)


def _frame(type_: str, data: Mapping[str, Any], resume: int | None = None) -> Frame:
    text = to_json({"type": type_, "at": timestamp(datetime.now(UTC)), "data": data})
    return Frame(type_, text, resume)
