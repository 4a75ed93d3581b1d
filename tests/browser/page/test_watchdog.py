"""When a page counts as hung, without a page."""

import asyncio

import pytest

from actors.browser.errors import PageTimeout, PageUnresponsive
from actors.browser.page.watchdog import MISSES, watch


class Page:
    """Answers as it is told to, then not any more."""

    def __init__(self, *answers: bool) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def ask(self) -> None:
        self.asked += 1
        if not (self.answers and self.answers.pop(0)):
            raise PageTimeout("The page did not answer within 10 s.")


async def test_a_watch_that_is_ended_as_it_is_hurried_ends() -> None:
    page, now = Page(*[True] * 9), asyncio.Event()
    watching = asyncio.create_task(watch(page.ask, 60, now))
    await asyncio.sleep(0)

    now.set()
    watching.cancel()
    await asyncio.wait({watching}, timeout=5)

    assert watching.cancelled()


async def test_a_page_that_does_not_answer_twice_in_a_row_is_hung() -> None:
    page = Page()

    with pytest.raises(PageUnresponsive, match=r"within 10 s\. It was asked 2 times"):
        await watch(page.ask, 0.001, asyncio.Event())

    assert page.asked == MISSES


async def test_one_answer_makes_up_for_a_question_that_was_missed() -> None:
    page = Page(True, False, True, False, True)

    with pytest.raises(PageUnresponsive):
        await watch(page.ask, 0.001, asyncio.Event())

    assert page.asked == 5 + MISSES


async def test_an_error_that_nobody_foresaw_is_not_taken_for_a_hang() -> None:
    async def ask() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        await watch(ask, 0.001, asyncio.Event())


async def test_a_page_is_asked_at_once_if_somebody_wants_to_know() -> None:
    page, now = Page(), asyncio.Event()
    now.set()

    async with asyncio.timeout(5):
        with pytest.raises(PageUnresponsive):
            await watch(page.ask, 3600, now)
