"""Turns: many streams at once get what they want, and keep nothing else waiting."""

import asyncio
from collections import Counter
from functools import partial

import pytest

from api.streams.coalescing import READS_AT_ONCE, SENDS_A_ROUND, Coalescer
from store.errors import DatabaseAway
from tests.told import until


class Log:
    """What is read: each read tells what there was when it began, and ends when it is let go."""

    def __init__(self) -> None:
        self.newest = 0
        self.begun: Counter[str] = Counter()
        self.let_go = asyncio.Event()

    async def read(self, what: str = "log") -> int:
        self.begun[what] += 1
        newest = self.newest
        await self.let_go.wait()
        return newest

    @property
    def reads(self) -> int:
        return self.begun.total()


@pytest.fixture
def turns() -> Coalescer:
    return Coalescer()


async def test_all_who_want_the_same_before_it_is_read_share_one_read(turns: Coalescer) -> None:
    log = Log()
    log.let_go.set()
    wanted = [turns.to_read("newest", None, log.read) for _ in range(500)]
    assert await asyncio.gather(*wanted) == [0] * 500
    assert log.reads == 1


async def test_nobody_gets_what_was_read_before_it_was_asked_for(turns: Coalescer) -> None:
    log = Log()
    early = asyncio.create_task(turns.to_read("newest", None, log.read))
    await until(lambda: log.reads == 1)
    log.newest = 1
    late = asyncio.create_task(turns.to_read("newest", None, log.read))
    await asyncio.sleep(0)
    log.let_go.set()
    assert (await early, await late) == (0, 1)


async def test_few_of_each_kind_are_read_at_a_time_and_all_in_their_turn(
    turns: Coalescer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(READS_AT_ONCE, "log", 2)
    log = Log()
    pages = [str(number) for number in range(20)]
    wanted = [
        asyncio.create_task(turns.to_read(kind, which, partial(log.read, which)))
        for kind, which in [*(("log", page) for page in pages), ("newest", "newest")]
    ]
    await until(lambda: log.reads == 3)
    for _ in range(100):
        await asyncio.sleep(0)
    assert list(log.begun) == ["0", "1", "newest"]
    log.let_go.set()
    await asyncio.gather(*wanted)
    assert list(log.begun) == ["0", "1", "newest", *pages[2:]]


async def test_all_who_wait_for_a_read_are_told_when_it_begins(turns: Coalescer) -> None:
    log = Log()
    told: list[int] = []
    first = asyncio.create_task(turns.to_read("newest", None, log.read))
    await until(lambda: log.reads == 1)
    later = [
        asyncio.create_task(turns.to_read("newest", None, log.read, partial(told.append, number)))
        for number in range(3)
    ]
    await asyncio.sleep(0)
    assert told == []
    log.let_go.set()
    await asyncio.gather(first, *later)
    assert told == [0, 1, 2]


async def test_one_who_goes_away_takes_nothing_from_the_others(turns: Coalescer) -> None:
    log = Log()
    gone, staying = (asyncio.create_task(turns.to_read("newest", None, log.read)) for _ in range(2))
    await until(lambda: log.reads == 1)
    gone.cancel()
    log.let_go.set()
    assert await staying == 0


async def test_a_failure_is_told_to_all_who_wait_and_to_nobody_later(turns: Coalescer) -> None:
    async def fail() -> int:
        raise DatabaseAway

    async def succeed() -> int:
        return 7

    failed = await asyncio.gather(
        *(turns.to_read("newest", None, fail) for _ in range(3)), return_exceptions=True
    )
    assert [type(each) for each in failed] == [DatabaseAway] * 3
    assert await turns.to_read("newest", None, succeed) == 7


async def test_whoever_is_not_sending_gets_the_loop_after_a_few_have_sent(turns: Coalescer) -> None:
    sent = 0

    async def stream() -> None:
        nonlocal sent
        for _ in range(10):
            await turns.to_send()
            sent += 1

    streams = asyncio.gather(*(stream() for _ in range(500)))
    most = 0
    while not streams.done():
        before = sent
        await asyncio.sleep(0)
        most = max(most, sent - before)
    assert sent == 5000
    assert most <= SENDS_A_ROUND


async def test_one_who_goes_away_while_it_waits_to_send_takes_no_turn_from_others(
    turns: Coalescer,
) -> None:
    waiting = [asyncio.create_task(turns.to_send()) for _ in range(3 * SENDS_A_ROUND)]
    await asyncio.sleep(0)
    for task in waiting[SENDS_A_ROUND : 2 * SENDS_A_ROUND]:
        task.cancel()
    ended = await asyncio.gather(*waiting, return_exceptions=True)
    assert ended.count(None) == 2 * SENDS_A_ROUND
    async with asyncio.timeout(10):
        await turns.to_send()
