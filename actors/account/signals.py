"""What the reports of an account's browser mean for the account: reports in, signals out.

A report that the browser has failed goes to the account's actor, which judges failures.
"""

import random
import time
from collections.abc import Callable

from actors.account.attempt import Attempt
from actors.account.context import AccountContext
from actors.account.lifecycle import Signal
from actors.account.machine import StateMachine
from actors.account.recording import Recording
from actors.browser.reports import (
    ActionRequired,
    Authenticated,
    ComparisonFailed,
    Failed,
    LoggedOut,
    MessageReceived,
    PairingCodeShown,
    QrExhausted,
    QrShown,
    Ready,
    Reconnected,
    Reloaded,
    Report,
    Started,
    SyncProgress,
    WentOffline,
)
from actors.evidence import address
from actors.monitor.limits import Renewal
from store.status import Cause, Status

PROGRESS_STEP = 10
"""Percent between two recorded steps of a sync: enough to watch, too few to flood the log."""


class Translator:
    """Hears one account's browser and tells its state machine. Used in the actor's thread.

    Args:
        machine: Hears the signals.
        recording: Takes what is told to the world beside the status: messages and codes.
        renewal: Hears what is going on in the account.
        context: What all accounts share.
        fail: Hears what failed, and how.
    """

    def __init__(
        self,
        machine: StateMachine,
        recording: Recording,
        renewal: Renewal,
        context: AccountContext,
        fail: Callable[[Cause, str], None],
    ) -> None:
        self._machine = machine
        self._recording = recording
        self._renewal = renewal
        self._around = context
        self._fail = fail

    def hear(self, attempt: Attempt, report: Report) -> None:
        """Pass on what a report of the running attempt means.

        A browser that was asked to end is heard only for its messages: they came, whatever it
        says about itself.
        """
        if isinstance(report, MessageReceived):
            self._renewal.note_activity(time.monotonic())
            self._recording.message(report)
        elif isinstance(report, ComparisonFailed):
            self._around.observer.comparison_failed()
        elif not self._machine.closing:
            self._hear_page(attempt, report)

    def _hear_page(self, attempt: Attempt, report: Report) -> None:
        signal, number = self._machine.signal, attempt.number
        match report:
            case QrShown():
                self._qr_shown(attempt, report)
            case QrExhausted():
                self._machine.qr_exhausted(number)
            case PairingCodeShown():
                self._machine.show_pairing_code(report)
                self._recording.pairing_code(report)
            case Authenticated(fresh):
                attempt.sync_begins()
                if fresh:
                    self._recording.linked()
                signal(Signal.LINKED if fresh else Signal.RESUMING, attempt=number)
            case SyncProgress(percent):
                self._progress(attempt, percent)
            case Started():
                self._machine.show()
            case Ready():
                self._ready(attempt, report)
            case WentOffline(detail):
                chance = random.random()  # noqa: S311 - spreads restarts, guards nothing
                attempt.went_offline(self._around.deadlines.patience(chance))
                signal(Signal.OFFLINE, attempt=number, detail={"message": detail})
            case Reconnected():
                attempt.came_online()
                signal(Signal.RESUMING, attempt=number)
            case LoggedOut(reason):
                signal(Signal.UNLINKED, attempt=number, detail={"reason": reason})
            case ActionRequired():
                self._action_required(attempt, report)
            case Reloaded():
                self._reloaded(attempt)
            case Failed(failure, detail):
                self._fail(Cause(failure.value), detail)
            case _:
                pass

    def _progress(self, attempt: Attempt, percent: int) -> None:
        """Let a sync that comes further go on; not every step of it is recorded."""
        if attempt.progresses(percent):
            self._machine.prolong()
        if percent >= attempt.recorded_progress + PROGRESS_STEP:
            attempt.recorded_progress = percent
            detail = {"progress": percent}
            self._machine.signal(Signal.PROGRESS, attempt=attempt.number, detail=detail)

    def _qr_shown(self, attempt: Attempt, report: QrShown) -> None:
        life = self._machine.life
        lost = life.linked and not life.attended
        self._machine.show_qr(report)
        self._machine.signal(Signal.SESSION_LOST if lost else Signal.QR, attempt=attempt.number)
        if self._machine.life.status is Status.QR_READY:
            self._recording.qr(report)

    def _reloaded(self, attempt: Attempt) -> None:
        was_offline = attempt.came_online()
        self._machine.signal(Signal.RELOADED, attempt=attempt.number)
        if was_offline:
            # It starts over, for which it needs no more time than others do.
            self._machine.prolong()

    def _ready(self, attempt: Attempt, report: Ready) -> None:
        attempt.arrived()
        self._recording.change(phone=report.phone, push_name=report.push_name)
        if report.history_until is not None:
            self._recording.change(history_until=int(report.history_until.timestamp()))
        if attempt.connected_since is None:
            attempt.connected_since = time.monotonic()
            self._renewal.note_activity(attempt.connected_since)
        facts = {"webVersion": report.web_version, "missingModules": list(report.missing_modules)}
        self._machine.signal(Signal.READY, attempt=attempt.number, detail=facts)

    def _action_required(self, attempt: Attempt, report: ActionRequired) -> None:
        attempt.arrived()
        account_id, seq = self._recording.row.id, self._recording.next_seq
        cause, status = Cause(report.kind.value), self._machine.life.status
        if status is Status.ACTION_REQUIRED and self._recording.row.cause is cause:
            return
        detail = {
            "kind": report.kind.value,
            "message": report.detail,
            "screenshot": address(account_id, seq),
        }
        self._machine.signal(Signal.ACTION, attempt=attempt.number, cause=cause, detail=detail)
        if self._recording.next_seq > seq:
            # The event does not wait for its picture, which follows in a moment.
            picture = self._around.evidence.photograph(account_id, seq, attempt.run.screenshot)
            self._around.loop.submit(picture)
