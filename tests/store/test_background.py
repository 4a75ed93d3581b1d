"""What runs in the background ends when it is told to. Any other end is a death."""

import asyncio
from collections.abc import Callable, Coroutine

import pytest

from common.background import Background
from store.events.bus import Bus
from store.events.recorder import Recorder
from tests.store.parts import Listener, status


async def forever() -> None:
    await asyncio.Event().wait()


async def fail() -> None:
    raise ValueError("no reason")


async def come_to_an_end() -> None:
    pass


@pytest.mark.parametrize(
    ("work", "why"), [(fail, "ValueError: no reason"), (come_to_an_end, "it came to an end")]
)
async def test_an_end_that_nobody_asked_for_is_a_death_and_said_why(
    work: Callable[[], Coroutine[None, None, None]], why: str, caplog: pytest.LogCaptureFixture
) -> None:
    background = Background()
    background.start("clock", work())
    await asyncio.wait_for(background.broken.wait(), 10)
    assert background.dead == {"clock": why}
    assert [record.message for record in caplog.records] == [
        f"The clock died; the server ends: {why}"
    ]


async def test_what_is_ended_or_released_may_end() -> None:
    background = Background()
    ended, released = background.start("one", forever()), background.start("two", forever())
    await background.end(ended)
    background.release(released)
    released.cancel()
    await asyncio.wait({released})
    assert background.dead == {}
    assert not background.broken.is_set()


async def test_what_waited_when_the_recorder_died_is_written_before_the_end(
    database: None, bus: Bus, listener: Listener
) -> None:
    background = Background()
    recorder = Recorder(bus, background=background)
    await recorder.start()
    assert recorder._task is not None
    recorder.record(status("a", 1))
    # The writer begins with it, and has hardly asked the database anything.
    await asyncio.sleep(0)
    recorder._task.cancel()
    await asyncio.wait_for(background.broken.wait(), 10)
    recorder.record(status("a", 2))
    assert await recorder.close(10)
    assert recorder.lost == 0
    assert list(dict.fromkeys(listener.seqs)) == [1, 2]
