"""Which accounts need a human or are away, and for how long: the log, /health and metrics agree."""

from datetime import UTC, datetime, timedelta

import pytest

from actors.account.lifecycle import Life
from actors.account.view import View, Views
from actors.browser.reports import LoggedOut, QrExhausted
from actors.telemetry.attention import is_away
from store import models
from store.status import Cause, Desired, Status
from tests.actors.conftest import Servers, Stage, qr
from tests.actors.telemetry.test_status_line import NEEDS_HUMAN, ROUTINE
from tests.told import until

NOW = datetime(2026, 11, 1, tzinfo=UTC)


class Clocks:
    """Both clocks, as a test sets them."""

    def __init__(self) -> None:
        self.boot = 1_000.0
        self.wall = NOW

    def now(self, _: object) -> datetime:
        return self.wall

    def pass_by(self, seconds: float) -> None:
        self.boot += seconds
        self.wall += timedelta(seconds=seconds)


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    clocks = Clocks()
    monkeypatch.setattr("actors.account.view.boot_clock", lambda: clocks.boot)
    monkeypatch.setattr("actors.account.view.datetime", clocks)
    return clocks


def view_of(status: Status, cause: Cause, *, linked: bool = False) -> View:
    return View("a", status, cause, NOW, Desired.CONNECTED, linked=linked)


def away_seconds(views: Views, since: datetime = NOW) -> float:
    """Show an account that is away, as its actor does at each of its steps."""
    views.show(
        View("a", Status.CONNECTING, Cause.OFFLINE, NOW, Desired.CONNECTED, away_since=since)
    )
    view = views.get("a")
    assert view is not None
    return view.away_seconds


@pytest.mark.parametrize(("status", "cause"), [row[:2] for row in NEEDS_HUMAN])
def test_whatever_the_log_warns_of_needs_a_human_in_the_view_and_is_away(
    status: Status, cause: Cause
) -> None:
    assert view_of(status, cause).needs_human
    assert is_away(Life(status, Desired.CONNECTED), cause)


@pytest.mark.parametrize(("status", "cause", "desired", "linked"), [row[:4] for row in ROUTINE])
def test_routine_needs_nobody_in_the_view(
    status: Status, cause: Cause, desired: Desired, linked: bool
) -> None:
    assert not View("a", status, cause, NOW, desired, linked=linked).needs_human


async def test_an_account_that_nobody_relinked_needs_a_human_again(stage: Stage) -> None:
    account_id, run = await stage.linked()
    run.report(LoggedOut("device_removed"))
    run.end()
    await stage.reaches(account_id, Status.LOGGED_OUT)
    await stage.manager.connect(account_id)
    run = await stage.run(account_id, after=run)
    run.report(qr())
    await stage.reaches(account_id, Status.QR_READY)
    view = stage.manager.view(account_id)
    assert view is not None
    assert (view.needs_human, view.should_be_connected) == (False, False)

    run.report(QrExhausted())
    await stage.reaches(account_id, Status.DISCONNECTED)
    view = stage.manager.view(account_id)
    assert view is not None
    assert view.cause is Cause.QR_TIMEOUT
    assert (view.needs_human, view.should_be_connected) == (True, True)


async def test_an_account_that_an_earlier_version_left_logged_out_is_away_since_then(
    servers: Servers,
) -> None:
    first = await servers.start()
    account_id, run = await first.linked()
    run.report(LoggedOut("device_removed"))
    run.end()
    await first.reaches(account_id, Status.LOGGED_OUT)
    assert await first.recorder.flush(5)
    first.manager.be_killed()
    await models.Account.all().update(away_since=None)

    second = await servers.start()
    await second.reaches(account_id, Status.LOGGED_OUT)
    view = second.manager.view(account_id)
    assert view is not None
    assert view.should_be_connected
    assert view.away_since == view.since


async def test_an_account_that_nobody_wants_any_more_is_not_away(stage: Stage) -> None:
    account_id, run = await stage.linked()
    run.report(LoggedOut("device_removed"))
    run.end()
    await stage.reaches(account_id, Status.LOGGED_OUT)
    await stage.manager.disconnect(account_id)
    await until(lambda: (view := stage.manager.view(account_id)) and view.away_since is None)


@pytest.mark.parametrize("step", [timedelta(days=-30), timedelta(days=30)])
def test_a_clock_that_is_set_neither_hides_an_outage_nor_invents_one(
    clocks: Clocks, step: timedelta
) -> None:
    views = Views()
    assert away_seconds(views) == 0
    clocks.pass_by(60)
    clocks.wall += step
    assert away_seconds(views) == 60
    clocks.pass_by(60)
    assert away_seconds(views) == 120


def test_what_was_before_the_process_counts_by_the_other_clock(clocks: Clocks) -> None:
    assert away_seconds(Views(), NOW - timedelta(hours=1)) == 3600
    assert away_seconds(Views(), NOW + timedelta(hours=1)) == 0
