"""What happened to the accounts, counted, and how long it took them to get where they are."""

import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Histogram

from actors.account.lifecycle import TABLE
from actors.browser.reports import ActionKind, Failure
from actors.telemetry.observer import Observer
from store.status import Cause, Status

START_BUCKETS = (1, 2, 3, 5, 8, 13, 20, 30, 45, 60, 120, 180)
"""Seconds: a good start takes a few, its deadlines are 60 and 180."""
RESTORE_BUCKETS = (2, 5, 10, 20, 30, 45, 60, 120, 300, 600, 1800)
"""Seconds: some for a few accounts, minutes for hundreds or while WhatsApp is out of reach."""

ACTORS_FAILURES = (Cause.DEADLINE, Cause.MEMORY_HARD)
"""Failures that no browser reports; its account's actor finds them."""


class AccountInstruments(Observer):
    """Hears how the accounts fare, in their own threads, and keeps count.

    Args:
        registry: Where the figures are shown.
        server_started: When the server started, by the monotonic clock.
        restore_window: How long after that, in seconds, a recovery is part of the server's start:
            the leases of a predecessor on another host must run out first.
        clock: Tells the time in seconds.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        server_started: float,
        restore_window: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server_started = server_started
        self._restore_window = restore_window
        self._clock = clock
        self._transitions = Counter(
            "wa_transitions",
            "What happened to accounts, by the status it led to and its cause.",
            ["status", "cause"],
            registry=registry,
        )
        self._starts = Histogram(
            "wa_start_duration_seconds",
            "From an account's turn in the start queue to CONNECTED, or to a code to scan.",
            ["status"],
            buckets=START_BUCKETS,
            registry=registry,
        )
        self._restores = Histogram(
            "wa_restore_duration_seconds",
            "From the server's start, or a later takeover, until a restored account is CONNECTED.",
            buckets=RESTORE_BUCKETS,
            registry=registry,
        )
        self._comparisons_failed = Counter(
            "wa_comparisons_failed",
            "Looks for messages that no event told of, which the page could not carry out.",
            registry=registry,
        )
        # A rate sees the first of its kind only if there was a 0 before.
        for status, cause in _possible():
            self._transitions.labels(status, cause)
        for status in (Status.CONNECTED, Status.QR_READY):
            self._starts.labels(status)

    def happened(self, status: Status, cause: Cause) -> None:
        """Count it."""
        self._transitions.labels(status, cause).inc()

    def comparison_failed(self) -> None:
        """Count it."""
        self._comparisons_failed.inc()

    def started(self, status: Status, seconds: float) -> None:
        """Keep how long a start took."""
        self._starts.labels(status).observe(seconds)

    def restored(self, seconds: float) -> None:
        """Keep how long a restore took; that of a starting server counts from its start."""
        since_start = self._clock() - self._server_started
        began = since_start - seconds
        self._restores.observe(since_start if began <= self._restore_window else seconds)


def _possible() -> set[tuple[Status, Cause]]:
    """Tell what can happen: what the lifecycle says, and the causes that signals bring along."""
    table = {(each.to, each.cause) for each in TABLE.values() if each.cause is not None}
    failures = {(Status.CONNECTING, Cause(failure)) for failure in (*Failure, *ACTORS_FAILURES)}
    actions = {(Status.ACTION_REQUIRED, Cause(kind)) for kind in ActionKind}
    ends = {(Status.FAILED, cause) for cause in (Cause.GAVE_UP, Cause.PROFILE_LOCKED)}
    return table | failures | actions | ends
