"""What threads start on the loop."""

import asyncio
from contextvars import copy_context

from actors.loop import Loop
from common.log_context import LOGGED_ACCOUNT


async def test_what_a_thread_starts_is_about_the_account_that_it_serves() -> None:
    loop = Loop()
    heard: list[tuple[str, str | None]] = []
    done = asyncio.Event()

    async def work() -> None:
        heard.append(("submitted", LOGGED_ACCOUNT.get()))

    def ring() -> None:
        heard.append(("rung", LOGGED_ACCOUNT.get()))
        done.set()

    def serve() -> None:
        LOGGED_ACCOUNT.set("6f1c")
        loop.submit(work())
        loop.call(lambda: heard.append(("called", LOGGED_ACCOUNT.get())))
        loop.later(0.01, ring)

    await asyncio.to_thread(copy_context().run, serve)
    await asyncio.wait_for(done.wait(), 10)
    assert sorted(heard) == [("called", "6f1c"), ("rung", "6f1c"), ("submitted", "6f1c")]
    assert LOGGED_ACCOUNT.get() is None
