"""What one account's actor writes down: the account's row, its numbered events, its view.

Lives in the actor's thread and hands everything to the loop in order. It never waits for the disk.
"""

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from actors.account.lifecycle import Decision, Life
from actors.account.view import View, Views
from actors.browser.reports import MessageReceived, PairingCodeShown, QrShown
from actors.deletion import says_listed
from actors.loop import Loop
from actors.mailbox import Owned
from actors.telemetry.attention import is_away
from actors.telemetry.status_line import StatusLine, status_line
from store.accounts import LINKING, AccountChanges, AccountRow
from store.events.event_log import Event, EventType, timestamp
from store.events.recorder import Recorder
from store.status import Cause, Status

logger = logging.getLogger(__name__)

WRONG_CLOCK = timedelta(days=2)
"""So far a message's time may be beyond what is known, and still be believed."""


class Recording:
    """Keeps an account's row as it will stand in the store once all is written."""

    def __init__(self, account: Owned, loop: Loop, recorder: Recorder, views: Views) -> None:
        # An earlier version kept less in the row.
        self.row = replace(
            account.row,
            away_since=_away_since(account.row),
            maybe_listed=account.row.maybe_listed or says_listed(account.row),
        )
        self._epoch = account.epoch
        self._loop = loop
        self._recorder = recorder
        self._views = views
        self._said: StatusLine | None = None

    @property
    def account(self) -> Owned:
        """The account as it stands."""
        return Owned(self.row, self._epoch)

    @property
    def next_seq(self) -> int:
        """The number that the next recorded event will have."""
        return self.row.seq + 1

    def change(self, **fields: Any) -> None:
        """Change fields of the row; they are written with the next event."""
        self.row = replace(self.row, **fields)

    def wants_logout(self) -> None:
        """Take note of a user's logout, for whoever goes on should this actor not see its end."""
        self.change(logout_after=self.row.seq)

    def logged_out(self) -> None:
        """Take note that there is no session that a logout until now would have to end."""
        self.change(logged_out_seq=self.row.seq)

    def session_ended(self, *, told: bool) -> None:
        """Take note that a session ended, and whether it is proven that WhatsApp knows."""
        self.change(maybe_listed=not told)

    def restarted(self, cause: Cause) -> None:
        """Count a restart of the browser; it is written with the next event."""
        self.change(
            restarts=self.row.restarts + 1, restart_cause=cause, restarted_at=datetime.now(UTC)
        )

    def status(self, decision: Decision, detail: Mapping[str, Any] | None) -> None:
        """Record a decision that has a cause."""
        life, cause, now = decision.life, decision.cause, datetime.now(UTC)
        assert cause is not None
        self.change(
            status=life.status,
            cause=cause,
            detail=detail,
            since=self.row.since if life.status is self.row.status else now,
            linked=life.linked,
            attempt=life.attempt,
            desired=life.desired,
            away_since=(self.row.away_since or now) if is_away(life, cause) else None,
        )
        data = {
            "status": life.status.value,
            "previous": decision.previous.value,
            "cause": cause.value,
            "attempt": life.attempt,
            "detail": detail,
        }
        if life.status is Status.LOGGED_OUT:
            self.change(logged_out_seq=self.next_seq)
        self._record(EventType.STATUS, data, now)
        self._say(status_line(life, cause, detail))

    def renamed(self, name: str) -> None:
        """Record another name of the account, if it is one."""
        if name == self.row.name:
            return
        data = {"name": name, "previous": self.row.name}
        self.change(name=name)
        self._record(EventType.ACCOUNT, data, datetime.now(UTC))

    def linked(self) -> None:
        """Take note that a phone links the device: what it said before is history."""
        self.change(history_until=LINKING, heard_until=None)

    def message(self, report: MessageReceived) -> None:
        """Record a message that arrived."""
        now = datetime.now(UTC)
        if report.timed:
            self.change(heard_until=heard_until(self.row.heard_until, report.at, now))
        data = {
            "id": report.message_id,
            "chat": report.chat,
            "from": report.sender,
            "fromPhone": report.sender_phone,
            "to": report.recipient,
            "kind": report.kind,
            "text": report.text,
            "senderName": report.sender_name,
            "sentAt": timestamp(report.at),
            "recovered": report.recovered,
            "truncated": report.truncated,
        }
        self._record(EventType.MESSAGE, data, datetime.now(UTC))

    def qr(self, report: QrShown) -> None:
        """Tell whoever listens now about a code; it is a secret and never kept."""
        data = {
            "qr": report.code,
            "expiresAt": timestamp(report.expires_at),
            "attempt": report.number,
            "of": report.of,
        }
        self._announce(EventType.QR, data)

    def pairing_code(self, report: PairingCodeShown) -> None:
        """Tell whoever listens now about a pairing code; it is a secret and never kept."""
        data = {
            "code": report.code,
            "phone": report.phone,
            "expiresAt": timestamp(report.expires_at),
        }
        self._announce(EventType.PAIRING_CODE, data)

    def show(
        self, *, qr: QrShown | None, pairing: PairingCodeShown | None, pid: int | None
    ) -> None:
        """Replace the account's view."""
        row = self.row
        self._views.show(
            View(
                account_id=row.id,
                status=row.status,
                cause=row.cause,
                since=row.since,
                desired=row.desired,
                detail=row.detail,
                linked=row.linked,
                maybe_listed=row.maybe_listed,
                phone=row.phone,
                qr=qr,
                pairing=pairing,
                pid=pid,
                restarts=row.restarts,
                seq=row.seq,
                name=row.name,
                away_since=_away_since(row),
            )
        )

    def vanish(self) -> None:
        """Take the account out of sight."""
        self._views.drop(self.row.id)

    def _say(self, line: StatusLine) -> None:
        if line != self._said:
            logger.log(line.level, "%s", line.text, extra={"account": self.row.id})
        self._said = line

    def _record(self, type_: EventType, data: Mapping[str, Any], at: datetime) -> None:
        row = self.row = replace(self.row, seq=self.next_seq)
        event = Event(type=type_, account_id=row.id, at=at, data=data, seq=row.seq)
        changes = AccountChanges(
            status=row.status,
            cause=row.cause,
            detail=row.detail,
            since=row.since,
            linked=row.linked,
            logged_out_seq=row.logged_out_seq,
            history_until=row.history_until,
            heard_until=row.heard_until,
            away_since=row.away_since,
            maybe_listed=row.maybe_listed,
            attempt=row.attempt,
            restarts=row.restarts,
            restart_cause=row.restart_cause,
            restarted_at=row.restarted_at,
            phone=row.phone,
            push_name=row.push_name,
        )
        self._loop.call(self._recorder.record, event, changes, self._epoch)

    def _announce(self, type_: EventType, data: Mapping[str, Any]) -> None:
        event = Event(type=type_, account_id=self.row.id, at=datetime.now(UTC), data=data)
        self._loop.call(self._recorder.announce, event)


def _away_since(row: AccountRow) -> datetime | None:
    """Return since when an account is away; None if it is not."""
    away = is_away(Life(row.status, row.desired, row.linked), row.cause)
    return (row.away_since or row.since) if away else None


def heard_until(before: int | None, sent_at: datetime, now: datetime) -> int | None:
    """Return up to when an account has heard, after a message.

    Nothing is found again that was sent before. So a time that is beyond all others, as a page may
    tell any, is not believed; our own clock, which may be wrong as well, is one of two judges.

    Args:
        before: Up to when it had, in seconds since 1970 by WhatsApp's clock; None if it never did.
        sent_at: When the message was sent, by the same clock.
        now: What our clock says.
    """
    seconds = int(sent_at.timestamp())
    believed = max(before or 0, int(now.timestamp())) + int(WRONG_CLOCK.total_seconds())
    if seconds > believed:
        return before
    return max(seconds, before or 0)
