"""Restart intensity and backoff."""

from hypothesis import given
from hypothesis import strategies as st

from actors.account.restarts import NOT_OURS, History, RestartPolicy, Verdict, judge
from store.status import Cause

POLICY = RestartPolicy()


def fail(
    history: History,
    cause: Cause = Cause.BROWSER_EXITED,
    *,
    now: float = 0.0,
    connected_for: float = 0.0,
    chance: float = 0.0,
) -> Verdict:
    return judge(POLICY, history, cause, now=now, connected_for=connected_for, chance=chance)


def delays(cause: Cause, times: list[float]) -> list[float | None]:
    history, found = History(), []
    for now in times:
        verdict = fail(history, cause, now=now)
        history = verdict.history
        found.append(verdict.delay)
    return found


def test_s03_a_locked_profile_is_tried_twice_three_seconds_apart() -> None:
    assert delays(Cause.PROFILE_LOCKED, [0.0, 3.0]) == [3.0, None]


def test_the_delay_doubles_until_it_reaches_its_longest() -> None:
    hourly = [hour * 3600.0 for hour in range(8)]
    assert delays(Cause.BROWSER_EXITED, hourly) == [1, 2, 4, 8, 16, 32, 60, 60]


def test_more_than_five_failures_in_ten_minutes_end_in_giving_up() -> None:
    assert delays(Cause.PAGE_CRASHED, [0, 10, 20, 30, 40, 599])[-1] is None


def test_failures_older_than_the_window_do_not_count() -> None:
    assert delays(Cause.PAGE_CRASHED, [0, 10, 20, 30, 40, 601])[-1] is not None


def test_a_stable_connection_wipes_the_slate_clean() -> None:
    history = History(failures=(0.0, 1.0, 2.0, 3.0, 4.0), streak=5)
    verdict = fail(history, now=70.0, connected_for=POLICY.stable_after)
    assert verdict == Verdict(History(failures=(70.0,), streak=1), POLICY.first_delay)


@given(st.lists(st.floats(0, 1e6), max_size=60))
def test_an_outage_of_the_network_is_retried_for_ever(times: list[float]) -> None:
    for cause in NOT_OURS:
        assert None not in delays(cause, sorted(times))


@given(streak=st.integers(0, 10_000), chance=st.floats(0, 1))
def test_no_delay_is_longer_than_the_longest_with_its_jitter(streak: int, chance: float) -> None:
    delay = fail(History(streak=streak), chance=chance).delay
    assert delay is not None
    assert POLICY.first_delay <= delay <= POLICY.max_delay * (1 + POLICY.jitter)
