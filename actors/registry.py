"""The actor that knows all account actors: recovery, the start queue, supervision, the stop."""

import logging
import random
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

import pykka

from actors.account.actor import AccountActor
from actors.account.attempt import KILL_SECONDS
from actors.account.context import AccountContext
from actors.account.lifecycle import Life, Signal, decide
from actors.account.recording import Recording
from actors.account.restarts import NO_FAILURES, History, Verdict, judge
from actors.account.view import StartsView
from actors.errors import UnknownAccount, describe
from actors.loop import Promise, Timer
from actors.mailbox import (
    AccountMessage,
    Call,
    Command,
    Created,
    Delete,
    Died,
    ForAccount,
    Gone,
    LeaveQueue,
    LookForRoom,
    MayStart,
    Owned,
    Queued,
    Recover,
    RegistryMessage,
    Relinquish,
    RequestStart,
    Resume,
    ShutDown,
    Start,
    StopAll,
)
from actors.startqueue import OTHER_STARTS, StartLimits, StartQueue
from common.threads import name_thread
from store.accounts import AccountRow
from store.status import Cause, Desired, Status

logger = logging.getLogger(__name__)

ROOM_RETRY_SECONDS = 2.0
"""How long a start that found too little memory or disk waits before it looks again."""


class RegistryActor(pykka.ThreadingActor):
    """Starts, finds and replaces account actors. Handlers run in its own thread, and are short."""

    def __init__(self, context: AccountContext, limits: StartLimits) -> None:
        super().__init__()
        self._around = context
        self._queue = StartQueue(limits)
        self._accounts: dict[str, pykka.ActorRef[AccountActor]] = {}
        self._leaving: set[str] = set()
        self._late: dict[str, list[AccountMessage]] = {}
        """What came for actors that had just ended."""
        self._retry: Timer | None = None
        self._stopping: Promise[None] | None = None

    def on_start(self) -> None:
        """Have the thread named after what it does; runs in the actor's thread."""
        name_thread("registry")

    def on_receive(self, message: RegistryMessage) -> None:
        """Handle a message."""
        match message:
            case Start(accounts, done):
                done.keep(self._recover(accounts))
            case Created(account):
                ref = self._start(account)
                if self._stopping is not None:
                    ref.tell(ShutDown())
            case ForAccount(account_id, Relinquish() as relinquish):
                self._relinquish(account_id, relinquish)
            case ForAccount(account_id, inner):
                self._pass_on(account_id, inner)
            case RequestStart():
                self._queue_up(message)
            case LookForRoom():
                self._retry = None
                self._admit()
            case LeaveQueue(account_id):
                self._queue.leave(account_id)
                self._admit()
            case Gone(account_id):
                self._forget(account_id)
            case Died():
                self._replace(message)
            case StopAll(done):
                self._stop_all(done)

    def on_stop(self) -> None:
        """End what did not end by itself; runs in the actor's thread."""
        if self._retry is not None:
            self._retry.cancel()
        ends = [ref.stop(block=False) for ref in self._accounts.values()]
        for end in ends:
            with suppress(pykka.Timeout):
                end.get(timeout=2 * KILL_SECONDS)

    def on_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End everything: without a registry nobody would notice what happens to accounts."""
        self.on_stop()
        self._around.loop.call(self._around.broken, describe(exception_value))

    def _recover(self, accounts: tuple[Owned, ...]) -> int:
        """Start all actors, reset what was on its way, then bring back what is to come back."""
        for account in accounts:
            self._start(account)
        rows = [account.row for account in accounts]
        stuck = [row for row in rows if _is_stuck(row)]
        for row in stuck:
            self._accounts[row.id].tell(Recover(Signal.RESET))
        logger.info("🔄 Reset %d stuck account(s) to DISCONNECTED", len(stuck))
        for row in rows:
            for message in _what_follows(row):
                self._accounts[row.id].tell(message)
        return len(stuck)

    def _start(
        self, account: Owned, history: History = NO_FAILURES
    ) -> pykka.ActorRef[AccountActor]:
        tell: Callable[[RegistryMessage], None] = self.actor_ref.tell
        ref = AccountActor.start(account, self._around, tell, history)
        self._accounts[account.row.id] = ref
        return ref

    def _pass_on(self, account_id: str, message: AccountMessage) -> None:
        ref = self._accounts.get(account_id)
        if ref is None:
            _refuse(message)
            return
        try:
            ref.tell(message)
        except pykka.ActorDeadError:
            # Its last word, Gone or Died, is on its way and says who hears this instead.
            self._late.setdefault(account_id, []).append(message)

    def _queue_up(self, wish: RequestStart) -> None:
        self._queue.join(wish.account_id, wish.attempt, urgent=wish.urgent, runs=wish.runs)
        self._admit()

    def _admit(self) -> None:
        """Let start who may, and tell the others what they wait for."""
        if not len(self._queue):
            self._show_queue(None)
            return
        room = self._around.room()
        for account_id, attempt in self._queue.admit(room):
            self._pass_on(account_id, MayStart(attempt))
        waits_for = self._queue.waits_for(room)
        self._show_queue(waits_for)
        for wait in self._queue.news(room, time.monotonic()):
            queued = Queued(wait.attempt, wait.place, wait.waits_for)
            self._pass_on(wait.account_id, queued)
        if waits_for not in (None, OTHER_STARTS) and self._retry is None:
            # Nobody tells when memory or disk is free again.
            self._retry = self._around.loop.later(
                ROOM_RETRY_SECONDS, self.actor_ref.tell, LookForRoom()
            )

    def _show_queue(self, waits_for: str | None) -> None:
        queue = self._queue
        self._around.views.starts = StartsView(queue.starting, waits_for, queue.places())

    def _relinquish(self, account_id: str, message: Relinquish) -> None:
        if account_id in self._accounts:
            self._leaving.add(account_id)
            self._pass_on(account_id, message)
        else:
            self._around.loop.call(self._around.let_go, account_id)

    def _replace(self, died: Died) -> None:
        """Start a successor for an actor that died; when too many did, its account is given up."""
        account_id = died.account.row.id
        logger.error("its actor died: %s", died.error, extra={"account": account_id})
        verdict = self._judge(died)
        nothing_to_do = self._stopping is not None and verdict.delay is None
        if account_id in self._leaving or nothing_to_do:
            self._forget(account_id)
            return
        account = self._give_up(died) if verdict.delay is None else died.account
        ref = self._start(account, verdict.history)
        if self._stopping is not None:
            ref.tell(ShutDown())
            return
        if verdict.delay is not None:
            ref.tell(Resume(died.error, verdict.delay))
        for message in (*died.unheard, *self._late.pop(account_id, ())):
            self._pass_on(account_id, message)

    def _judge(self, died: Died) -> Verdict:
        """Judge a death as any failure of the account; what cannot be judged is given up."""
        try:
            return judge(
                self._around.policy,
                died.history,
                Cause.UNFORESEEN,
                now=time.monotonic(),
                connected_for=died.connected_for,
                chance=random.random(),  # noqa: S311 - spreads retries, guards nothing
            )
        except Exception:
            logger.exception("its death cannot be judged", extra={"account": died.account.row.id})
            return Verdict(died.history, None)

    def _give_up(self, died: Died) -> Owned:
        """Have an account FAILED; no actor is asked, since it could die of that as well."""
        row = died.account.row
        if not row.status.has_browser:
            return died.account
        life = Life(row.status, row.desired, row.linked, row.attempt)
        decision = decide(life, Signal.GAVE_UP, attempt=row.attempt, cause=Cause.GAVE_UP)
        around = self._around
        recording = Recording(died.account, around.loop, around.recorder, around.views)
        recording.status(decision, {"message": died.error, "last": Cause.UNFORESEEN})
        recording.show(qr=None, pairing=None, pid=None)
        around.observer.happened(Status.FAILED, Cause.GAVE_UP)
        return recording.account

    def _stop_all(self, done: Promise[None]) -> None:
        self._stopping = done
        for account_id in self._accounts:
            self._pass_on(account_id, ShutDown())
        self._finish_if_empty()

    def _forget(self, account_id: str) -> None:
        self._accounts.pop(account_id, None)
        for message in self._late.pop(account_id, ()):
            _refuse(message)
        self._leaving.discard(account_id)
        self._around.loop.call(self._around.let_go, account_id)
        self._queue.leave(account_id)
        self._admit()
        self._finish_if_empty()

    def _finish_if_empty(self) -> None:
        if self._stopping is not None and not self._accounts:
            self._stopping.keep(None)


def _is_stuck(row: AccountRow) -> bool:
    """Return whether a status cannot be true any more now that no browser runs."""
    if row.status is Status.CONNECTED:
        return not Life(row.status, row.desired, row.linked).restorable
    return row.status.has_browser


def _waits_in_vain(row: AccountRow) -> bool:
    """Return whether an account is wanted, and a stop has ended its wait for a first scan.

    A crash has the same outcome: nobody may be there to scan, so it stays at rest and says so.
    """
    ended = row.status is Status.DISCONNECTED and row.cause in (Cause.SHUTDOWN, Cause.LEASE_LOST)
    return ended and row.desired is Desired.CONNECTED and not row.linked


def _what_follows(row: AccountRow) -> tuple[AccountMessage, ...]:
    """Say what is to be done with an account that is ours from now on, after its reset."""
    if row.logging_out:
        # A user was told that it would be; so was whoever has asked for a connect since then.
        wanted = row.desired is Desired.CONNECTED
        return (Recover(Signal.LOGOUT), *((Command(Signal.CONNECT),) if wanted else ()))
    if Life(row.status, row.desired, row.linked).restorable:
        return (Recover(Signal.RESTORE),)
    return (Recover(Signal.RESET),) if _waits_in_vain(row) else ()


def _refuse(message: AccountMessage) -> None:
    """Answer what nobody is there for any more."""
    if isinstance(message, Call):
        message.answer.fail(UnknownAccount())
    elif isinstance(message, Delete):
        message.done.keep(None)
