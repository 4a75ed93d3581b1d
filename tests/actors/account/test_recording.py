"""What the log says as the statuses of accounts change: each thing once, as loud as it is."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from actors.account.recording import heard_until
from actors.browser.reports import (
    ActionKind,
    ActionRequired,
    Authenticated,
    Failure,
    LoggedOut,
    Report,
    SyncProgress,
)
from store.status import Cause, Status
from tests.actors.conftest import READY, Stage, qr

Said = Callable[[str], list[tuple[int, str]]]


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Said:
    """Gives the level and the words of all that was logged of an account."""
    caplog.set_level(logging.INFO)

    def of(account_id: str) -> list[tuple[int, str]]:
        return [
            (record.levelno, record.getMessage())
            for record in caplog.records
            if getattr(record, "account", None) == account_id
        ]

    return of


async def test_a_sync_is_said_once_however_many_steps_it_has(stage: Stage, said: Said) -> None:
    account_id = await stage.create()
    run = await stage.start(account_id)
    steps = [SyncProgress(percent) for percent in range(0, 101, 10)]
    reports: list[Report] = [qr(), Authenticated(fresh=True), *steps, READY]
    for report in reports:
        run.report(report)
    await stage.reaches(account_id, Status.CONNECTED)
    assert [text for _, text in said(account_id)] == [
        "CONNECTING (user_connect)",
        "QR_READY (qr_shown)",
        "AUTHENTICATING (linked)",
        "AUTHENTICATING (syncing)",
        "CONNECTED (ready)",
    ]


async def test_a_retry_is_said_once_with_its_reason_and_is_no_warning(
    stage: Stage, said: Said
) -> None:
    account_id, first = await stage.linked()
    before = len(said(account_id))
    first.fail(Failure.BROWSER_EXITED, "Chromium ended by signal SIGKILL.")
    second = await stage.run(account_id, after=first)
    second.report(Authenticated(fresh=False))
    second.report(READY)
    await stage.reaches(account_id, Status.CONNECTED)
    lines = said(account_id)[before:]
    assert {level for level, _ in lines} == {logging.INFO}
    assert sum("SIGKILL" in text for _, text in lines) == 1


async def test_giving_up_is_an_error_with_the_last_reason_and_what_to_do(
    stage: Stage, said: Said
) -> None:
    account_id = await stage.create()
    run = await stage.start(account_id)
    for _ in range(5):
        run.fail(Failure.PAGE_CRASHED, "it crashed")
        run = await stage.run(account_id, after=run)
    run.fail(Failure.PAGE_CRASHED, "it crashed")
    await stage.reaches(account_id, Status.FAILED)
    [text] = [text for level, text in said(account_id) if level >= logging.WARNING]
    assert text.startswith("FAILED (gave_up): ")
    assert "page_crashed, it crashed" in text
    assert text.endswith(f"{Cause.PAGE_CRASHED.advice} {Cause.GAVE_UP.advice}")


async def test_an_unlinked_account_is_a_warning_once_and_a_logout_is_none(
    stage: Stage, said: Said
) -> None:
    unlinked, run = await stage.linked()
    run.report(LoggedOut("device_removed"))
    run.end()
    asked, _ = await stage.linked()
    await stage.manager.logout(asked)
    for account_id in (unlinked, asked):
        await stage.reaches(account_id, Status.LOGGED_OUT)
    [text] = [text for level, text in said(unlinked) if level == logging.WARNING]
    assert "device_removed" in text
    assert Cause.UNLINKED.advice in text
    assert {level for level, _ in said(asked)} == {logging.INFO}


async def test_what_a_page_asks_of_a_human_is_a_warning_once(stage: Stage, said: Said) -> None:
    account_id, run = await stage.linked()
    for _ in range(3):
        run.report(ActionRequired(ActionKind.TERMS, "TOS_BLOCK"))
    run.report(READY)
    await stage.tells(account_id, "terms", "resolved")
    [text] = [text for level, text in said(account_id) if level >= logging.WARNING]
    assert text.startswith("ACTION_REQUIRED (terms): ")
    assert Cause.TERMS.advice in text


NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SECONDS = int(NOON.timestamp())
HOUR, DAY = 3600, 86_400


@pytest.mark.parametrize(
    ("before", "sent_at", "after"),
    [
        (None, NOON, SECONDS),
        (None, NOON + timedelta(days=300), None),
        (SECONDS, NOON + timedelta(hours=1), SECONDS + HOUR),
        (SECONDS, NOON - timedelta(hours=1), SECONDS),
        # Both clocks would have to be wrong.
        (SECONDS, NOON + timedelta(days=300), SECONDS),
        # The host's clock is behind.
        (SECONDS + 30 * DAY, NOON + timedelta(days=30.5), SECONDS + 30 * DAY + DAY // 2),
    ],
)
def test_a_message_of_a_far_future_does_not_end_the_search_for_missed_ones(
    before: int | None, sent_at: datetime, after: int | None
) -> None:
    assert heard_until(before, sent_at, NOON) == after
