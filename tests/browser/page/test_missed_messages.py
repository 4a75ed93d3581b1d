"""Since when a page's messages are compared with what was heard, all by WhatsApp's clock."""

from datetime import UTC, datetime, timedelta

from actors.browser.page.missed_messages import MARGIN, TICK, MissedMessages
from store.events.known_messages import KnownMessages

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_an_account_that_never_listened_takes_nothing_old_for_news() -> None:
    assert MissedMessages(KnownMessages()).since is None


def test_a_comparison_goes_back_to_what_is_on_record_until_nothing_is_left() -> None:
    missed = MissedMessages(KnownMessages((), NOON - HOUR))
    assert missed.since == NOON - HOUR - MARGIN

    missed.complete(NOON)
    assert missed.since == NOON - MARGIN
    missed.complete(NOON - HOUR)
    assert missed.since == NOON - MARGIN


def test_what_was_said_before_a_phone_linked_the_device_is_history() -> None:
    missed = MissedMessages(KnownMessages((), NOON - HOUR))
    missed.linked()
    assert missed.since is None
    missed.history_ends(NOON)
    assert missed.since == NOON + TICK

    missed.complete(NOON + timedelta(seconds=1))
    assert missed.since == NOON + TICK
    missed.complete(NOON + HOUR)
    assert missed.since == NOON + HOUR - MARGIN


def test_the_first_comparison_finds_the_end_of_a_history_that_is_not_known() -> None:
    missed = MissedMessages(KnownMessages())
    missed.linked()
    missed.complete(NOON)
    assert missed.since == NOON + TICK


def test_a_link_whose_history_nobody_noted_is_noted_by_the_next_browser() -> None:
    missed = MissedMessages(KnownMessages(("message-1",), linking=True))
    assert missed.since is None
    missed.complete(NOON)
    assert missed.since == NOON + TICK


def test_the_end_of_the_history_is_kept_for_the_next_browser() -> None:
    assert MissedMessages(KnownMessages((), None, NOON)).since == NOON + TICK
    assert MissedMessages(KnownMessages((), NOON + timedelta(minutes=1), NOON)).since == NOON + TICK
