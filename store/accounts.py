"""Accounts: what is kept of one, and the queries. What happens to one is the recorder's."""

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypedDict

from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.expressions import Q

from store import leases, models
from store.chunks import chunks
from store.database.opening import database_errors, transaction
from store.errors import BrokenCursor
from store.events.event_log import Event, EventType
from store.leases import Server
from store.status import Cause, Desired, Status
from store.text import keepable

LINKING = -1
"""A `history_until` that is not known yet: a phone has just linked the device."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class AccountRow:
    """An account as it is kept."""

    id: str
    """Opaque, ours, and safe in a path."""
    name: str
    phone: str | None = field(repr=False)
    push_name: str | None = field(repr=False)
    desired: Desired
    status: Status
    cause: Cause
    detail: Mapping[str, Any] | None
    since: datetime
    """When it came to its status."""
    restarts: int
    """How often its browser was restarted by us."""
    restart_cause: Cause | None
    """Why it was, the last time."""
    restarted_at: datetime | None
    """When that was."""
    linked: bool
    """Whether a session is linked to a phone."""
    logout_after: int | None
    """The last event's number when a user wanted it logged out, the last time."""
    logged_out_seq: int
    """The number of the last event that told of a LOGGED_OUT; 0 if none did."""
    history_until: int | None
    """The newest message's time when a phone linked the device, in seconds since 1970 by WhatsApp's
    clock; 0 if there was none, None if that is not known, `LINKING` if it is still to be asked."""
    heard_until: int | None
    """The newest time of a message that was recorded since then, likewise; None if none was."""
    away_since: datetime | None
    """Since when it is not CONNECTED against its owner's wish; None while all is as wanted."""
    maybe_listed: bool
    """Whether a phone may still list it for a session that ended without WhatsApp's being told."""
    attempt: int
    seq: int
    """The last event's number."""
    created_at: datetime

    @property
    def logging_out(self) -> bool:
        """Whether a user's logout is not carried out yet."""
        return self.logout_after is not None and self.logged_out_seq < self.logout_after


class AccountChanges(TypedDict, total=False):
    """The fields of an account that an event changes; those left out stay as they are."""

    phone: str | None
    push_name: str | None
    status: Status
    cause: Cause
    detail: Mapping[str, Any] | None
    since: datetime
    restarts: int
    restart_cause: Cause | None
    restarted_at: datetime | None
    linked: bool
    logged_out_seq: int
    history_until: int | None
    heard_until: int | None
    away_since: datetime | None
    maybe_listed: bool
    attempt: int


@dataclass(frozen=True, slots=True)
class AccountPage:
    """A part of the list of accounts."""

    items: list[AccountRow]
    next: str | None
    """What to ask the following page with; nothing on the last one."""


@database_errors
async def create(name: str, owner: Server | None = None) -> tuple[AccountRow, Event]:
    """Keep a new account, and with it its first lease.

    The row is kept when this returns. Its first event is not: only the recorder writes events, so
    that they are published in the order of their ids. The caller hands it over.

    Args:
        name: Any text; its limits are the interface's.
        owner: Who owns it, under the first epoch; nobody unless given.

    Returns:
        The account as it stands with its first event, and this event, to be recorded.

    Raises:
        DatabaseAway: The database does not answer.
    """
    now = datetime.now(UTC)
    async with transaction() as connection:
        row = await models.Account.create(
            id=secrets.token_hex(8),
            name=keepable(name),
            desired=Desired.DISCONNECTED.value,
            status=Status.DISCONNECTED.value,
            cause=Cause.CREATED.value,
            since=now,
            created_at=now,
            using_db=connection,
        )
        if owner is not None:
            await leases.grant(connection, row.id, owner)
    data = {
        "status": row.status,
        "previous": None,
        "cause": row.cause,
        "attempt": row.attempt,
        "detail": None,
    }
    event = Event(EventType.STATUS.value, row.id, now, data, seq=1)
    return replace(_row(row), seq=1), event


@database_errors
async def get(account_id: str) -> AccountRow | None:
    """Return an account, or nothing if there is none with this id.

    Raises:
        DatabaseAway: The database does not answer.
    """
    row = await models.Account.get_or_none(id=account_id)
    return None if row is None else _row(row)


@database_errors
async def all_rows() -> list[AccountRow]:
    """Return all accounts in the order of their creation.

    Raises:
        DatabaseAway: The database does not answer.
    """
    return [_row(row) for row in await models.Account.all().order_by("created_at", "id")]


async def some_rows(account_ids: Collection[str]) -> list[AccountRow]:
    """Return those of the accounts that exist, in the order of their creation.

    Raises:
        DatabaseAway: The database does not answer.
    """
    found = [row for names in chunks(sorted(account_ids)) for row in await _rows(names)]
    return sorted(found, key=lambda row: (row.created_at, row.id))


@database_errors
async def _rows(names: Sequence[str]) -> list[AccountRow]:
    return [_row(row) for row in await models.Account.filter(id__in=names)]


@database_errors
async def list_page(after: str | None, limit: int) -> AccountPage:
    """Return some accounts in the order of their creation.

    Args:
        after: The `next` of the page before; nothing for the first page.
        limit: The greatest number of accounts on the page.

    Raises:
        BrokenCursor: `after` did not come from an earlier page.
        DatabaseAway: The database does not answer.
    """
    query = models.Account.all()
    if after is not None:
        created_at, account_id = _read_cursor(after)
        query = query.filter(
            Q(created_at__gt=created_at) | Q(created_at=created_at, id__gt=account_id)
        )
    found = [_row(row) for row in await query.order_by("created_at", "id").limit(limit + 1)]
    items = found[:limit]
    return AccountPage(items, _cursor(items[-1]) if len(found) > limit else None)


@database_errors
async def rename(account_id: str, name: str, epoch: int | None = None) -> AccountRow | None:
    """Give an account another name, and return it; nothing if there is no such account.

    Args:
        account_id: Which account.
        name: Any text; its limits are the interface's.
        epoch: The epoch under which the caller owns the account; nothing if nobody does.

    Raises:
        LeaseLost: The epoch is over.
        DatabaseAway: The database does not answer.
    """
    async with transaction() as connection:
        if epoch is not None:
            await leases.guard(connection, account_id, epoch)
        query = models.Account.filter(id=account_id).using_db(connection)
        await query.update(name=keepable(name))
        row = await query.first()
    return None if row is None else _row(row)


@database_errors
async def set_desired(
    account_id: str,
    desired: Desired,
    epoch: int | None = None,
    *,
    logout_after: int | None = None,
    withdraw_logout: bool = False,
) -> AccountRow | None:
    """Keep what the user wants, and return the account; nothing if there is no such account.

    Args:
        account_id: Whose wish it is.
        desired: What is wanted.
        epoch: The epoch under which the caller owns the account; nothing if nobody does.
        logout_after: That the session is to be ended as well, which is done once a later event
            than this one tells that the account is LOGGED_OUT.
        withdraw_logout: Take back what was noted by `logout_after`.

    Raises:
        LeaseLost: The epoch is over.
        DatabaseAway: The database does not answer.
    """
    async with transaction() as connection:
        if epoch is not None:
            await leases.guard(connection, account_id, epoch)
        query = models.Account.filter(id=account_id).using_db(connection)
        wish: dict[str, Any] = {"desired": desired.value}
        if logout_after is not None or withdraw_logout:
            wish["logout_after"] = logout_after
        await query.update(**wish)
        row = await query.first()
    return None if row is None else _row(row)


@database_errors
async def delete(account_id: str, epoch: int | None = None) -> bool:
    """Forget an account and its lease; its events stay in the log.

    Args:
        account_id: Which account.
        epoch: The epoch under which the caller owns the account; nothing if nobody does.

    Returns:
        Whether there was such an account.

    Raises:
        LeaseLost: The epoch is over.
        DatabaseAway: The database does not answer.
    """
    async with transaction() as connection:
        if epoch is not None:
            await leases.guard(connection, account_id, epoch)
        return await _delete([account_id], connection) > 0


async def delete_all(epochs: Mapping[str, int]) -> None:
    """Forget accounts as `delete` does, in a few statements; those under an old epoch stay.

    Args:
        epochs: The epochs under which the caller owns the accounts.

    Raises:
        DatabaseAway: The database does not answer. Some may be forgotten.
    """
    for names in chunks(sorted(epochs)):
        await _delete_owned({name: epochs[name] for name in names})


@database_errors
async def _delete_owned(epochs: Mapping[str, int]) -> None:
    async with transaction() as connection:
        current = await leases.current_epochs(connection, epochs.keys())
        ours = [name for name, epoch in epochs.items() if current.get(name) == epoch]
        await _delete(ours, connection)


async def _delete(account_ids: Collection[str], connection: BaseDBAsyncClient) -> int:
    await leases.remove(connection, account_ids)
    return await models.Account.filter(id__in=account_ids).using_db(connection).delete()


def _row(row: models.Account) -> AccountRow:
    return AccountRow(
        id=row.id,
        name=row.name,
        phone=row.phone,
        push_name=row.push_name,
        desired=Desired.read(row.desired),
        status=Status.read(row.status),
        cause=Cause.read(row.cause),
        detail=row.detail,
        since=row.since,
        restarts=row.restarts,
        restart_cause=None if row.restart_cause is None else Cause.read(row.restart_cause),
        restarted_at=row.restarted_at,
        linked=row.linked,
        logout_after=row.logout_after,
        logged_out_seq=row.logged_out_seq,
        history_until=row.history_until,
        heard_until=row.heard_until,
        away_since=row.away_since,
        maybe_listed=row.maybe_listed,
        attempt=row.attempt,
        seq=row.seq,
        created_at=row.created_at,
    )


def _cursor(row: AccountRow) -> str:
    return f"{(row.created_at - EPOCH) // timedelta(microseconds=1)}-{row.id}"


def _read_cursor(cursor: str) -> tuple[datetime, str]:
    microseconds, _, account_id = cursor.partition("-")
    if not account_id:
        raise BrokenCursor
    try:
        return EPOCH + timedelta(microseconds=int(microseconds)), account_id
    except (ValueError, OverflowError) as error:
        raise BrokenCursor from error
