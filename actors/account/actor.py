"""The actor that owns one account: its messages, its failures, its end.

It decides nothing by itself: `lifecycle` says what follows from a signal, `supervision` what
follows from a failure. The actor turns messages into signals for its state machine, and the
translator does the same with its browser's reports.
"""

import logging
import random
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import TypeVar

import pykka

from actors.account.attempt import Attempt
from actors.account.context import AccountContext, Run
from actors.account.deadline import DeadlineTimer
from actors.account.lifecycle import Phase, Signal
from actors.account.machine import StateMachine
from actors.account.recording import Recording
from actors.account.restarts import History, judge
from actors.account.signals import Translator
from actors.browser.errors import NotReady
from actors.browser.reports import Closed, Report
from actors.deletion import DEVICE_STAYS, NEEDS_PAGE, STILL_LISTED, is_listed
from actors.errors import NobodysAccount, NotLoggedOut, TimedOut, WrongStatus, describe
from actors.loop import Promise
from actors.mailbox import (
    AccountMessage,
    BrowserReport,
    Call,
    Command,
    Delete,
    Died,
    Gone,
    MayStart,
    OverMemory,
    Owned,
    Queued,
    Recover,
    RegistryMessage,
    Relinquish,
    Renamed,
    RequestPairingCode,
    Resume,
    SendText,
    ShutDown,
    TakeScreenshot,
    TimerFired,
)
from actors.monitor.limits import Limit, Renewal
from common.log_context import LOGGED_ACCOUNT
from common.threads import name_thread
from store.status import Cause, Desired, Status

logger = logging.getLogger(__name__)

T = TypeVar("T")

KILL_SHARE = 0.9
"""The part of the time left after a lost lease in which a browser may still close by itself."""


class AccountActor(pykka.ThreadingActor):
    """Owns one account. Handlers run in the actor's own thread and never wait for a browser."""

    def __init__(
        self,
        account: Owned,
        context: AccountContext,
        tell_registry: Callable[[RegistryMessage], None],
        history: History,
    ) -> None:
        super().__init__()
        self._id = account.row.id
        self._around = context
        self._loop = context.loop
        self._tell_registry = tell_registry
        tell: Callable[[AccountMessage], None] = self.actor_ref.tell
        self._deadline_timer = DeadlineTimer(self._loop, tell)
        self._recording = Recording(account, self._loop, context.recorder, context.views)
        self._machine = StateMachine(
            self._recording, context, self._deadline_timer, tell, tell_registry
        )
        self._renewal = Renewal(context.limits)
        self._translator = Translator(
            self._machine, self._recording, self._renewal, context, self._fail
        )
        self._history = history
        self._stash: deque[AccountMessage] = deque()
        self._ending: Delete | ShutDown | Relinquish | None = None
        self._after_logout: Delete | None = None
        """A deletion that follows if WhatsApp is told of the logout that goes on."""
        self._machine.show()

    # Hooks that pykka calls in the actor's thread.

    def on_start(self) -> None:
        """Have all that is logged from here on, also by what this starts, be about the account."""
        LOGGED_ACCOUNT.set(self._id)
        name_thread(f"account {self._id}")

    def on_receive(self, message: AccountMessage) -> None:
        """Handle a message; while a browser closes, all but its own news waits."""
        at_once = BrowserReport | TimerFired | Relinquish | Renamed
        if self._machine.closing and isinstance(message, Call):
            message.answer.fail(NotReady("The account's browser is closing."))
        elif self._machine.closing and not isinstance(message, at_once):
            self._stash.append(message)
        else:
            self._handle(message)

    def on_stop(self) -> None:
        """Kill a browser that is still there, and wait for its end; in good order there is none."""
        self._deadline_timer.off()
        self._kill_browser()
        for message in self._unheard():
            if isinstance(message, Call):
                message.answer.fail(NotReady("The account's browser has been closed."))

    def on_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the browser and let the registry start a successor, which hears what we have not."""
        self._deadline_timer.off()
        self._machine.leave_queue()
        for deletion in (self._ending, self._after_logout):
            if isinstance(deletion, Delete):
                deletion.done.fail(TimedOut())
        attempt, now = self._machine.attempt, time.monotonic()
        # The successor can start its own browser only when this one is gone.
        self._kill_browser()
        died = Died(
            self._recording.account,
            describe(exception_value),
            self._history,
            _connected_for(attempt, now),
            self._unheard(),
        )
        self._tell_registry(died)

    def _kill_browser(self) -> None:
        """Kill the browser, if there is one, and wait for its end."""
        if self._machine.attempt is not None:
            self._machine.attempt.kill()

    def _unheard(self) -> tuple[AccountMessage, ...]:
        """Take what waits to be handled, but for the news of the browser that is gone."""
        messages, asked = list(self._stash), []
        while not self.actor_inbox.empty():
            envelope = self.actor_inbox.get()
            if envelope.reply_to is None:
                messages.append(envelope.message)
            else:
                asked.append(envelope)
        for envelope in asked:
            # pykka answers these itself.
            self.actor_inbox.put(envelope)
        of_the_past = BrowserReport | TimerFired | MayStart | Queued
        return tuple(message for message in messages if not isinstance(message, of_the_past))

    # Messages to signals.

    def _handle(self, message: AccountMessage) -> None:
        match message:
            case BrowserReport(attempt, report):
                self._browser_reported(attempt, report)
            case TimerFired():
                if self._deadline_timer.is_meant_by(message):
                    self._time_is_up()
            case Command() if self._ending is not None:
                # The wish is kept, a logout too; whoever owns the account next finds it.
                pass
            case Delete(done) if self._ending is not None:
                done.fail(NobodysAccount())
            case Command(signal):
                self._history = History()
                self._obey(signal, message)
            case Renamed(name):
                self._recording.renamed(name)
                self._machine.show()
            case Recover(Signal.LOGOUT):
                self._log_out()
            case Recover(signal):
                self._machine.signal(signal)
            case Resume(_, delay) if self._recording.row.logging_out:
                self._deadline_timer.set(delay)
            case Resume() if self._machine.life.desired is Desired.DISCONNECTED:
                self._machine.signal(Signal.DISCONNECT)
            case Resume(error, delay):
                if self._machine.life.status.has_browser:
                    self._try_again(Cause.UNFORESEEN, error, delay)
            case Queued(attempt, place, waits_for):
                detail = {"place": place, "waitsFor": waits_for}
                self._machine.signal(Signal.QUEUED, attempt=attempt, detail=detail)
            case MayStart(attempt):
                self._take_turn(attempt)
            case OverMemory():
                self._over_memory(message)
            case Delete(logout=True) if is_listed(self._recording.row):
                self._log_out_to_delete(message)
            case Delete():
                self._delete(message)
            case ShutDown():
                self._shut_down(message)
            case Relinquish(seconds):
                self._relinquish(message, seconds)
            case SendText(to, text, answer):
                if run := self._usable(answer, Status.CONNECTED, "a message needs CONNECTED"):
                    self._renewal.note_activity(time.monotonic())
                    self._loop.answer(answer, run.send_text(to, text))
            case RequestPairingCode(phone, answer):
                if run := self._usable(answer, Status.QR_READY, "a pairing code needs QR_READY"):
                    self._loop.answer(answer, run.pairing_code(phone))
            case TakeScreenshot(answer):
                if run := self._usable(answer, None, "there is no page to show"):
                    self._loop.answer(answer, run.screenshot())

    def _take_turn(self, attempt: int) -> None:
        """Start a browser, or replace the one whose page has been offline for too long."""
        if self._machine.life.phase is Phase.TO_BE_REPLACED:
            seconds = self._around.deadlines.offline
            text = (
                f"the page had no connection for more than {seconds:g} s; its browser is replaced"
            )
            self._machine.signal(Signal.REPLACE, attempt=attempt, detail={"message": text})
        else:
            self._machine.signal(Signal.TURN, attempt=attempt)

    def _obey(self, signal: Signal, command: Command) -> None:
        if signal is Signal.LOGOUT:
            self._recording.wants_logout()
        if self._recording.row.logging_out:
            # Also one that an actor before this one, or a try, did not live to see the end of.
            self._log_out()
            if signal is Signal.LOGOUT:
                return
        if self._machine.closing:
            self._stash.append(command)
        else:
            self._machine.signal(signal)

    def _log_out(self) -> None:
        life = self._machine.life
        if life.status is Status.LOGGED_OUT:
            self._recording.logged_out()
        alone = life.linked and self._machine.attempt is None
        self._machine.signal(Signal.LOGOUT, detail={"message": STILL_LISTED} if alone else None)

    def _log_out_to_delete(self, deletion: Delete) -> None:
        if self._usable(deletion.done, Status.CONNECTED, NEEDS_PAGE):
            self._after_logout = deletion
            self._recording.wants_logout()
            self._log_out()

    def _logged_out(self, closed: Closed) -> None:
        """Go on with the deletion that has waited for a logout, if one has and it was told."""
        deletion, self._after_logout = self._after_logout, None
        if deletion is None:
            return
        if self._ending is not None:
            deletion.done.fail(NobodysAccount())
        elif closed.unlinked:
            self._delete(deletion)
        else:
            deletion.done.fail(NotLoggedOut())

    def _delete(self, deletion: Delete) -> None:
        self._ending = deletion
        stays = is_listed(self._recording.row)
        self._machine.signal(Signal.DELETE, detail={"message": DEVICE_STAYS} if stays else None)
        self._end_if_closed()

    # What became of the browser.

    def _browser_reported(self, number: int, report: Report) -> None:
        attempt = self._machine.attempt
        if attempt is None or attempt.number != number:
            return
        if isinstance(report, Closed):
            self._browser_is_gone(attempt, report)
        else:
            self._translator.hear(attempt, report)

    def _browser_is_gone(self, attempt: Attempt, closed: Closed) -> None:
        asked = self._machine.closing
        if asked and isinstance(self._ending, ShutDown):
            logger.info("✅ Client %s closed", self._id)
        self._machine.browser_is_gone(closed)
        if not asked:
            self._judge(attempt, Cause.UNFORESEEN, "the browser's run ended without a reason")
            return
        self._logged_out(closed)
        self._end_if_closed()
        while self._stash and not self._machine.closing:
            self._handle(self._stash.popleft())

    def _fail(self, cause: Cause, message: str) -> None:
        self._judge(self._machine.attempt, cause, message)

    def _judge(self, attempt: Attempt | None, cause: Cause, message: str) -> None:
        """Try again later, or give up, after what happened in an attempt."""
        now = time.monotonic()
        verdict = judge(
            self._around.policy,
            self._history,
            cause,
            now=now,
            connected_for=_connected_for(attempt, now),
            chance=random.random(),  # noqa: S311 - spreads retries, guards nothing
        )
        self._history = verdict.history
        if verdict.delay is None:
            final = cause if cause is Cause.PROFILE_LOCKED else Cause.GAVE_UP
            detail = {"message": message, "last": cause}
            self._machine.signal(
                Signal.GAVE_UP, attempt=self._machine.life.attempt, cause=final, detail=detail
            )
        else:
            self._try_again(cause, message, verdict.delay)

    def _try_again(self, cause: Cause, message: str, delay: float) -> None:
        self._machine.retry_delay = delay
        self._recording.restarted(cause)
        detail = {"message": message, "retryInSeconds": round(delay, 1)}
        self._machine.signal(
            Signal.FAILED, attempt=self._machine.life.attempt, cause=cause, detail=detail
        )

    def _over_memory(self, message: OverMemory) -> None:
        attempt, life = self._machine.attempt, self._machine.life
        if attempt is None or attempt.run.pid != message.pid:
            return
        limit, now = self._around.limits.of(message.limit), time.monotonic()
        text = f"the browser takes {message.used_mb:.0f} MB, the {message.limit} limit is {limit}"
        if message.limit is Limit.HARD:
            self._fail(Cause.MEMORY_HARD, text)
        elif life.status is Status.CONNECTED and self._renewal.may_be_now(now):
            self._renewal.note_renewed(now)
            self._machine.signal(Signal.RENEW, attempt=life.attempt, detail={"message": text})

    def _time_is_up(self) -> None:
        attempt, life = self._machine.attempt, self._machine.life
        if self._machine.closing and attempt is not None:
            logger.error("the browser did not report its end; giving it up")
            attempt.give_up()
            self._browser_is_gone(attempt, Closed())
        elif self._recording.row.logging_out and attempt is None:
            self._log_out()
        elif life.phase is Phase.BACKING_OFF:
            self._machine.signal(Signal.RETRY_DUE, attempt=life.attempt)
        elif life.deadline is Status.QR_READY:
            self._machine.signal(Signal.DEADLINE, attempt=life.attempt)
        elif life.deadline is Status.CONNECTING and attempt is not None and attempt.offline:
            # A page that waits for WhatsApp's servers has not failed: nothing counts against it.
            self._machine.signal(Signal.OFFLINE_TOO_LONG, attempt=life.attempt)
        elif status := life.deadline:
            seconds = self._around.deadlines.of(status)
            self._fail(Cause.DEADLINE, f"{status} lasted longer than {seconds:g} s")

    # The end.

    def _shut_down(self, message: ShutDown) -> None:
        self._ending = message
        if self._machine.attempt is not None:
            logger.info("Closing client for %s", self._id)
        self._machine.signal(Signal.SHUTDOWN)
        self._end_if_closed()

    def _relinquish(self, message: Relinquish, seconds: float) -> None:
        """Close the browser, however busy it is, in time for another server to open its own."""
        if self._ending is None:
            self._ending = message
        if not self._machine.closing:
            self._machine.signal(Signal.LEASE_LOST)
        if self._machine.closing:
            # A browser that hangs has no longer than at any other end, however much is left.
            self._deadline_timer.at_most(min(self._around.deadlines.closing, KILL_SHARE * seconds))
        self._end_if_closed()

    def _end_if_closed(self) -> None:
        if self._ending is None or self._machine.attempt is not None or self._machine.closing:
            return
        self._deadline_timer.off()
        if isinstance(self._ending, Delete):
            self._recording.vanish()
            self._ending.done.keep(None)
        self._tell_registry(Gone(self._id))
        self.stop()

    # What a page is asked for.

    def _usable(self, answer: Promise[T], wanted: Status | None, need: str) -> Run | None:
        if not answer.is_wanted:
            # Whoever asked was told that nothing is known of it; it must not happen later on.
            return None
        if self._machine.attempt is not None and wanted in (None, self._machine.life.status):
            return self._machine.attempt.run
        answer.fail(WrongStatus(self._recording.row.status, need))
        return None


def _connected_for(attempt: Attempt | None, now: float) -> float:
    return 0.0 if attempt is None else attempt.connected_for(now)
