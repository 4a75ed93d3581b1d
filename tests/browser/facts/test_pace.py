"""How much a page may tell in a minute."""

from actors.browser.facts.pace import CHANGES, SECONDS, Pace


def test_a_page_may_change_often_but_not_without_end() -> None:
    now = [0.0]
    pace = Pace(CHANGES, lambda: now[0])
    assert [pace.allows() for _ in range(CHANGES + 2)] == [True] * CHANGES + [False] * 2
    now[0] += SECONDS
    assert pace.allows()


def test_a_page_that_changes_a_few_times_a_minute_may_do_so_for_ever() -> None:
    now = [0.0]
    pace = Pace(CHANGES, lambda: now[0])
    for _ in range(10 * CHANGES):
        now[0] += SECONDS / CHANGES * 2
        assert pace.allows()


def test_what_has_a_length_is_counted_by_it() -> None:
    pace = Pace(100, lambda: 0.0)
    assert [pace.allows(40) for _ in range(3)] == [True, True, False]
