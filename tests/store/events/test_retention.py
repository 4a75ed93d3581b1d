"""The log is trimmed from its beginning, never of what is young, and says how far."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store import models
from store.events import event_log, retention
from store.events.recorder import Recorder
from store.events.retention import YOUNG, Retention, Trimmer, expendable
from tests.store.parts import status

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def log(*ages: timedelta) -> list[tuple[int, datetime]]:
    return [(number, NOW - age) for number, age in enumerate(ages, start=1)]


async def write(*ages: timedelta) -> None:
    for seq, age in enumerate(ages, start=1):
        await models.Event.create(account_id="a", seq=seq, type="status", at=NOW - age, data={})


async def ids() -> list[int | None]:
    return [event.id for event in (await event_log.page(0, 10_000)).items]


def test_what_is_too_old_goes() -> None:
    kept = Retention(max_age=2 * DAY)
    assert expendable(log(4 * DAY, 3 * DAY, DAY), kept, 3, NOW) == 2


def test_what_is_too_much_goes() -> None:
    kept = Retention(max_count=1)
    assert expendable(log(4 * DAY, 3 * DAY, DAY), kept, 3, NOW) == 2


def test_without_limits_everything_stays() -> None:
    assert expendable(log(4000 * DAY), Retention(), 10**9, NOW) == 0


def test_a_wrong_clock_keeps_nothing_for_ever() -> None:
    from_the_future = log(-400 * DAY, 3 * DAY)
    assert expendable(from_the_future, Retention(max_count=1), 2, NOW) == 1


@given(
    st.lists(st.timedeltas(-DAY, 10 * DAY), max_size=30),
    st.none() | st.timedeltas(timedelta(0), 10 * DAY),
    st.none() | st.integers(0, 40),
)
def test_nothing_young_ever_goes_nor_what_follows_it(
    ages: list[timedelta], max_age: timedelta | None, max_count: int | None
) -> None:
    count = expendable(log(*ages), Retention(max_age, max_count), len(ages), NOW)
    assert not any(timedelta(0) <= age <= YOUNG for age in ages[:count])
    assert count == 0 or max_age is not None or max_count is not None


async def test_a_log_is_trimmed_to_the_limits_and_says_how_far(
    database: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.events.retention.STEP", 3)
    await write(*[5 * DAY] * 7, 3 * DAY, DAY)

    assert await event_log.trimmed() == 0
    assert await retention.trim(Retention(max_age=4 * DAY), NOW) == 7
    assert await ids() == [8, 9]
    assert await event_log.trimmed() == 7
    assert await retention.trim(Retention(max_count=1), NOW) == 1
    assert await ids() == [9]
    assert await event_log.trimmed() == 8
    assert await retention.trim(Retention(max_count=1), NOW) == 0


async def test_ids_are_not_given_twice_after_all_was_trimmed(
    recorder: Recorder,
) -> None:
    await write(5 * DAY, 5 * DAY)
    assert await retention.trim(Retention(max_age=DAY), NOW) == 2

    recorder.record(status("b", 1))
    assert await recorder.flush(5)

    assert await ids() == [3]


async def test_a_trimmer_works_from_time_to_time(database: None) -> None:
    trimmer = Trimmer(Retention(max_age=DAY), every=0.01)
    await trimmer.start()
    for _ in range(2):
        await write(400 * DAY)
        async with asyncio.timeout(10):
            while await ids():
                await asyncio.sleep(0.005)
    await trimmer.close()
