"""What one page told that is no fact: once a minute in the log, and not for ever."""

import pytest

from actors.browser.facts import bad_facts
from actors.browser.facts.bad_facts import FORGOTTEN_SECONDS, MOST, TOLD_SECONDS, BadFacts


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_log_is_told_at_once_and_then_once_a_minute_of_all() -> None:
    clock = Clock()
    bad = BadFacts(clock)
    assert [bad.note() for _ in range(10)] == [1] + 9 * [0]
    clock.now += TOLD_SECONDS
    assert bad.note() == 10
    assert bad.rest() == 0


def test_so_many_are_too_many() -> None:
    bad = BadFacts(Clock())
    seen = []
    for _ in range(MOST):
        bad.note()
        seen.append(bad.too_many)
    assert seen == [False] * (MOST - 1) + [True]


def test_one_a_day_is_never_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bad_facts, "MOST", 2)
    clock = Clock()
    bad = BadFacts(clock)
    for _ in range(100):
        clock.now += FORGOTTEN_SECONDS + 1
        assert bad.note() == 1
        assert not bad.too_many
