"""The accounts of this server come and go: what follows from leases that are won and lost."""

import os
import secrets
import socket
from collections.abc import Callable, Collection
from contextlib import suppress

from actors.account.view import Views
from actors.browser.profile import care
from actors.config import ManagerConfig
from actors.errors import ShuttingDown, StoreAway
from actors.evidence import Evidence
from actors.leases.access import kept
from actors.leases.keeper import LeaseKeeper
from actors.leases.liveness import Liveness
from actors.loop import Promise
from actors.mailbox import ForAccount, Owned, RegistryMessage, Relinquish, Start
from common.background import Background
from common.threads import FILES
from store import accounts
from store.accounts import AccountRow
from store.events.recorder import Recorder
from store.leases import Server
from store.status import Cause


class Takeover:
    """Lives in the accounts whose leases this server holds. Lives on the loop.

    Args:
        config: The numbers, and where the profiles are.
        recorder: Writes what the accounts' actors record.
        views: What is shown of accounts.
        evidence: The pictures that are kept of them.
        tell_registry: Tells the registry; raises `ShuttingDown` where there is none any more.
        background: What the tasks that keep the leases belong to.

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
        background: Background,
    ) -> None:
        self._config = config
        self._recorder = recorder
        self._views = views
        self._evidence = evidence
        self._tell_registry = tell_registry
        terms = config.leases
        server = Server(secrets.token_hex(8), socket.gethostname(), os.getpid(), terms.seconds)
        folder = config.browser.profiles_dir.parent / "servers"
        self.keeper = LeaseKeeper(
            server, terms, Liveness(folder, server.id), self, background=background
        )

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
        begun = [(row, self.keeper.begin(row.id)) for row in rows]
        recovered: Promise[int] = Promise()
        owned = tuple(Owned(row, epoch) for row, epoch in begun if epoch is not None)
        self._tell_registry(Start(owned, recovered))
        await recovered.within(self._config.answer_timeout)

    def relinquish(self, account_id: str, seconds: float) -> None:
        """Close an account's browser, which must be gone before the seconds are over."""
        # Without a registry there is no browser left, and the server is ending.
        with suppress(ShuttingDown):
            self._tell_registry(ForAccount(account_id, Relinquish(seconds)))

    def found_elsewhere(self, account_ids: Collection[str]) -> None:
        """Show accounts of other servers no longer: the store knows more about them."""
        for account_id in account_ids:
            self._views.drop(account_id)

    async def _finish_deletions(self, rows: list[AccountRow]) -> list[AccountRow]:
        """Finish what a crash has interrupted; return the accounts that stay."""
        deleted = [row.id for row in rows if row.cause is Cause.DELETED]
        epochs = {}
        for account_id in deleted:
            await FILES.run(care.remove, self._config.browser, account_id)
            await FILES.run(self._evidence.remove, account_id)
            epoch = self.keeper.epoch_without_actor(account_id)
            # One that was lost meanwhile is finished by its next owner.
            if epoch is not None:
                epochs[account_id] = epoch
        if epochs:
            await kept(accounts.delete_all(epochs), self._config.store_timeout)
        for account_id in epochs:
            self.keeper.forget(account_id)
        return [row for row in rows if row.id not in deleted]
