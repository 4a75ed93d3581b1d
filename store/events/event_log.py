"""Events: what one is, and the queries on the log of them. Writing them is the recorder's."""

import itertools
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, NoReturn, Self

from tortoise.connection import get_connection
from tortoise.expressions import RawSQL
from tortoise.functions import Max
from tortoise.queryset import QuerySet

from store import models
from store.chunks import chunks
from store.database.opening import CONNECTION, database_errors
from store.events.size import size_of
from store.status import Cause
from store.text import to_json

PAGE_BYTES = 4_000_000
"""How much JSON a part of the log may have that is read at once: five of the longest messages, or
all the 500 events that are read at most."""
SIZE = {"sqlite": "length(data)", "postgres": "octet_length(data::text)"}
"""The size of an event's JSON, by what the database is."""


class EventType(StrEnum):
    """The types of event there are. Consumers must take others too: there will be more."""

    STATUS = "status"
    """An account's status changed, or its cause did. Kept."""
    ACCOUNT = "account"
    """An account was given another name. Kept."""
    MESSAGE = "message"
    """A message arrived. Kept."""
    QR = "qr"
    """A code to scan is on the page. A secret: never kept."""
    PAIRING_CODE = "pairing_code"
    """A code to type on the phone. A secret: never kept."""
    RESOURCES = "resources"
    """What an account uses of the machine. Never kept."""


@dataclass(frozen=True)
class Event:
    """Something that happened to an account.

    A recorded event has a `seq`, given by the account's owner, and gets its `id` when it is
    written. A transient one has neither.
    """

    type: str
    account_id: str
    at: datetime
    data: Mapping[str, Any] = field(repr=False)
    """What happened. A message's text and a code are in it, so it is not in the repr."""
    seq: int | None = None
    """Counts the account's events from 1 without a gap."""
    id: int | None = None
    """Orders the log of all accounts; later events have greater ids, with gaps."""

    def as_json(self) -> dict[str, Any]:
        """Return the event as clients and consumers see it."""
        numbers = {"id": self.id, "seq": self.seq}
        return {
            **{key: number for key, number in numbers.items() if number is not None},
            "type": str(self.type),
            "accountId": self.account_id,
            "at": timestamp(self.at),
            "data": self.data,
        }

    @cached_property
    def text(self) -> str:
        """The event as JSON; made once, however many there are to read it."""
        return to_json(self.as_json())

    @cached_property
    def size(self) -> int:
        """About how many bytes of memory it takes, its JSON included."""
        return len(self.text) + size_of(self.data)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read an event that another server has published.

        Raises:
            ValueError: It is not an event.
        """
        try:
            value = json.loads(text, parse_constant=_refuse)
            return cls(
                type=str(value["type"]),
                account_id=str(value["accountId"]),
                at=datetime.fromisoformat(value["at"]),
                data=dict(value["data"]),
                seq=_number(value.get("seq")),
                id=_number(value.get("id")),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError("not an event") from error

    def with_id(self, event_id: int) -> Self:
        """Return the event as it was written."""
        return replace(self, id=event_id)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _number(value: object) -> int | None:
    if value is None or isinstance(value, int):
        return value
    raise TypeError


def timestamp(moment: datetime) -> str:
    """Return a moment as all interfaces show it: UTC, milliseconds, `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class EventPage:
    """A part of the log."""

    items: list[Event]
    more: bool
    """Whether there was more behind it when it was read."""


@database_errors
async def page(
    since: int,
    limit: int,
    account_ids: Collection[str] | None = None,
    types: Collection[str] | None = None,
) -> EventPage:
    """Return a part of what was recorded after an event, oldest first, as much as is good to hold.

    Args:
        since: The last event that is known; 0 for none.
        limit: The greatest number of events returned. They have no more than `PAGE_BYTES` together,
            but for a single one.
        account_ids: Only of these accounts.
        types: Only of these types.

    Raises:
        DatabaseAway: The database does not answer.
    """
    found = _after(since, account_ids, types)
    size = RawSQL(SIZE[get_connection(CONNECTION).capabilities.dialect])
    sizes = await found.annotate(size=size).limit(limit + 1).values_list("id", "size")
    count = _fitting([size for _, size in sizes][:limit])
    if count == 0:
        return EventPage([], more=False)
    # What is written meanwhile is behind the page.
    items = [_event(row) for row in await found.filter(id__lte=sizes[count - 1][0]).limit(limit)]
    return EventPage(items, more=len(sizes) > count)


def _fitting(sizes: Sequence[int]) -> int:
    """Return how many of the first have no more bytes together than a page may; at least one."""
    totals = itertools.accumulate(sizes)
    return max(sum(total <= PAGE_BYTES for total in totals), min(1, len(sizes)))


def _after(
    event_id: int, account_ids: Collection[str] | None, types: Collection[str] | None = None
) -> QuerySet[models.Event]:
    query = models.Event.filter(id__gt=event_id).order_by("id")
    if account_ids is not None:
        query = query.filter(account_id__in=list(account_ids))
    if types is not None:
        query = query.filter(type__in=list(types))
    return query


@database_errors
async def deleted(account_ids: Collection[str]) -> set[str]:
    """Return those of the accounts whose history ends with their deletion.

    Raises:
        DatabaseAway: The database does not answer.
    """
    if not account_ids:
        return set()
    of_them = models.Event.filter(account_id__in=account_ids)
    newest = (
        of_them.annotate(newest=Max("id")).group_by("account_id").values_list("newest", flat=True)
    )
    last = models.Event.filter(id__in=await newest)
    return {row.account_id for row in await last if row.data.get("cause") == Cause.DELETED}


@database_errors
async def told_of(account_ids: Collection[str]) -> set[str]:
    """Return those of the accounts that have an event in the log, also if they are deleted.

    Raises:
        DatabaseAway: The database does not answer.
    """
    told: set[str] = set()
    for names in chunks(sorted(account_ids)):
        some = models.Event.filter(account_id__in=names)
        told.update(map(str, await some.distinct().values_list("account_id", flat=True)))
    return told


@database_errors
async def newest_id() -> int:
    """Return the newest id of all that were ever in the log, 0 if it was always empty.

    Raises:
        DatabaseAway: The database does not answer.
    """
    row = await models.Event.all().order_by("-id").first()
    return await trimmed() if row is None else row.id


@database_errors
async def trimmed() -> int:
    """Return the greatest id that was removed from the log's beginning, 0 if none was.

    Raises:
        DatabaseAway: The database does not answer.
    """
    row = await models.Trimmed.get_or_none(id=models.ONLY)
    return 0 if row is None else row.until


@database_errors
async def oldest_id() -> int | None:
    """Return the id of the oldest event that is still kept.

    Raises:
        DatabaseAway: The database does not answer.
    """
    row = await models.Event.all().order_by("id").first()
    return None if row is None else row.id


def _event(row: models.Event) -> Event:
    return Event(row.type, row.account_id, row.at, row.data, row.seq, row.id)
