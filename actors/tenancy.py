"""The accounts of this server come and go: what follows from leases that are won and lost."""

import asyncio
import os
import secrets
import socket
from collections.abc import Callable, Collection
from contextlib import suppress

from actors import profiles
from actors.access import kept
from actors.config import ManagerConfig
from actors.errors import ShuttingDown, StoreAway
from actors.evidence import Evidence
from actors.lifesign import Lifesign
from actors.loop import Promise
from actors.messages import ForAccount, Owned, RegistryMessage, Start, Vacate
from actors.ownership import Ownership
from actors.view import Views
from store import accounts
from store.accounts import AccountRow
from store.errors import LeaseLost
from store.leases import Server
from store.recorder import Recorder
from store.status import Cause


class Tenancy:
    """Lives in the accounts whose leases this server holds. Lives on the loop.

    Args:
        config: The numbers, and where the profiles are.
        recorder: Writes what the accounts' actors record.
        views: What is shown of accounts.
        evidence: The pictures that are kept of them.
        tell_registry: Tells the registry; raises `ShuttingDown` where there is none any more.

    Attributes:
        ownership: The leases.
    """

    def __init__(
        self,
        config: ManagerConfig,
        recorder: Recorder,
        views: Views,
        evidence: Evidence,
        tell_registry: Callable[[RegistryMessage], None],
    ) -> None:
        self._config = config
        self._recorder = recorder
        self._views = views
        self._evidence = evidence
        self._tell_registry = tell_registry
        terms = config.leases
        server = Server(secrets.token_hex(8), socket.gethostname(), os.getpid(), terms.seconds)
        folder = config.browser.profiles_dir.parent / "servers"
        self.ownership = Ownership(server, terms, Lifesign(folder, server.id), self)

    async def take_up(self, account_ids: Collection[str]) -> None:
        """Start the actors of accounts that are ours now, and bring them back.

        Raises:
            StoreAway: The database does not answer.
        """
        timeout = self._config.store_timeout
        # What we wrote of them, if they were ours before, comes before what is read now.
        if not await self._recorder.flush(timeout):
            raise StoreAway
        rows = await kept(accounts.some_rows(account_ids), timeout)
        rows = await self._finish_deletions(rows)
        begun = [(row, self.ownership.begin(row.id)) for row in rows]
        recovered: Promise[int] = Promise()
        owned = tuple(Owned(row, epoch) for row, epoch in begun if epoch is not None)
        self._tell_registry(Start(owned, recovered))
        await recovered.within(self._config.answer_timeout)

    def vacate(self, account_id: str, seconds: float) -> None:
        """Close an account's browser, which must be gone before the seconds are over."""
        # Without a registry there is no browser left, and the server is ending.
        with suppress(ShuttingDown):
            self._tell_registry(ForAccount(account_id, Vacate(seconds)))

    def found_elsewhere(self, account_ids: Collection[str]) -> None:
        """Show accounts of other servers no longer: the store knows more about them."""
        for account_id in account_ids:
            self._views.drop(account_id)

    async def _finish_deletions(self, rows: list[AccountRow]) -> list[AccountRow]:
        staying = []
        for row in rows:
            if row.cause is Cause.DELETED:
                await asyncio.to_thread(profiles.remove, self._config.browser, row.id)
                await asyncio.to_thread(self._evidence.remove, row.id)
                epoch = self.ownership.begin(row.id)
                if epoch is None:
                    # Lost meanwhile: its next owner finishes this.
                    continue
                with suppress(LeaseLost):
                    await kept(accounts.delete(row.id, epoch), self._config.store_timeout)
                self.ownership.forget(row.id)
            else:
                staying.append(row)
        return staying
