"""What threads start on the loop."""

import asyncio
from contextvars import copy_context

from actors.loop import Loop
from common.log_context import SUBJECT


async def test_what_a_thread_starts_is_about_the_account_that_it_serves() -> None:
    loop = Loop()
    heard: list[tuple[str, str | None]] = []
    done = asyncio.Event()

    async def work() -> None:
        heard.append(("submitted", SUBJECT.get()))

    def ring() -> None:
        heard.append(("rung", SUBJECT.get()))
        done.set()

    def serve() -> None:
        SUBJECT.set("6f1c")
        loop.submit(work())
        loop.call(lambda: heard.append(("called", SUBJECT.get())))
        loop.later(0.01, ring)

    await asyncio.to_thread(copy_context().run, serve)
    await asyncio.wait_for(done.wait(), 10)
    assert sorted(heard) == [("called", "6f1c"), ("rung", "6f1c"), ("submitted", "6f1c")]
    assert SUBJECT.get() is None
