"""The one place where actor threads and the asyncio loop meet.

Threads may wait for the loop; the loop never waits for a thread. A thread starts work on the loop
with `Loop`; the loop learns what a thread answers through a `Promise`.
"""

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, Generic, TypeVar, cast

from common.log_context import LOGGED_ACCOUNT

T = TypeVar("T")


class Loop:
    """The running asyncio loop as actor threads see it. Made on the loop, used from any thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        # The database's connections live in a context variable, which threads do not inherit.
        self._context = contextvars.copy_context()

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Start `work` on the loop and return at once."""
        return self._callers_context().run(asyncio.run_coroutine_threadsafe, work, self._loop)

    def call(self, function: Callable[..., object], *args: object) -> None:
        """Call `function` on the loop soon, after all that this thread asked for before."""
        self._loop.call_soon_threadsafe(function, *args, context=self._callers_context())

    def answer(self, promise: "Promise[T]", work: Coroutine[Any, Any, T]) -> None:
        """Start `work` on the loop and settle the promise with what comes of it."""

        async def deliver() -> None:
            try:
                promise.keep(await work)
            except Exception as error:  # noqa: BLE001 - it is raised where the promise is awaited
                promise.fail(error)

        self.submit(deliver())

    def later(self, seconds: float, function: Callable[..., object], *args: object) -> "Timer":
        """Call `function` on the loop after `seconds`, unless the timer is cancelled before."""
        timer = Timer(self._loop)
        self.call(timer.start, seconds, function, *args)
        return timer

    def _callers_context(self) -> contextvars.Context:
        """Return the loop owner's context, with the account that the calling thread serves."""
        context = self._context.copy()
        context.run(LOGGED_ACCOUNT.set, LOGGED_ACCOUNT.get())
        return context


class Timer:
    """A call that is due later. Cancelling works from any thread, at any moment."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._handle: asyncio.TimerHandle | None = None
        self._cancelled = False

    def start(self, seconds: float, function: Callable[..., object], *args: object) -> None:
        """Start the clock; runs on the loop."""
        if not self._cancelled:
            self._handle = self._loop.call_later(seconds, function, *args)

    def cancel(self) -> None:
        """See to it that the call is not made, if it has not been yet."""
        self._cancelled = True
        self._loop.call_soon_threadsafe(self._drop)

    def _drop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()


class Promise(Generic[T]):
    """An answer that a coroutine awaits and any thread may give, once.

    It is made on the loop and travels inside a message to an actor. Nobody has to await it, and
    a second answer is ignored.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._future: asyncio.Future[T] = self._loop.create_future()
        # An answer nobody waits for any more is not an error.
        self._future.add_done_callback(lambda f: f.cancelled() or f.exception())

    def keep(self, value: T) -> None:
        """Return the answer."""
        self._loop.call_soon_threadsafe(self._settle, value, None)

    def fail(self, error: BaseException) -> None:
        """Answer with an error, which is raised where the promise is awaited."""
        self._loop.call_soon_threadsafe(self._settle, None, error)

    @property
    def is_wanted(self) -> bool:
        """Whether somebody may still wait for the answer; from any thread."""
        return not self._future.done()

    async def within(self, seconds: float) -> T:
        """Wait for the answer.

        Raises:
            TimeoutError: None came within `seconds`.
        """
        async with asyncio.timeout(seconds):
            return await self._future

    def _settle(self, value: T | None, error: BaseException | None) -> None:
        if self._future.done():
            return
        if error is not None:
            self._future.set_exception(error)
        else:
            self._future.set_result(cast("T", value))
