"""When a browser is over a limit, and when it may be replaced."""

import pytest

from actors.monitor.limits import Limit, MemoryLimits, Renewal, RenewalQueue

LIMITS = MemoryLimits(soft_mb=400, hard_mb=800, quiet_seconds=60, rest_seconds=3600)


@pytest.mark.parametrize(
    ("used", "limit"),
    [(400, None), (401, Limit.SOFT), (800, Limit.SOFT), (801, Limit.HARD)],
)
def test_a_limit_is_exceeded_by_what_is_above_it(used: float, limit: Limit | None) -> None:
    assert LIMITS.exceeded(used) is limit


def test_zero_is_no_limit() -> None:
    assert MemoryLimits().exceeded(1e9) is None
    assert MemoryLimits(hard_mb=800).exceeded(500) is None
    assert MemoryLimits(soft_mb=400).exceeded(900) is Limit.SOFT


def test_a_moment_is_quiet_a_while_after_the_last_message() -> None:
    renewal = Renewal(LIMITS)
    renewal.note_activity(100)
    assert not renewal.may_be_now(159)
    assert renewal.may_be_now(160)


def test_a_soft_limit_that_is_set_too_low_does_not_become_a_loop() -> None:
    renewal = Renewal(LIMITS)
    renewal.note_renewed(100)
    assert not renewal.may_be_now(3699)
    assert renewal.may_be_now(3700)


def test_of_many_one_is_picked_at_a_time_and_each_in_its_turn() -> None:
    turns = RenewalQueue()
    assert [turns.pick("abc") for _ in range(4)] == ["a", "b", "c", "a"]
    assert [turns.pick("bcd") for _ in range(3)] == ["b", "c", "d"]
    assert turns.pick("") is None
