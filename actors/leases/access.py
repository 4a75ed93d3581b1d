"""How the manager reaches the store: within a time, and for accounts that this server owns."""

from collections.abc import Awaitable
from typing import TypeVar

from actors.errors import (
    AccountElsewhere,
    ManagerError,
    NobodysAccount,
    StoreAway,
    UnknownAccount,
)
from actors.leases.keeper import LeaseKeeper
from store import accounts, leases
from store.accounts import AccountRow
from store.database.timeouts import within
from store.errors import DatabaseAway, DatabaseReadOnly, LeaseLost

T = TypeVar("T")


async def kept(work: Awaitable[T], seconds: float) -> T:
    """Await what a command needs of the store.

    Raises:
        StoreAway: The database does not answer, or not within the seconds.
    """
    try:
        return await within(seconds, work)
    except DatabaseReadOnly as error:
        raise StoreAway(str(error)) from error
    except DatabaseAway as error:
        raise StoreAway from error


def known(row: AccountRow | None) -> AccountRow:
    """Return the row of an account that must be there.

    Raises:
        UnknownAccount: It is not.
    """
    if row is None:
        raise UnknownAccount
    return row


class OwnedAccounts:
    """The store's side of the accounts that are ours. Lives on the loop.

    Args:
        ownership: Knows which they are.
        timeout: How long the database is waited for, in seconds.
    """

    def __init__(self, keeper: LeaseKeeper, timeout: float) -> None:
        self._keeper = keeper
        self._timeout = timeout

    async def epoch(self, account_id: str) -> int:
        """Return the epoch under which an account is ours.

        Raises:
            UnknownAccount: There is no such account.
            AccountElsewhere: Another server owns it.
            NobodysAccount: No server owns it at the moment.
            StoreAway: The database does not answer.
        """
        epoch = self._keeper.epoch(account_id)
        if epoch is None:
            raise await self._not_ours(account_id)
        return epoch

    async def fenced(self, account_id: str, epoch: int, work: Awaitable[T]) -> T:
        """Await a write that the store refuses once the account is another server's.

        Raises:
            UnknownAccount: There is no such account.
            AccountElsewhere: Another server owns it.
            NobodysAccount: No server owns it at the moment.
            StoreAway: The database does not answer.
        """
        try:
            return await kept(work, self._timeout)
        except LeaseLost as error:
            self._keeper.refused(account_id, epoch)
            raise await self._not_ours(account_id) from error

    async def _not_ours(self, account_id: str) -> ManagerError:
        known(await kept(accounts.get(account_id), self._timeout))
        lease = await kept(leases.get(account_id), self._timeout)
        owner = None if lease is None else lease.server
        if owner is None or owner.id == self._keeper.server.id:
            return NobodysAccount()
        return AccountElsewhere(owner)
