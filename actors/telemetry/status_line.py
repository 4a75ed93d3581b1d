"""What the log says when an account's status changes: how loud, and in which words. Pure."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from actors.account.lifecycle import Life
from actors.telemetry.attention import needs_human
from store.status import Cause, Status

LONGEST_REASON = 300
"""How many characters of a reason are said; the event has all of it."""


@dataclass(frozen=True)
class StatusLine:
    """A line of the log, and its level."""

    level: int
    text: str


def status_line(life: Life, cause: Cause, detail: Mapping[str, Any] | None) -> StatusLine:
    """Say how an account stands.

    What needs a human is a warning or an error, and says what to do; all else is information.
    The percent of a sync and the place in the queue are left out: who writes the log leaves out a
    line that is as the one before.

    Args:
        life: How it stands now.
        cause: Why.
        detail: The evidence that goes with the event.
    """
    detail = detail or {}
    beginning, reason = f"{life.status} ({cause})", _reason(cause, detail)
    if not _warns(life, cause, detail):
        return StatusLine(logging.INFO, f"{beginning}: {reason}" if reason else beginning)
    words = [f"{beginning}: {cause.sentence}"]
    if reason and reason != cause.sentence:
        words.append(f"{reason.rstrip('.')}.")
    if advice := _advice(cause, detail):
        words.append(f"What to do: {advice}")
    level = logging.ERROR if life.status is Status.FAILED else logging.WARNING
    return StatusLine(level, " ".join(words))


def _warns(life: Life, cause: Cause, detail: Mapping[str, Any]) -> bool:
    # Such a message says what is left to do on the phone, though the account is as wanted.
    left_over = cause in (Cause.USER_LOGOUT, Cause.DELETED) and "message" in detail
    return left_over or needs_human(life, cause)


def _reason(cause: Cause, detail: Mapping[str, Any]) -> str:
    if cause is Cause.QUEUED:
        return f"it waits for {detail.get('waitsFor')}"
    reason = " ".join(str(detail.get("message", "")).split())
    if len(reason) > LONGEST_REASON:
        reason = f"{reason[:LONGEST_REASON]}…"
    if "reason" in detail:
        reason = f"WhatsApp's word for it: {detail['reason']}"
    if detail.get("last", cause) != cause:
        reason = f"The last one: {detail['last']}, {reason}"
    if "retryInSeconds" in detail:
        reason = f"{reason.rstrip('.')}; the next try is in {detail['retryInSeconds']:g} s"
    return reason


def _advice(cause: Cause, detail: Mapping[str, Any]) -> str:
    """Say what to do; what made the last attempt fail comes first."""
    last = detail.get("last", cause)
    before = Cause(last).advice if last in list(Cause) and last != cause else ""
    return " ".join(filter(None, (before, cause.advice)))
