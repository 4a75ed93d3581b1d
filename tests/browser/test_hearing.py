"""Since when a page's messages are compared with what was heard."""

from datetime import UTC, datetime, timedelta

from actors.browser.hearing import MARGIN, Hearing, Past

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_an_account_that_never_listened_takes_nothing_old_for_news() -> None:
    assert Hearing(Past()).compare(NOON) is None


def test_the_first_comparison_goes_back_to_what_is_on_record() -> None:
    assert Hearing(Past((), NOON - HOUR)).compare(NOON) == NOON - HOUR - MARGIN


def test_each_further_one_goes_back_to_the_one_before() -> None:
    hearing = Hearing(Past((), NOON - HOUR))
    hearing.compare(NOON)

    assert hearing.compare(NOON + HOUR) == NOON - MARGIN


def test_what_was_said_before_a_phone_linked_the_device_is_history() -> None:
    hearing = Hearing(Past((), NOON - HOUR))
    hearing.linked(NOON)

    assert hearing.compare(NOON + timedelta(seconds=1)) == NOON
    assert hearing.compare(NOON + timedelta(seconds=2)) == NOON
    assert hearing.compare(NOON + HOUR) == NOON
    assert hearing.compare(NOON + HOUR) == NOON + HOUR - MARGIN
