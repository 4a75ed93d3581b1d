"""The actor that owns one account: its status, its browser, its timers.

It decides nothing by itself: `lifecycle` says what follows from a signal, `supervision` what
follows from a failure. The actor turns messages into signals, records, and carries effects out.
"""

import logging
import random
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TypeVar

import pykka

from actors.alarm import Alarm
from actors.browser.reports import (
    ActionRequired,
    Authenticated,
    Closed,
    Failed,
    LoggedOut,
    MessageReceived,
    PairingCodeShown,
    QrExhausted,
    QrShown,
    Ready,
    Reloaded,
    Report,
    SyncProgress,
    WentOffline,
)
from actors.errors import NobodysAccount, TimedOut, WrongStatus
from actors.evidence import address
from actors.journal import Journal
from actors.lifecycle import Decision, Effect, Life, Phase, Signal, decide
from actors.limits import Limit, Renewal
from actors.loop import Promise
from actors.messages import (
    AccountMessage,
    BrowserReport,
    Command,
    Delete,
    Died,
    Gone,
    LeaveQueue,
    OverMemory,
    Owned,
    Queued,
    Recover,
    RegistryMessage,
    RequestPairingCode,
    Resume,
    SendText,
    ShutDown,
    TakeScreenshot,
    TimerFired,
    Turn,
    Vacate,
    WantTurn,
)
from actors.supervision import History, judge
from actors.surroundings import Run, Surroundings
from store.status import Cause, Desired, Status

logger = logging.getLogger(__name__)

T = TypeVar("T")

PROGRESS_STEP = 10
"""Percent between two recorded steps of a sync: enough to watch, too few to flood the log."""

KILL_SHARE = 0.9
"""The part of the time left after a lost lease in which a browser may still close by itself."""

STILL_LISTED = "No browser was there to unlink the device: remove it on the phone as well."
"""What a logout says that could forget the session, but not tell WhatsApp."""

KILL_SECONDS = 5.0
"""How long a killed browser may take to be proven gone; SIGKILL takes a fraction of it."""


@dataclass(frozen=True)
class _Closing:
    """A decision whose rest waits until the browser is proven gone."""

    decision: Decision
    rest: tuple[Effect, ...]
    detail: Mapping[str, Any] | None
    recorded: bool


class AccountActor(pykka.ThreadingActor):
    """Owns one account. Handlers run in the actor's own thread and never wait for a browser."""

    def __init__(
        self,
        account: Owned,
        surroundings: Surroundings,
        tell_registry: Callable[[RegistryMessage], None],
    ) -> None:
        super().__init__()
        row = account.row
        self._id = row.id
        self._around = surroundings
        self._loop = surroundings.loop
        self._journal = Journal(account, self._loop, surroundings.recorder, surroundings.views)
        self._tell_registry = tell_registry
        self._life = Life(row.status, row.desired, row.linked, row.attempt)
        self._history = History()
        self._renewal = Renewal(surroundings.limits)
        self._connected_since: float | None = None
        self._delay = 0.0
        self._offline = False
        self._progress = 0
        self._qr: QrShown | None = None
        self._pairing: PairingCodeShown | None = None
        self._run: Run | None = None
        self._run_attempt = 0
        self._run_task: Future[None] | None = None
        self._closing: _Closing | None = None
        self._stash: deque[AccountMessage] = deque()
        self._alarm = Alarm(self._loop, self.actor_ref.tell)
        self._ending: Promise[None] | ShutDown | Vacate | None = None
        self._show()

    # Hooks that pykka calls in the actor's thread.

    def on_receive(self, message: AccountMessage) -> None:
        """Handle a message; while a browser closes, all but its own news waits."""
        if self._closing is not None and not isinstance(
            message, BrowserReport | TimerFired | Vacate
        ):
            self._stash.append(message)
            return
        self._handle(message)

    def on_stop(self) -> None:
        """Kill a browser that is still there, and wait for its end; in good order there is none."""
        self._alarm.off()
        self._kill_browser()

    def on_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the browser and let the registry start a successor, which hears what we have not."""
        self._alarm.off()
        self._leave_queue()
        if isinstance(self._ending, Promise):
            self._ending.fail(TimedOut())
        # The successor can start its own browser only when this one is gone.
        self._kill_browser()
        died = Died(self._journal.account, repr(exception_value), self._unheard())
        self._tell_registry(died)

    def _kill_browser(self) -> None:
        """Kill the browser, if there is one, and wait for its end."""
        if self._run is not None and self._run_task is not None:
            self._loop.call(self._run.kill)
            wait((self._run_task,), KILL_SECONDS)

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
        of_the_past = BrowserReport | TimerFired | Turn | Queued
        return tuple(message for message in messages if not isinstance(message, of_the_past))

    # Messages to signals.

    def _handle(self, message: AccountMessage) -> None:
        match message:
            case BrowserReport(attempt, report):
                self._browser_reported(attempt, report)
            case TimerFired():
                if self._alarm.is_meant_by(message):
                    self._time_is_up()
            case Command() if self._ending is not None:
                # The wish is kept; whoever owns the account next finds it.
                pass
            case Delete(done) if self._ending is not None:
                done.fail(NobodysAccount())
            case Command(signal):
                self._history = History()
                alone = signal is Signal.LOGOUT and self._life.linked and self._run is None
                self._signal(signal, detail={"message": STILL_LISTED} if alone else None)
            case Recover(signal):
                self._signal(signal)
            case Resume() if self._life.desired is Desired.DISCONNECTED:
                self._signal(Signal.DISCONNECT)
            case Resume(error):
                if self._life.status.has_browser:
                    self._fail(Cause.UNFORESEEN, error)
            case Queued(attempt, place, waits_for):
                detail = {"place": place, "waitsFor": waits_for}
                self._signal(Signal.QUEUED, attempt=attempt, detail=detail)
            case Turn(attempt):
                self._signal(Signal.TURN, attempt=attempt)
            case OverMemory():
                self._over_memory(message)
            case Delete(done):
                self._ending = done
                self._signal(Signal.DELETE)
                self._end_if_closed()
            case ShutDown():
                self._shut_down(message)
            case Vacate(seconds):
                self._vacate(message, seconds)
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

    def _browser_reported(self, attempt: int, report: Report) -> None:
        if attempt != self._run_attempt or self._run is None:
            return
        match report:
            case Closed(picture):
                self._browser_is_gone(picture)
            case MessageReceived():
                self._renewal.note_activity(time.monotonic())
                self._journal.message(report)
            case _ if self._closing is None:
                self._page_reported(report)

    def _page_reported(self, report: Report) -> None:
        attempt = self._run_attempt
        self._offline = False
        match report:
            case QrShown():
                lost = self._life.linked and not self._life.attended
                self._qr = report
                self._signal(Signal.SESSION_LOST if lost else Signal.QR, attempt=attempt)
                if self._life.status is Status.QR_READY:
                    self._journal.qr(report)
            case QrExhausted():
                self._signal(Signal.QR_EXHAUSTED, attempt=attempt)
            case PairingCodeShown():
                self._pairing = report
                self._show()
                self._journal.pairing_code(report)
            case Authenticated(fresh):
                self._progress = 0
                self._signal(Signal.LINKED if fresh else Signal.RESUMING, attempt=attempt)
            case SyncProgress(percent):
                if percent >= self._progress + PROGRESS_STEP:
                    self._progress = percent
                    self._signal(Signal.PROGRESS, attempt=attempt, detail={"progress": percent})
            case Ready(phone, push_name, web_version, missing):
                self._journal.change(phone=phone, push_name=push_name)
                if self._connected_since is None:
                    self._connected_since = time.monotonic()
                    self._renewal.note_activity(self._connected_since)
                facts = {"webVersion": web_version, "missingModules": list(missing)}
                self._signal(Signal.READY, attempt=attempt, detail=facts)
            case WentOffline(detail):
                self._offline = True
                self._signal(Signal.OFFLINE, attempt=attempt, detail={"message": detail})
            case LoggedOut(reason):
                self._signal(Signal.UNLINKED, attempt=attempt, detail={"reason": reason})
            case ActionRequired():
                self._action_required(report)
            case Reloaded():
                self._signal(Signal.RELOADED, attempt=attempt)
            case Failed(failure, detail):
                self._fail(Cause(failure.value), detail)
            case _:
                pass

    def _action_required(self, report: ActionRequired) -> None:
        seq, run = self._journal.next_seq, self._run
        assert run is not None
        detail = {
            "kind": report.kind.value,
            "message": report.detail,
            "screenshot": address(self._id, seq),
        }
        cause = Cause(report.kind.value)
        self._signal(Signal.ACTION, attempt=self._run_attempt, cause=cause, detail=detail)
        if self._journal.next_seq > seq:
            # The event does not wait for its picture, which follows in a moment.
            self._loop.submit(self._around.evidence.photograph(self._id, seq, run.screenshot))

    def _fail(self, cause: Cause, message: str) -> None:
        since, now = self._connected_since, time.monotonic()
        verdict = judge(
            self._around.policy,
            self._history,
            cause,
            now=now,
            connected_for=0.0 if since is None else now - since,
            chance=random.random(),  # noqa: S311 - spreads retries, guards nothing
        )
        self._history = verdict.history
        self._connected_since = None
        detail: dict[str, Any] = {"message": message}
        logger.warning("%s: %s: %s", self._id, cause, message)
        if verdict.delay is None:
            final = cause if cause is Cause.PROFILE_LOCKED else Cause.GAVE_UP
            detail["last"] = cause
            self._signal(Signal.GAVE_UP, attempt=self._life.attempt, cause=final, detail=detail)
            return
        self._delay = verdict.delay
        self._journal.restarted(cause)
        detail["retryInSeconds"] = round(verdict.delay, 1)
        self._signal(Signal.FAILED, attempt=self._life.attempt, cause=cause, detail=detail)

    def _over_memory(self, message: OverMemory) -> None:
        if self._run is None or self._run.pid != message.pid:
            return
        limit, now = self._around.limits.of(message.limit), time.monotonic()
        text = f"the browser takes {message.used_mb:.0f} MB, the {message.limit} limit is {limit}"
        if message.limit is Limit.HARD:
            self._fail(Cause.MEMORY_HARD, text)
        elif self._life.status is Status.CONNECTED and self._renewal.may_be_now(now):
            self._renewal.note_renewed(now)
            self._signal(Signal.RENEW, attempt=self._life.attempt, detail={"message": text})

    def _time_is_up(self) -> None:
        if self._closing is not None:
            logger.error("%s: the browser did not report its end; giving it up", self._id)
            if self._run is not None:
                self._loop.call(self._run.kill)
            if self._run_task is not None:
                self._run_task.cancel()
            self._browser_is_gone()
        elif self._life.phase is Phase.BACKING_OFF:
            self._signal(Signal.RETRY_DUE, attempt=self._life.attempt)
        elif self._life.deadline is Status.QR_READY:
            self._signal(Signal.DEADLINE, attempt=self._life.attempt)
        elif status := self._life.deadline:
            seconds = self._around.deadlines.of(status)
            # A page that waits for WhatsApp's servers has not failed: nothing counts against it.
            cause = Cause.OFFLINE if self._offline else Cause.DEADLINE
            self._fail(cause, f"{status} lasted longer than {seconds:g} s")

    # Signals to decisions, decisions to records and effects.

    def _signal(
        self,
        signal: Signal,
        *,
        attempt: int | None = None,
        cause: Cause | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        before = self._life
        decision = decide(before, signal, attempt=attempt, cause=cause)
        self._life = decision.life
        self._journal.change(desired=self._life.desired)
        if signal in (Signal.RESTART, Signal.RENEW) and decision.cause is not None:
            self._journal.restarted(decision.cause)
        if self._life.status is not Status.QR_READY:
            self._qr = self._pairing = None
        ends = Effect.CLOSE in decision.effects or Effect.UNLINK in decision.effects
        if ends:
            self._connected_since = None
            self._leave_queue()
        elif before.status is Status.CONNECTING and self._life.status is not Status.CONNECTING:
            self._leave_queue()
        if ends and self._run is not None:
            self._close(decision, detail)
        else:
            self._conclude(decision, decision.effects, detail, recorded=False)

    def _close(self, decision: Decision, detail: Mapping[str, Any] | None) -> None:
        """Ask the browser to end; what the decision says besides waits until it is gone."""
        assert self._run is not None
        unlink = Effect.UNLINK in decision.effects
        wipe = Effect.WIPE in decision.effects
        rest = tuple(
            effect
            for effect in decision.effects
            if effect not in (Effect.CLOSE, Effect.UNLINK, Effect.WIPE)
        )
        # A status without a browser is told when there is none any more; others at once.
        recorded = self._life.status.has_browser
        if recorded:
            self._journal.status(decision, detail)
            self._show()
        self._closing = _Closing(decision, rest, detail, recorded)
        look = self._life.status is Status.FAILED
        self._loop.call(lambda run: run.stop(unlink=unlink, wipe=wipe, look=look), self._run)
        self._alarm.set(self._around.deadlines.closing)

    def _browser_is_gone(self, picture: bytes | None = None) -> None:
        self._run = None
        self._run_task = None
        closing, self._closing = self._closing, None
        if closing is None:
            self._fail(Cause.UNFORESEEN, "the browser's run ended without a reason")
            return
        self._alarm.off()
        if isinstance(self._ending, ShutDown):
            logger.info("✅ Client %s closed", self._id)
        detail = closing.detail
        if picture is not None and closing.decision.life.status is Status.FAILED:
            detail = self._with_evidence(detail, picture)
        self._conclude(closing.decision, closing.rest, detail, recorded=closing.recorded)
        self._end_if_closed()
        while self._stash and self._closing is None:
            self._handle(self._stash.popleft())

    def _with_evidence(
        self, detail: Mapping[str, Any] | None, picture: bytes
    ) -> Mapping[str, Any] | None:
        """Keep the picture of a failed attempt for the event that comes next, and point to it."""
        seq = self._journal.next_seq
        if not self._around.evidence.keep(self._id, seq, picture):
            return detail
        return {**(detail or {}), "screenshot": address(self._id, seq)}

    def _conclude(
        self,
        decision: Decision,
        effects: tuple[Effect, ...],
        detail: Mapping[str, Any] | None,
        *,
        recorded: bool,
    ) -> None:
        if decision.cause is not None and not recorded:
            self._journal.status(decision, detail)
        self._show()
        if decision.cause is None and not effects:
            return
        self._alarm.off()
        for effect in effects:
            self._carry_out(effect)
        if status := self._life.deadline:
            self._alarm.set(self._around.deadlines.of(status))

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case Effect.ENQUEUE:
                self._tell_registry(WantTurn(self._id, self._life.attempt, self._life.attended))
            case Effect.OPEN:
                self._open()
            case Effect.BACK_OFF:
                self._alarm.set(self._delay)
            case Effect.WIPE:
                self._around.wipe(self._id)
            case Effect.CLOSE | Effect.UNLINK:
                pass

    def _open(self) -> None:
        attempt, tell = self._life.attempt, self.actor_ref.tell

        def report(value: Report) -> None:
            # What a browser says after its actor's end, nobody waits for.
            with suppress(pykka.ActorDeadError):
                tell(BrowserReport(attempt, value))

        self._offline = False
        self._run_attempt = attempt
        self._run = self._around.new_run(self._id, report)
        self._run_task = self._loop.submit(self._run.run())

    def _leave_queue(self) -> None:
        self._tell_registry(LeaveQueue(self._id))

    # The end.

    def _shut_down(self, message: ShutDown) -> None:
        self._ending = message
        if self._run is not None:
            logger.info("Closing client for %s", self._id)
        self._signal(Signal.SHUTDOWN)
        self._end_if_closed()

    def _vacate(self, message: Vacate, seconds: float) -> None:
        """Close the browser, however busy it is, in time for another server to open its own."""
        if self._ending is None:
            self._ending = message
        if self._closing is None:
            self._signal(Signal.LEASE_LOST)
        if self._closing is not None:
            self._alarm.set(KILL_SHARE * seconds)
        self._end_if_closed()

    def _end_if_closed(self) -> None:
        if self._ending is None or self._run is not None or self._closing is not None:
            return
        self._alarm.off()
        if isinstance(self._ending, Promise):
            self._journal.vanish()
            self._ending.keep(None)
        self._tell_registry(Gone(self._id))
        self.stop()

    # What is shown, and what a page is asked for.

    def _show(self) -> None:
        pid = None if self._run is None else self._run.pid
        self._journal.show(qr=self._qr, pairing=self._pairing, pid=pid)

    def _usable(self, answer: Promise[T], wanted: Status | None, need: str) -> Run | None:
        if self._run is not None and wanted in (None, self._life.status):
            return self._run
        answer.fail(WrongStatus(self._journal.row.status, need))
        return None
