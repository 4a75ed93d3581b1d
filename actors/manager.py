"""The one door to the actors for whoever runs on the loop: commands in, promises and views out.

A user's command is kept in the store before it is told to the actor, so that it outlives a crash.
No method waits for a browser unless it says so.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar
from weakref import WeakValueDictionary

import pykka

from actors.account.context import AccountContext
from actors.account.known_messages import KnownMessagesReader
from actors.account.lifecycle import Signal
from actors.account.view import StartsView, View, Views
from actors.browser.errors import OutcomeUnknown
from actors.browser.profile import care
from actors.browser.profile.orphans import remove_orphans
from actors.browser.reports import PairingCodeShown, Report, SentMessage
from actors.browser.run import BrowserRun
from actors.config import ManagerConfig
from actors.deletion import NEEDS_PAGE, is_listed
from actors.errors import ShuttingDown, StoreAway, TimedOut, UnknownAccount, WrongStatus
from actors.evidence import FOLDER, Evidence
from actors.leases.access import OwnedAccounts, kept, known
from actors.leases.takeover import Takeover
from actors.loop import Loop, Promise
from actors.mailbox import (
    AccountMessage,
    Command,
    Created,
    Delete,
    ForAccount,
    Owned,
    RegistryMessage,
    Renamed,
    RequestPairingCode,
    SendText,
    StopAll,
    TakeScreenshot,
)
from actors.monitor.actor import Figures, MonitorActor, MonitorConfig, Watched
from actors.monitor.disk import free_mb
from actors.monitor.memory import available_mb
from actors.registry import RegistryActor
from actors.startqueue import Room
from actors.telemetry.observer import Observer
from common.background import Background
from common.threads import FILES, PROCESSES
from store import accounts
from store.accounts import AccountRow
from store.events.recorder import Recorder
from store.leases import FIRST_EPOCH
from store.status import Cause, Desired, Status

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Manager:
    """Starts, commands and stops everything that runs. Lives on the loop.

    Args:
        config: Its numbers.
        recorder: Where what happens is kept.
        observer: Who hears how the accounts fare.
        background: What runs as long as the server does.
    """

    def __init__(
        self,
        config: ManagerConfig,
        recorder: Recorder,
        observer: Observer | None = None,
        background: Background | None = None,
    ) -> None:
        self._background = background or Background()
        self._config = config
        self._recorder = recorder
        self._observer = observer or Observer()
        self._known_messages = KnownMessagesReader(recorder, config.store_timeout)
        self._evidence = Evidence(config.browser.profiles_dir.parent / FOLDER)
        self._views = Views()
        self._watched = Watched()
        self._takeover = Takeover(
            *(config, recorder, self._views, self._evidence, self._tell_registry),
            background=self._background,
        )
        self._keeper = self._takeover.keeper
        self._owned = OwnedAccounts(self._keeper, config.store_timeout)
        recorder.tell_refusals(self._keeper.refused)
        # A lock lives only for as long as somebody holds it or waits for it.
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._doubtful: set[str] = set()
        """Accounts whose last logout was refused, and so must not be carried out later."""
        self._registry: pykka.ActorRef[RegistryActor] | None = None
        self._monitor: pykka.ActorRef[MonitorActor] | None = None
        self.stopping = False
        self.broken = self._background.broken
        """Set when the server cannot go on and must end, to be started anew."""

    # Start and stop.

    async def start(self) -> None:
        """Clean stale locks, take the accounts that are free, and begin to bring them back.

        Waits for a database that is away, for as long as it takes.
        """
        await FILES.run(care.clean_locks, self._config.browser)
        await self._keeper.start()
        loop = Loop()
        around = AccountContext(
            loop=loop,
            recorder=self._recorder,
            views=self._views,
            new_run=self._new_run,
            wipe=partial(care.remove, self._config.browser),
            evidence=self._evidence,
            let_go=self._keeper.let_go,
            broken=partial(self._break, "registry of accounts"),
            room=self._room,
            policy=self._config.policy,
            deadlines=self._config.deadlines,
            limits=self._config.limits,
            observer=self._observer,
        )
        self._registry = RegistryActor.start(around, self._config.starts)
        self._monitor = MonitorActor.start(
            self._monitor_config(),
            loop,
            self._recorder,
            self._views,
            self._watched,
            self._registry.tell,
            partial(self._break, "resource monitor"),
        )
        await self._keeper.hand_over()
        await remove_orphans(self._config.browser)
        self._keeper.keep_looking()

    async def stop(self, budget: float) -> None:
        """Close every browser in parallel, then end the actors. A second call does no harm.

        Args:
            budget: Seconds that the browsers have together. What remains after that is killed.
        """
        self.stopping = True
        registry, monitor = self._registry, self._monitor
        if registry is None or monitor is None:
            await self._keeper.stop(give_back=True)
            return
        self._keeper.stop_looking()
        done: Promise[None] = Promise()
        try:
            registry.tell(StopAll(done))
            await done.within(budget)
        except pykka.ActorDeadError:
            # It ended its accounts itself when it died, or a second call came while it ends.
            pass
        except TimeoutError:
            logger.warning("Not every browser closed within %g s", budget)
        # Once the leases are given back, the last events of their accounts would be refused.
        written = await self._recorder.flush(self._config.store_timeout)
        await self._keeper.stop(give_back=written)
        await PROCESSES.run(monitor.stop)
        await PROCESSES.run(registry.stop)
        self._registry = self._monitor = None

    def begin_stopping(self) -> None:
        """Refuse new commands from now on."""
        self.stopping = True

    # Accounts.

    async def create(self, name: str) -> AccountRow:
        """Add an account, at rest.

        Raises:
            ShuttingDown: The server is stopping.
            StoreAway: The database does not answer.
        """
        self._refuse_if_stopping()
        async with self._keeper.creating() as made:
            row, event = await kept(
                accounts.create(name, self._keeper.server), self._config.store_timeout
            )
            made(row.id)
        self._recorder.record(event, epoch=FIRST_EPOCH)
        self._tell_registry(Created(Owned(row, FIRST_EPOCH)))
        return row

    async def rename(self, account_id: str, name: str) -> AccountRow:
        """Give an account another name; its owner tells of that by an event.

        Raises:
            UnknownAccount: There is no such account.
            AccountElsewhere: Another server owns it.
            NobodysAccount: No server owns it at the moment.
            ShuttingDown: The server is stopping.
            StoreAway: The database does not answer.
        """
        self._refuse_if_stopping()
        async with self._lock(account_id):
            epoch = await self._owned.epoch(account_id)
            renaming = accounts.rename(account_id, name, epoch)
            row = known(await self._owned.fenced(account_id, epoch, renaming))
            self._tell(account_id, Renamed(row.name))
        return row

    async def connect(self, account_id: str) -> AccountRow:
        """Have an account online; see `command`."""
        return await self.command(account_id, Signal.CONNECT, Desired.CONNECTED)

    async def disconnect(self, account_id: str) -> AccountRow:
        """Have an account offline, its device still linked; see `command`."""
        return await self.command(account_id, Signal.DISCONNECT, Desired.DISCONNECTED)

    async def restart(self, account_id: str) -> AccountRow:
        """Have an account online with a fresh browser; see `command`."""
        return await self.command(account_id, Signal.RESTART, Desired.CONNECTED)

    async def logout(self, account_id: str) -> AccountRow:
        """Unlink an account's device and forget its session; see `command`."""
        return await self.command(account_id, Signal.LOGOUT, Desired.DISCONNECTED)

    async def command(self, account_id: str, signal: Signal, desired: Desired) -> AccountRow:
        """Keep what the user wants, then tell the account.

        Returns:
            The account as it is kept; its status follows in events.

        Raises:
            UnknownAccount: There is no such account.
            AccountElsewhere: Another server owns it.
            NobodysAccount: No server owns it at the moment.
            ShuttingDown: The server is stopping.
            StoreAway: The database does not answer, and nothing was told to anyone.
        """
        self._refuse_if_stopping()
        # Two commands at once must reach store and actor in the same order.
        async with self._lock(account_id):
            epoch = await self._owned.epoch(account_id)
            wish = self._wish(account_id, signal, desired, epoch)
            row = known(await self._owned.fenced(account_id, epoch, wish))
            if row.cause is Cause.DELETED:
                # Its deletion was interrupted; deleting it again finishes that.
                raise UnknownAccount
            self._tell(account_id, Command(signal))
            self._doubtful.discard(account_id)
        return row

    async def delete(self, account_id: str, *, logout: bool = False) -> bool:
        """Remove an account: its browser, its profile, and its row, in this order.

        Waits for the browser. A deletion that a crash interrupts is finished at the next start.

        Args:
            account_id: Which account.
            logout: Have its page log out first; else the phone is not touched.

        Returns:
            Whether the phone may still list the account's device.

        Raises:
            UnknownAccount: There is no such account.
            WrongStatus: There is no page that could log out; nothing was done.
            NotLoggedOut: WhatsApp was not told of the logout; the account is kept, LOGGED_OUT.
            AccountElsewhere: Another server owns it.
            NobodysAccount: No server owns it at the moment.
            ShuttingDown: The server is stopping.
            StoreAway: The database does not answer; the account may be going away already.
            TimedOut: The browser did not end in time; the account is still going away.
        """
        self._refuse_if_stopping()
        async with self._lock(account_id):
            epoch = await self._owned.epoch(account_id)
            before = self._can_log_out(account_id) if logout else None
            # Kept before the browser closes, so that a database that is away refuses it in time.
            signal = Signal.LOGOUT if before else Signal.DELETE
            wish = self._wish(account_id, signal, Desired.DISCONNECTED, epoch)
            known(await self._owned.fenced(account_id, epoch, wish))
            done: Promise[None] = Promise()
            self._tell(account_id, Delete(done, logout=before is not None))
            try:
                await self._answered(done)
            except WrongStatus:
                # Nothing was done, so that what was wished before holds.
                wish = self._wish(account_id, Signal.DELETE, before or Desired.DISCONNECTED, epoch)
                await self._owned.fenced(account_id, epoch, wish)
                raise
            finally:
                self._doubtful.discard(account_id)
            if not await self._recorder.flush(self._config.store_timeout):
                raise StoreAway
            row = known(await kept(accounts.get(account_id), self._config.store_timeout))
            await self._owned.fenced(account_id, epoch, accounts.delete(account_id, epoch))
            self._keeper.forget(account_id)
        await FILES.run(self._evidence.remove, account_id)
        return is_listed(row)

    # What is, and what a page can do.

    def view(self, account_id: str) -> View | None:
        """Show an account from memory."""
        return self._views.get(account_id)

    def name_of(self, account_id: str) -> str | None:
        """Return what an account of this server is called; None if it is not known. Any thread."""
        view = self._views.get(account_id)
        return None if view is None else view.name

    def views(self) -> list[View]:
        """Show all accounts from memory."""
        return self._views.all()

    async def must_own(self, account_id: str) -> None:
        """Make sure that an account is this server's, where only the owner can answer.

        Raises:
            UnknownAccount: There is no such account.
            AccountElsewhere: Another server owns it.
            NobodysAccount: No server owns it at the moment.
            StoreAway: The database does not answer.
        """
        await self._owned.epoch(account_id)

    @property
    def elsewhere(self) -> int:
        """How many accounts other servers own."""
        return self._keeper.elsewhere

    @property
    def trouble(self) -> str | None:
        """Why leases cannot be kept or taken at the moment; None while all is well."""
        return self._keeper.trouble

    @property
    def starts(self) -> StartsView:
        """Show the start queue from memory."""
        return self._views.starts

    @property
    def figures(self) -> Figures | None:
        """Show what everything takes, as measured last, from memory; None before the start."""
        return self._watched.figures

    async def send_text(self, account_id: str, to: str, text: str) -> SentMessage:
        """Send a text and wait until WhatsApp's server has taken it.

        Raises:
            UnknownAccount: There is no such account.
            WrongStatus: The account is not CONNECTED.
            OutcomeUnknown: No answer came; the text may have been sent.
            actors.browser.errors.BrowserError: The page refused.
        """
        await self._refuse_if(account_id, Status.CONNECTED, "a message needs CONNECTED")
        answer: Promise[SentMessage] = Promise()
        self._tell(account_id, SendText(to, text, answer))
        try:
            return await self._answered(answer)
        except TimedOut as error:
            raise OutcomeUnknown(str(error)) from error

    async def pairing_code(self, account_id: str, phone: str) -> PairingCodeShown:
        """Have the page show a code to be typed on the phone, and wait for it.

        Raises:
            UnknownAccount: There is no such account.
            WrongStatus: The account is not QR_READY.
            TimedOut: The page did not answer.
            actors.browser.errors.BrowserError: The page refused.
        """
        await self._refuse_if(account_id, Status.QR_READY, "a pairing code needs QR_READY")
        answer: Promise[PairingCodeShown] = Promise()
        self._tell(account_id, RequestPairingCode(phone, answer))
        return await self._answered(answer)

    async def screenshot(self, account_id: str) -> bytes:
        """Show an account's page as PNG; waits for the page.

        Raises:
            UnknownAccount: There is no such account.
            WrongStatus: It has no browser.
            TimedOut: The page did not answer.
            actors.browser.errors.BrowserError: The page refused.
        """
        await self._refuse_if(account_id, None, "there is no page to show")
        answer: Promise[bytes] = Promise()
        self._tell(account_id, TakeScreenshot(answer))
        return await self._answered(answer)

    async def evidence(self, account_id: str, seq: int) -> bytes | None:
        """Return the picture, as PNG, that was kept with an event; None if there is none here."""
        return await FILES.run(self._evidence.find, account_id, seq)

    # Inside.

    def _can_log_out(self, account_id: str) -> Desired | None:
        """Return what is wished of an account whose page can tell WhatsApp of a logout.

        None if there is no session to be ended.

        Raises:
            WrongStatus: There may be a session, and no such page.
        """
        view = self._views.get(account_id)
        if view is None or not is_listed(view):
            return None
        if view.status is not Status.CONNECTED:
            raise WrongStatus(view.status, NEEDS_PAGE)
        return view.desired

    def _wish(
        self, account_id: str, signal: Signal, desired: Desired, epoch: int
    ) -> Awaitable[AccountRow | None]:
        """Keep what a command wants. A logout that is refused may be kept nevertheless."""
        if signal is Signal.LOGOUT:
            self._doubtful.add(account_id)
            view = self.view(account_id)
            after = 0 if view is None else view.seq
            return accounts.set_desired(account_id, desired, epoch, logout_after=after)
        doubtful = account_id in self._doubtful
        return accounts.set_desired(account_id, desired, epoch, withdraw_logout=doubtful)

    def _new_run(self, account_id: str, report: Callable[[Report], None]) -> BrowserRun:
        known_messages = partial(self._known_messages.known, account_id)
        return BrowserRun(account_id, self._config.browser, report, known_messages)

    def _monitor_config(self) -> MonitorConfig:
        return MonitorConfig(
            folder=self._config.browser.profiles_dir,
            sample_seconds=self._config.sample_interval,
            log_seconds=self._config.monitor_interval,
            disk_mb=self._config.starts.disk_mb,
            limits=self._config.limits,
        )

    def _room(self) -> Room:
        return Room(available_mb(), free_mb(self._config.browser.profiles_dir))

    async def _answered(self, promise: Promise[T]) -> T:
        try:
            return await promise.within(self._config.answer_timeout)
        except TimeoutError as error:
            raise TimedOut from error

    def _refuse_if_stopping(self) -> None:
        if self.stopping:
            raise ShuttingDown

    async def _refuse_if(self, account_id: str, wanted: Status | None, need: str) -> None:
        self._refuse_if_stopping()
        await self._owned.epoch(account_id)
        view = self._views.get(account_id)
        if view is None:
            raise UnknownAccount
        if view.status is not wanted and wanted is not None:
            raise WrongStatus(view.status, need)

    def _lock(self, account_id: str) -> asyncio.Lock:
        return self._locks.setdefault(account_id, asyncio.Lock())

    def _tell(self, account_id: str, message: AccountMessage) -> None:
        self._tell_registry(ForAccount(account_id, message))

    def _tell_registry(self, message: RegistryMessage) -> None:
        if self._registry is None:
            raise ShuttingDown
        try:
            self._registry.tell(message)
        except pykka.ActorDeadError as error:
            raise ShuttingDown from error

    def _break(self, what: str, error: str) -> None:
        self.stopping = True
        self._background.note_death(what, error)
