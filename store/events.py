"""Events: what one is, and the queries on the log of them. Writing them is the recorder's."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, Self

from store import models
from store.database import database_errors
from store.status import Cause


class EventType(StrEnum):
    """The types of event there are. Consumers must take others too: there will be more."""

    STATUS = "status"
    """An account's status changed, or its cause did. Kept."""
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
        return json.dumps(self.as_json())

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read an event that another server has published.

        Raises:
            ValueError: It is not an event.
        """
        try:
            value = json.loads(text)
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


def _number(value: object) -> int | None:
    if value is None or isinstance(value, int):
        return value
    raise TypeError


def timestamp(moment: datetime) -> str:
    """Return a moment as all interfaces show it: UTC, milliseconds, `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@database_errors
async def after(
    event_id: int,
    limit: int,
    account_ids: Collection[str] | None = None,
    types: Collection[str] | None = None,
) -> list[Event]:
    """Return what was recorded after an event, oldest first.

    Args:
        event_id: The last event that is known; 0 for none.
        limit: The greatest number of events returned.
        account_ids: Only of these accounts.
        types: Only of these types.

    Raises:
        DatabaseAway: The database does not answer.
    """
    query = models.Event.filter(id__gt=event_id)
    if account_ids is not None:
        query = query.filter(account_id__in=list(account_ids))
    if types is not None:
        query = query.filter(type__in=list(types))
    return [_event(row) for row in await query.order_by("id").limit(limit)]


async def of_account(account_id: str, since: int, limit: int) -> list[Event]:
    """Return what was recorded of one account after the event with id `since`, oldest first.

    Raises:
        DatabaseAway: The database does not answer.
    """
    return await after(since, limit, account_ids=(account_id,))


@database_errors
async def deleted(account_ids: Collection[str]) -> set[str]:
    """Return those of the accounts whose history ends with their deletion.

    Raises:
        DatabaseAway: The database does not answer.
    """
    found = set()
    for account_id in account_ids:
        last = await models.Event.filter(account_id=account_id).order_by("-seq").first()
        if last is not None and last.data.get("cause") == Cause.DELETED:
            found.add(account_id)
    return found


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
