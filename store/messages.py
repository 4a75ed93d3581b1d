"""What the log of events holds about messages, as far as a browser needs it. Read only."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from tortoise.connection import get_connection
from tortoise.expressions import RawSQL

from store import models
from store.database import CONNECTION, database_errors
from store.events import EventType
from store.status import Cause, Status

STATUSES = 100
"""So many status events are searched for the last one of a connected account. An account that has
failed more often in a row than that has listened to nothing for long."""


ID = {"sqlite": "json_extract(data, '$.id')", "postgres": "data->>'id'"}
"""A message's id, by what the database is."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What was recorded last."""

    ids: tuple[str, ...]
    """The newest messages' ids, oldest first."""
    until: datetime | None
    """The last moment at which a record shows that the account was connected."""


@database_errors
async def heard(account_id: str, within: timedelta, limit: int) -> Heard:
    """Return what an account has heard last.

    Args:
        account_id: Which account.
        within: How long before the last moment at which it listened a message may have been
            recorded for its id to be returned.
        limit: The greatest number of ids.

    Raises:
        DatabaseAway: The database does not answer.
    """
    events = models.Event.filter(account_id=account_id)
    messages = events.filter(type=EventType.MESSAGE.value).order_by("-id")
    newest = await messages.first()
    statuses = events.filter(type=EventType.STATUS.value).order_by("-id")
    moments = [] if newest is None else [newest.at]
    restored: list[datetime] = []
    for event in await statuses.limit(STATUSES):
        if Status.CONNECTED in (event.data.get("status"), event.data.get("previous")):
            if event.data.get("cause") != Cause.RESTORE:
                moments.append(event.at)
                break
            # The server had died before, nobody knows when.
            restored.append(event.at)
    if not moments and not restored:
        return Heard((), None)
    until = max(moments or restored)
    # Their texts are not asked for: so many can be gigabytes.
    ident = RawSQL(ID[get_connection(CONNECTION).capabilities.dialect])
    found = messages.filter(at__gte=until - within).annotate(ident=ident).limit(limit)
    ids = await found.values_list("ident", flat=True)
    return Heard(tuple(map(str, reversed(ids))), until)
