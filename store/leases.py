"""Leases: which server owns which account, and the queries that keep it to one at a time.

A lease carries no time of day, only how long it lasts and how often it was renewed: a server
counts its own leases from the moment it asked for them, and takes another's only after watching
it unchanged for that long. So no two clocks are ever compared. Deciding is for `actors.tenure`.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.expressions import F

from store import models
from store.database import database_errors, transaction
from store.errors import LeaseLost

FIRST_EPOCH = 1


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
    leased = await models.Lease.all().values_list("account_id", flat=True)
    known = await models.Account.all().values_list("id", flat=True)
    missing = set(known) - set(leased)
    # Another server may be doing the same.
    await models.Lease.bulk_create(
        [_new_row(str(account_id), None, epoch=0) for account_id in sorted(missing)],
        ignore_conflicts=True,
    )


async def grant(connection: BaseDBAsyncClient, account_id: str, server: Server) -> None:
    """Make the lease of an account that is being created, in the transaction that creates it."""
    await _new_row(account_id, server, epoch=FIRST_EPOCH).save(using_db=connection)


@database_errors
async def claim(seen: Iterable[Lease], server: Server) -> dict[str, int]:
    """Take leases, each only if nobody took or renewed it since it was seen.

    Args:
        seen: The leases as they were read. That their time is over is for the caller to know.
        server: Who takes them.

    Returns:
        The new epochs of those that were taken, by account.

    Raises:
        DatabaseAway: The database does not answer. It may have happened nevertheless.
    """
    taken = {}
    async with transaction() as connection:
        # In one order everywhere, so that no two servers wait for each other.
        for lease in sorted(seen, key=lambda lease: lease.account_id):
            unchanged = models.Lease.filter(
                account_id=lease.account_id, epoch=lease.epoch, renewals=lease.renewals
            )
            changed = await unchanged.using_db(connection).update(
                owner=server.id,
                host=server.host,
                pid=server.pid,
                seconds=server.lease_seconds,
                epoch=lease.epoch + 1,
                renewals=lease.renewals + 1,
            )
            if changed:
                taken[lease.account_id] = lease.epoch + 1
    return taken


@database_errors
async def renew(server_id: str) -> dict[str, int]:
    """Renew all leases that a server still has.

    Returns:
        Their epochs by account. A lease that is missing here is lost.

    Raises:
        DatabaseAway: The database does not answer. It may have happened nevertheless.
    """
    async with transaction() as connection:
        ours = models.Lease.filter(owner=server_id).using_db(connection)
        rows = await ours.order_by("account_id").select_for_update()
        await ours.update(renewals=F("renewals") + 1)
    return {row.account_id: row.epoch for row in rows}


@database_errors
async def release(server_id: str, account_ids: Collection[str]) -> None:
    """Give leases back, so that another server may take them at once.

    Raises:
        DatabaseAway: The database does not answer.
    """
    await models.Lease.filter(owner=server_id, account_id__in=account_ids).update(
        owner=None, renewals=F("renewals") + 1
    )


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


async def remove(connection: BaseDBAsyncClient, account_id: str) -> None:
    """Remove the lease of an account that is being deleted, in the same transaction."""
    await models.Lease.filter(account_id=account_id).using_db(connection).delete()


def is_stale(epoch: int | None, account_id: str, current: Mapping[str, int]) -> bool:
    """Tell whether a write is to be refused; one without an epoch is nobody's, and never is."""
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
