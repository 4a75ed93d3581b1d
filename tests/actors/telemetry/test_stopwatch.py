"""The stopwatch: which times the observer hears of, and which mean nothing."""

import pytest

from actors.telemetry.observer import Observer
from actors.telemetry.stopwatch import Stopwatch
from store.status import Cause, Status


class Listening(Observer):
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.causes: list[Cause] = []
        self.starts: list[tuple[Status, float]] = []
        self.restores: list[float] = []

    def happened(self, status: Status, cause: Cause) -> None:
        self.causes.append(cause)

    def started(self, status: Status, seconds: float) -> None:
        self.starts.append((status, seconds))

    def restored(self, seconds: float) -> None:
        self.restores.append(seconds)


class Stage:
    """A stopwatch, its observer, and the time."""

    def __init__(self) -> None:
        self.now = 100.0
        self.heard = Listening()
        self._stopwatch = Stopwatch(self.heard, lambda: self.now)

    def turn(self, *, after: float = 0) -> None:
        self.now += after
        self._stopwatch.note_turn()

    def happens(self, status: Status, cause: Cause, *, after: float = 0) -> None:
        self.now += after
        self._stopwatch.note(status, cause)


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_everything_recorded_is_told(stage: Stage) -> None:
    stage.happens(Status.CONNECTING, Cause.USER_CONNECT)
    stage.happens(Status.CONNECTING, Cause.QUEUED)
    assert stage.heard.causes == [Cause.USER_CONNECT, Cause.QUEUED]


def test_a_start_counts_from_its_turn_not_from_the_wait_before(stage: Stage) -> None:
    stage.happens(Status.CONNECTING, Cause.USER_CONNECT)
    stage.turn(after=60)
    stage.happens(Status.AUTHENTICATING, Cause.RESUMING, after=2)
    stage.happens(Status.CONNECTED, Cause.READY, after=3)
    assert stage.heard.starts == [(Status.CONNECTED, 5)]


def test_a_start_that_shows_a_code_is_over_then(stage: Stage) -> None:
    stage.turn()
    stage.happens(Status.QR_READY, Cause.QR_SHOWN, after=4)
    stage.happens(Status.AUTHENTICATING, Cause.LINKED, after=50)
    stage.happens(Status.CONNECTED, Cause.READY, after=3)
    assert stage.heard.starts == [(Status.QR_READY, 4)]


def test_a_failed_start_is_not_timed_and_the_next_counts_from_its_own_turn(stage: Stage) -> None:
    stage.turn()
    stage.happens(Status.CONNECTING, Cause.BROWSER_EXITED, after=10)
    stage.turn(after=1)
    stage.happens(Status.CONNECTED, Cause.READY, after=5)
    assert stage.heard.starts == [(Status.CONNECTED, 5)]


def test_a_connection_that_was_lost_and_found_is_no_start(stage: Stage) -> None:
    stage.turn()
    stage.happens(Status.CONNECTED, Cause.READY, after=5)
    stage.happens(Status.CONNECTING, Cause.OFFLINE, after=100)
    stage.happens(Status.CONNECTED, Cause.READY, after=7)
    assert stage.heard.starts == [(Status.CONNECTED, 5)]


def test_a_start_that_ended_for_want_of_a_human_is_over(stage: Stage) -> None:
    stage.turn()
    stage.happens(Status.ACTION_REQUIRED, Cause.TERMS, after=5)
    stage.happens(Status.CONNECTED, Cause.RESOLVED, after=5000)
    assert stage.heard.starts == []


def test_a_restore_counts_its_wait_and_its_failed_attempts(stage: Stage) -> None:
    stage.happens(Status.CONNECTING, Cause.RESTORE)
    stage.turn(after=10)
    stage.happens(Status.CONNECTING, Cause.PAGE_UNREACHABLE, after=5)
    stage.turn(after=1)
    stage.happens(Status.CONNECTED, Cause.READY, after=4)
    assert stage.heard.restores == [20]


@pytest.mark.parametrize("cause", [Cause.USER_CONNECT, Cause.USER_RESTART])
def test_what_a_user_brings_back_was_not_restored(stage: Stage, cause: Cause) -> None:
    stage.happens(Status.CONNECTING, Cause.RESTORE)
    stage.happens(Status.CONNECTING, cause, after=1)
    stage.happens(Status.CONNECTED, Cause.READY, after=4)
    assert stage.heard.restores == []


@pytest.mark.parametrize("status", [Status.DISCONNECTED, Status.FAILED, Status.QR_READY])
def test_a_restore_that_leads_elsewhere_is_not_timed(stage: Stage, status: Status) -> None:
    stage.happens(Status.CONNECTING, Cause.RESTORE)
    stage.happens(status, Cause.GAVE_UP, after=1)
    stage.happens(Status.CONNECTED, Cause.READY, after=4)
    assert stage.heard.restores == []
