"""The soak's verdict: it tells growth from warming up."""

from collections.abc import Sequence

import pytest

from bench.soak import MEMORY_KB_PER_CONNECT, SPARE_THREADS, Holding, verdict

CONNECTS = 10


def holdings(memory: Sequence[float], threads: int = 8, descriptors: int = 14) -> list[Holding]:
    return [Holding(int(kb), threads, descriptors) for kb in memory]


def test_what_warms_up_and_levels_off_has_not_grown() -> None:
    warming = [50_000, 58_000, 60_000, 60_100, 60_150, 60_170, 60_180, 60_185, 60_190]
    assert verdict(holdings(warming), CONNECTS) == []


def test_one_step_is_no_growth() -> None:
    step = [61_000, 61_010, 61_020, 61_030, 62_000, 62_010, 62_020, 62_030, 62_040, 62_050]
    assert verdict(holdings(step), CONNECTS) == []


def test_memory_that_grows_steadily_is_told_with_its_pace() -> None:
    leak = 2 * MEMORY_KB_PER_CONNECT
    steady = [60_000 + leak * CONNECTS * look for look in range(9)]
    assert verdict(holdings(steady), CONNECTS) == [f"memory by {leak:.1f} kB a connect"]


def test_memory_that_grows_within_the_bound_is_allowed() -> None:
    slow = [60_000 + 0.9 * MEMORY_KB_PER_CONNECT * CONNECTS * look for look in range(9)]
    assert verdict(holdings(slow), CONNECTS) == []


def test_a_descriptor_more_is_told_and_so_are_threads_beyond_the_pool() -> None:
    flat = [60_000.0] * 3
    first = [*holdings(flat), *holdings(flat)]
    assert verdict([*first, *holdings(flat, descriptors=15)], CONNECTS) == ["descriptors by 1"]
    assert verdict([*first, *holdings(flat, threads=8 + SPARE_THREADS)], CONNECTS) == []
    more = holdings(flat, threads=9 + SPARE_THREADS)
    assert verdict([*first, *more], CONNECTS) == [f"threads by {1 + SPARE_THREADS}"]


def test_too_few_looks_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 3 looks"):
        verdict(holdings([60_000, 60_000]), CONNECTS)
