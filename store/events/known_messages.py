"""What the log of events holds about messages, as far as a browser needs it. Read only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tortoise.connection import get_connection
from tortoise.expressions import RawSQL

from store import models
from store.accounts import LINKING
from store.database.opening import CONNECTION, database_errors
from store.events.event_log import EventType

READ_AT_ONCE = 100
"""How many messages are read at a time, from the newest back."""


MEMBER = {"sqlite": "json_extract(data, '$.{}')", "postgres": "data->>'{}'"}
"""How a member of an event's data is read, by what the database is."""


@dataclass(frozen=True, slots=True)
class KnownMessages:
    """What is on record of an account's messages. All times are WhatsApp's: ours may be wrong."""

    ids: tuple[str, ...] = ()
    """The ids of the newest messages, oldest first."""
    heard_until: datetime | None = None
    """When the newest message was sent that the account has heard; None if it never did."""
    history_until: datetime | None = None
    """When the newest message was sent of those that are history, and may not be among the ids:
    they were there before a phone linked the device, or were heard long ago. None if none is."""
    linking: bool = False
    """Whether a phone has linked the device, and it is not known yet what was there before."""


@database_errors
async def read(account_id: str, within: timedelta, limit: int) -> KnownMessages:
    """Return what is on record of an account's messages.

    Args:
        account_id: Which account.
        within: How long before the newest message a message may have been sent for its id to be
            returned.
        limit: The greatest number of ids.

    Raises:
        DatabaseAway: The database does not answer.
    """
    account = await models.Account.get_or_none(id=account_id)
    history_until = None if account is None else account.history_until
    heard_until = None if account is None else account.heard_until
    member = MEMBER[get_connection(CONNECTION).capabilities.dialect]
    # Their texts are not asked for: so many can be gigabytes.
    messages = (
        models.Event.filter(account_id=account_id, type=EventType.MESSAGE.value)
        .annotate(ident=RawSQL(member.format("id")), sent_at=RawSQL(member.format("sentAt")))
        .order_by("-id")
    )
    found: list[tuple[str, datetime]] = []
    until: datetime | None = None
    while len(found) < limit:
        count = min(READ_AT_ONCE, limit - len(found))
        rows = await messages.offset(len(found)).limit(count).values_list("ident", "sent_at", "at")
        found += [(str(ident), _moment(sent_at, at)) for ident, sent_at, at in rows]
        until = _until(found, heard_until)
        # They were recorded in about the order in which they were sent.
        if len(rows) < count or until is None or found[-1][1] < until - within:
            break
    ids = tuple(ident for ident, at in reversed(found) if until and at >= until - within)
    if history_until == LINKING:
        return KnownMessages(ids, linking=True)
    if until is None:
        return KnownMessages(history_until=_latest(history_until, heard_until))
    return KnownMessages(ids, until, _latest(history_until))


def _until(found: Sequence[tuple[str, datetime]], heard_until: int | None) -> datetime | None:
    """Return when the newest message was sent; the account knows it better than the log."""
    if not found:
        return None
    return _latest(heard_until) or max(at for _, at in found)


def _latest(*seconds: int | None) -> datetime | None:
    known = [each for each in seconds if each not in (None, LINKING)]
    return datetime.fromtimestamp(max(known), UTC) if known else None


def _moment(sent_at: str | None, at: datetime) -> datetime:
    try:
        return at if sent_at is None else datetime.fromisoformat(sent_at)
    except ValueError:
        # As a newer version may have written it.
        return at
