"""Since when a page's messages are compared with what was heard."""

from datetime import UTC, datetime, timedelta

from actors.browser.hearing import MARGIN, Hearing, Past

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_an_account_that_never_listened_takes_nothing_old_for_news() -> None:
    assert Hearing(Past()).since is None


def test_a_comparison_goes_back_to_what_is_on_record_until_nothing_is_left() -> None:
    hearing = Hearing(Past((), NOON - HOUR))
    assert hearing.since == NOON - HOUR - MARGIN

    hearing.complete_at(NOON)
    assert hearing.since == NOON - MARGIN


def test_what_was_said_before_a_phone_linked_the_device_is_history() -> None:
    hearing = Hearing(Past((), NOON - HOUR))
    hearing.linked(NOON)
    assert hearing.since == NOON

    hearing.complete_at(NOON + timedelta(seconds=1))
    assert hearing.since == NOON
    hearing.complete_at(NOON + HOUR)
    assert hearing.since == NOON + HOUR - MARGIN
