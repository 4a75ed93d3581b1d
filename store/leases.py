"""Leases: which server owns which account, and the queries that keep it to one at a time.

A lease carries no time of day, only how long it lasts and how often it was renewed: a server
counts its own leases from the moment it asked for them, and takes another's only after watching
it unchanged for that long. So no two clocks are ever compared. Decisions are in
`actors.leases.policy`.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.connection import get_connection

from store import models
from store.database.opening import CONNECTION, database_errors
from store.errors import LeaseLost

FIRST_EPOCH = 1
CHUNK = 250
"""How many leases are asked for at once: so few that a database which is slow carries them out in
time, and so many that one which is far away is seldom asked."""

ADD_MISSING = """
    INSERT INTO leases (account_id, host, pid, seconds, epoch, renewals)
    SELECT id, '', 0, 0, 0, 0 FROM accounts
    WHERE NOT EXISTS (SELECT 1 FROM leases WHERE leases.account_id = accounts.id)
    ON CONFLICT DO NOTHING"""

# On Postgres rows are locked in one order everywhere, so that no two servers wait for each other;
# what has changed when its lock is there is looked at again, and left out.
CLAIM_POSTGRES = """
    WITH seen AS (
        SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[])
        AS seen (account_id, epoch, renewals)
    ), unchanged AS (
        SELECT leases.account_id FROM leases JOIN seen ON leases.account_id = seen.account_id
            AND leases.epoch = seen.epoch AND leases.renewals = seen.renewals
        ORDER BY leases.account_id FOR UPDATE OF leases
    )
    UPDATE leases SET owner = $4, host = $5, pid = $6, seconds = $7,
        epoch = leases.epoch + 1, renewals = leases.renewals + 1
    FROM unchanged WHERE leases.account_id = unchanged.account_id
    RETURNING leases.account_id, leases.epoch"""
CLAIM_SQLITE = """
    UPDATE leases SET owner = ?2, host = ?3, pid = ?4, seconds = ?5,
        epoch = leases.epoch + 1, renewals = leases.renewals + 1
    FROM (
        SELECT json_extract(value, '$[0]') AS account_id, json_extract(value, '$[1]') AS epoch,
            json_extract(value, '$[2]') AS renewals
        FROM json_each(?1)
    ) AS seen
    WHERE leases.account_id = seen.account_id
        AND leases.epoch = seen.epoch AND leases.renewals = seen.renewals
    RETURNING account_id, epoch"""
CHANGE_OWN_POSTGRES = """
    WITH own AS (
        SELECT account_id FROM leases
        WHERE owner = $1 AND ($2::text[] IS NULL OR account_id = ANY($2::text[]))
        ORDER BY account_id FOR UPDATE
    )
    UPDATE leases SET {change} FROM own WHERE leases.account_id = own.account_id
    RETURNING leases.account_id, leases.epoch"""
CHANGE_OWN_SQLITE = """
    UPDATE leases SET {change}
    WHERE owner = ?1 AND (?2 = 'null' OR account_id IN (SELECT value FROM json_each(?2)))
    RETURNING account_id, epoch"""


@dataclass(frozen=True, slots=True)
class Server:
    """A server as leases name it."""

    id: str
    """Made anew each time the server starts."""
    host: str
    pid: int
    lease_seconds: float
    """How long its leases last from when they are asked for."""

    def __str__(self) -> str:
        """Name it for people."""
        return f"process {self.pid} on {self.host}"


@dataclass(frozen=True, slots=True)
class Lease:
    """An account's lease as it was read."""

    account_id: str
    server: Server | None
    """Who has it; nobody where it was given back, or never taken."""
    epoch: int
    """Counts the owners the account has had. A write under an earlier one is refused."""
    renewals: int
    """Grows with each renewal, so that a living owner's lease never looks the same for long."""


@database_errors
async def all_leases() -> list[Lease]:
    """Return the leases of all accounts.

    Raises:
        DatabaseAway: The database does not answer.
    """
    return [_lease(row) for row in await models.Lease.all().order_by("account_id")]


@database_errors
async def get(account_id: str) -> Lease | None:
    """Return an account's lease; nothing if there is no such account.

    Raises:
        DatabaseAway: The database does not answer.
    """
    row = await models.Lease.get_or_none(account_id=account_id)
    return None if row is None else _lease(row)


@database_errors
async def add_missing() -> None:
    """Give every account a lease that nobody has, where it has none from an earlier version.

    Raises:
        DatabaseAway: The database does not answer.
    """
    await get_connection(CONNECTION).execute_query(ADD_MISSING)


async def grant(connection: BaseDBAsyncClient, account_id: str, server: Server) -> None:
    """Make the lease of an account that is being created, in the transaction that creates it."""
    await _new_row(account_id, server, epoch=FIRST_EPOCH).save(using_db=connection)


@database_errors
async def claim(seen: Collection[Lease], server: Server) -> dict[str, int]:
    """Take leases, each only if nobody took or renewed it since it was seen; in one statement.

    Args:
        seen: The leases as they were read, `CHUNK` at most. That their time is over is for the
            caller to know.
        server: Who takes them.

    Returns:
        The new epochs of those that were taken, by account.

    Raises:
        DatabaseAway: The database does not answer. It may have happened nevertheless.
    """
    connection = get_connection(CONNECTION)
    rows = [(lease.account_id, lease.epoch, lease.renewals) for lease in seen]
    owner = [server.id, server.host, server.pid, server.lease_seconds]
    statement, values = CLAIM_POSTGRES, [[row[n] for row in rows] for n in range(3)] + owner
    if connection.capabilities.dialect == "sqlite":
        statement, values = CLAIM_SQLITE, [json.dumps(rows), *owner]
    return _epochs(await connection.execute_query_dict(statement, values))


@database_errors
async def renew(server_id: str, account_ids: Collection[str] | None = None) -> dict[str, int]:
    """Renew leases that a server still has, in one statement.

    Args:
        server_id: Who has them.
        account_ids: Of which accounts, `CHUNK` at most; all that it has unless given.

    Returns:
        Their epochs by account. A lease that is missing here is lost.

    Raises:
        DatabaseAway: The database does not answer. It may have happened nevertheless.
    """
    return await _change_own("renewals = leases.renewals + 1", server_id, account_ids)


@database_errors
async def release(server_id: str, account_ids: Collection[str]) -> None:
    """Give leases back, so that another server may take them at once; in one statement.

    Raises:
        DatabaseAway: The database does not answer.
    """
    await _change_own("owner = NULL, renewals = leases.renewals + 1", server_id, account_ids)


async def _change_own(
    change: str, server_id: str, account_ids: Collection[str] | None
) -> dict[str, int]:
    connection = get_connection(CONNECTION)
    names: list[str] | str | None = None if account_ids is None else list(account_ids)
    statement = CHANGE_OWN_POSTGRES
    if connection.capabilities.dialect == "sqlite":
        statement, names = CHANGE_OWN_SQLITE, json.dumps(names)
    rows = await connection.execute_query_dict(statement.format(change=change), [server_id, names])
    return _epochs(rows)


def _epochs(rows: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    return {row["account_id"]: row["epoch"] for row in rows}


async def current_epochs(
    connection: BaseDBAsyncClient, account_ids: Collection[str]
) -> dict[str, int]:
    """Return accounts' epochs, which do not change before the connection's transaction ends."""
    if not account_ids:
        return {}
    found = models.Lease.filter(account_id__in=account_ids).using_db(connection)
    rows = await found.order_by("account_id").select_for_update()
    return {row.account_id: row.epoch for row in rows}


async def guard(connection: BaseDBAsyncClient, account_id: str, epoch: int) -> None:
    """Make sure that a transaction writes to an account only under its newest epoch.

    Raises:
        LeaseLost: There is a newer one, or the account is no more.
    """
    if (await current_epochs(connection, [account_id])).get(account_id) != epoch:
        raise LeaseLost


async def remove(connection: BaseDBAsyncClient, account_ids: Collection[str]) -> None:
    """Remove the leases of accounts that are being deleted, in the same transaction."""
    await models.Lease.filter(account_id__in=account_ids).using_db(connection).delete()


def is_stale(epoch: int | None, account_id: str, current: Mapping[str, int]) -> bool:
    """Return whether a write is to be refused; one without an epoch is nobody's, and never is."""
    return epoch is not None and current.get(account_id) != epoch


def _new_row(account_id: str, server: Server | None, epoch: int) -> models.Lease:
    if server is None:
        return models.Lease(account_id=account_id, epoch=epoch)
    return models.Lease(
        account_id=account_id,
        owner=server.id,
        host=server.host,
        pid=server.pid,
        seconds=server.lease_seconds,
        epoch=epoch,
    )


def _lease(row: models.Lease) -> Lease:
    server = None
    if row.owner is not None:
        server = Server(row.owner, row.host, row.pid, row.seconds)
    return Lease(row.account_id, server, row.epoch, row.renewals)
