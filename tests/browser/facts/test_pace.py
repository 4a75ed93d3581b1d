"""How often a page may change."""

from actors.browser.facts.pace import MOST, SECONDS, Pace


def test_a_page_may_change_often_but_not_without_end() -> None:
    now = [0.0]
    pace = Pace(lambda: now[0])
    assert [pace.allows_another() for _ in range(MOST + 2)] == [True] * MOST + [False] * 2
    now[0] += SECONDS
    assert pace.allows_another()


def test_a_page_that_changes_a_few_times_a_minute_may_do_so_for_ever() -> None:
    now = [0.0]
    pace = Pace(lambda: now[0])
    for _ in range(10 * MOST):
        now[0] += SECONDS / MOST * 2
        assert pace.allows_another()
