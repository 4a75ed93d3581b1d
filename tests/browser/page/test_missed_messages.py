"""Since when a page's messages are compared with what was heard, all by WhatsApp's clock."""

from datetime import UTC, datetime, timedelta

from actors.browser.page.missed_messages import MARGIN, TICK, Hearing, Past

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_an_account_that_never_listened_takes_nothing_old_for_news() -> None:
    assert Hearing(Past()).since is None


def test_a_comparison_goes_back_to_what_is_on_record_until_nothing_is_left() -> None:
    hearing = Hearing(Past((), NOON - HOUR))
    assert hearing.since == NOON - HOUR - MARGIN

    hearing.complete(NOON)
    assert hearing.since == NOON - MARGIN
    hearing.complete(NOON - HOUR)
    assert hearing.since == NOON - MARGIN


def test_what_was_said_before_a_phone_linked_the_device_is_history() -> None:
    hearing = Hearing(Past((), NOON - HOUR))
    hearing.linked()
    assert hearing.since is None
    hearing.history_ends(NOON)
    assert hearing.since == NOON + TICK

    hearing.complete(NOON + timedelta(seconds=1))
    assert hearing.since == NOON + TICK
    hearing.complete(NOON + HOUR)
    assert hearing.since == NOON + HOUR - MARGIN


def test_the_first_comparison_finds_the_end_of_a_history_that_is_not_known() -> None:
    hearing = Hearing(Past())
    hearing.linked()
    hearing.complete(NOON)
    assert hearing.since == NOON + TICK


def test_a_link_whose_history_nobody_noted_is_noted_by_the_next_browser() -> None:
    hearing = Hearing(Past(("message-1",), linking=True))
    assert hearing.since is None
    hearing.complete(NOON)
    assert hearing.since == NOON + TICK


def test_the_end_of_the_history_is_kept_for_the_next_browser() -> None:
    assert Hearing(Past((), None, NOON)).since == NOON + TICK
    assert Hearing(Past((), NOON + timedelta(minutes=1), NOON)).since == NOON + TICK
