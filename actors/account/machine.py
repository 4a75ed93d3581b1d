"""An account's state machine: takes signals, has each decided, recorded, and acted on.

The decisions are those of `lifecycle`; here their effects are carried out. Which signal a message
or a report amounts to is no business of this file.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pykka

from actors.account.attempt import Attempt
from actors.account.context import AccountContext
from actors.account.deadline import DeadlineTimer
from actors.account.lifecycle import Decision, Effect, Life, Signal, decide
from actors.account.recording import Recording
from actors.browser.reports import Closed, PairingCodeShown, QrShown, Report
from actors.deletion import STILL_LISTED
from actors.evidence import address
from actors.mailbox import AccountMessage, BrowserReport, LeaveQueue, RegistryMessage, RequestStart
from actors.telemetry.stopwatch import Stopwatch
from store.status import Cause, Status

RESTARTS = (Signal.RESTART, Signal.RENEW, Signal.REPLACE)
"""What has a browser replaced that has not failed."""


@dataclass(frozen=True)
class _Closing:
    """A decision whose rest waits until the browser is proven gone."""

    decision: Decision
    rest: tuple[Effect, ...]
    detail: Mapping[str, Any] | None
    recorded: bool
    unlinks: bool
    """Whether the page is to log out of a session that it has."""


class StateMachine:
    """One account's status and the browser that goes with it. Used in the actor's thread.

    Args:
        recording: Where the account stands, and what writes it down.
        context: What all accounts share.
        alarm: The account's clock; it is set to what bounds the present status.
        tell: Tells the account's own actor.
        tell_registry: Tells the registry.

    Attributes:
        life: Where the account is in its life.
        attempt: Its browser, if there is one.
        retry_delay: Seconds that a FAILED account waits before its next attempt. Set it before
            the signal.
    """

    def __init__(
        self,
        recording: Recording,
        context: AccountContext,
        deadline_timer: DeadlineTimer,
        tell: Callable[[AccountMessage], None],
        tell_registry: Callable[[RegistryMessage], None],
    ) -> None:
        row = recording.row
        self.life = Life(row.status, row.desired, row.linked, row.attempt)
        self.attempt: Attempt | None = None
        self.retry_delay = 0.0
        self._id = row.id
        self._recording = recording
        self._around = context
        self._deadline_timer = deadline_timer
        self._tell = tell
        self._tell_registry = tell_registry
        self._stopwatch = Stopwatch(context.observer)
        self._closing: _Closing | None = None
        self._qr: QrShown | None = None
        self._pairing: PairingCodeShown | None = None
        self._pairing_until = 0.0
        """When that expires, on the monotonic clock: the other one may be put right meanwhile."""

    @property
    def closing(self) -> bool:
        """Whether a browser was asked to end and is not gone yet; only its end is news now."""
        return self._closing is not None

    def signal(
        self,
        signal: Signal,
        *,
        attempt: int | None = None,
        cause: Cause | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """Have a signal decided, recorded and acted on; see `lifecycle.decide`.

        Args:
            signal: What happened.
            attempt: The attempt it happened in, for signals that belong to one.
            cause: Why, for the signals that bring their own cause.
            detail: Evidence for whoever reads the event.
        """
        before = self.life
        decision = decide(before, signal, attempt=attempt, cause=cause)
        self.life = decision.life
        self._recording.change(desired=self.life.desired)
        if signal in RESTARTS and decision.cause is not None:
            self._recording.restarted(decision.cause)
        if self.life.status is not Status.QR_READY:
            self._qr = self._pairing = None
        ends = Effect.CLOSE in decision.effects or Effect.UNLINK in decision.effects
        started = before.status is Status.CONNECTING and self.life.status is not before.status
        # One that is replaced keeps its turn until its successor has started.
        if (ends and signal is not Signal.REPLACE) or started:
            self.leave_queue()
        if before.linked and not self.life.linked:
            # A page that is asked to log out may still prove it.
            self._recording.session_ended(told=signal is Signal.UNLINKED)
        if ends and self.attempt is not None:
            self._close(self.attempt, decision, detail, unlinks=before.linked)
        else:
            self._conclude(decision, decision.effects, detail, recorded=False)

    def browser_is_gone(self, closed: Closed) -> None:
        """Note that the browser has ended, and go on with what waited for that.

        Args:
            closed: What it brought back from its end.
        """
        self.attempt = None
        closing, self._closing = self._closing, None
        if closing is None:
            return
        self._deadline_timer.off()
        detail = closing.detail
        if closed.picture is not None and closing.decision.life.status is Status.FAILED:
            detail = self._with_evidence(detail, closed.picture)
        if closing.unlinks:
            self._recording.session_ended(told=closed.unlinked)
            if not closed.unlinked:
                detail = {**(detail or {}), "message": STILL_LISTED}
        self._conclude(closing.decision, closing.rest, detail, recorded=closing.recorded)

    def show_qr(self, shown: QrShown) -> None:
        """Show a code for as long as the account is QR_READY."""
        self._qr = shown

    def show_pairing_code(self, shown: PairingCodeShown) -> None:
        """Show a pairing code, and let the account stay QR_READY until it expires."""
        self._pairing = shown
        left = (shown.expires_at - datetime.now(UTC)).total_seconds()
        self._pairing_until = time.monotonic() + left
        if self.life.status is Status.QR_READY:
            self._deadline_timer.prolong(left)
        self.show()

    def qr_exhausted(self, attempt: int) -> None:
        """End the linking, or let it go on with the pairing code alone while that is valid."""
        left = 0.0 if self._pairing is None else self._pairing_until - time.monotonic()
        if left <= 0 or self.life.status is not Status.QR_READY:
            self.signal(Signal.QR_EXHAUSTED, attempt=attempt)
            return
        self._qr = None
        self._deadline_timer.set(left)
        self.show()

    def prolong(self) -> None:
        """Give the present status its whole time again, if it is bounded: it makes progress."""
        if status := self.life.deadline:
            self._deadline_timer.set(self._time_for(status))

    def show(self) -> None:
        """Bring the account's view up to date."""
        pid = None if self.attempt is None else self.attempt.run.pid
        self._recording.show(qr=self._qr, pairing=self._pairing, pid=pid)

    def leave_queue(self) -> None:
        """Give up the account's place in the start queue, if it has one."""
        self._tell_registry(LeaveQueue(self._id))

    def _close(
        self,
        attempt: Attempt,
        decision: Decision,
        detail: Mapping[str, Any] | None,
        *,
        unlinks: bool,
    ) -> None:
        """Ask the browser to end; what the decision says besides waits until it is gone."""
        unlink = Effect.UNLINK in decision.effects
        wipe = Effect.WIPE in decision.effects
        rest = tuple(
            effect
            for effect in decision.effects
            if effect not in (Effect.CLOSE, Effect.UNLINK, Effect.WIPE)
        )
        # A status without a browser is told when there is none any more; others at once.
        recorded = self.life.status.has_browser
        if recorded:
            self._record(decision, detail)
            self.show()
        self._closing = _Closing(decision, rest, detail, recorded, unlink and unlinks)
        attempt.stop(unlink=unlink, wipe=wipe, look=self.life.status is Status.FAILED)
        self._deadline_timer.set(self._around.deadlines.closing)

    def _with_evidence(
        self, detail: Mapping[str, Any] | None, picture: bytes
    ) -> Mapping[str, Any] | None:
        """Keep the picture of a failed attempt for the event that comes next, and point to it."""
        seq = self._recording.next_seq
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
        if Effect.WIPE in effects:
            # First, as a browser does at its end: a crash must not leave a session behind that
            # counts as gone.
            self._around.wipe(self._id)
        if decision.cause is not None and not recorded:
            self._record(decision, detail)
        self.show()
        if decision.cause is None and not effects:
            return
        self._deadline_timer.off()
        for effect in effects:
            self._carry_out(effect)
        self.prolong()

    def _time_for(self, status: Status) -> float:
        """Say how long a transient status may last, in seconds."""
        attempt = self.attempt
        if status is Status.CONNECTING and attempt is not None and attempt.offline:
            return attempt.patience_left
        return self._around.deadlines.of(status)

    def _record(self, decision: Decision, detail: Mapping[str, Any] | None) -> None:
        assert decision.cause is not None
        self._recording.status(decision, detail)
        self._stopwatch.note(decision.life.status, decision.cause)

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case Effect.ENQUEUE:
                self._tell_registry(RequestStart(self._id, self.life.attempt, self.life.attended))
            case Effect.AWAIT_REPLACEMENT:
                self._tell_registry(RequestStart(self._id, self.life.attempt, runs=True))
            case Effect.OPEN:
                self._open()
            case Effect.BACK_OFF:
                self._deadline_timer.set(self.retry_delay)
            case Effect.CLOSE | Effect.UNLINK | Effect.WIPE:
                pass

    def _open(self) -> None:
        number = self.life.attempt
        self._stopwatch.note_turn()

        def report(value: Report) -> None:
            # What a browser says after its actor's end, nobody waits for.
            with suppress(pykka.ActorDeadError):
                self._tell(BrowserReport(number, value))

        run = self._around.new_run(self._id, report)
        self.attempt = Attempt(number, run, self._around.loop)
