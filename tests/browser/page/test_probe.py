"""What a page is asked at intervals, without a page."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import Mock

import pytest

from actors.browser.config import BrowserConfig
from actors.browser.errors import BrowserError, NotReady, PageError, PageTimeout, PageUnresponsive
from actors.browser.facts.interpreter import Interpreter
from actors.browser.page.page import WhatsAppPage
from actors.browser.page.probe import FAILURES, Probe
from actors.browser.reports import ComparisonFailed, Report

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
BROKEN = PageError("TypeError", "getModelsArray is not a function", "2.3000.2")


class Page:
    """Answers as it is told to, then not any more."""

    def __init__(self, *answers: BrowserError | None) -> None:
        self._answers: Iterator[BrowserError | None] = iter(answers)

    async def compare(self, *_: object) -> tuple[int, datetime]:
        if error := next(self._answers, PageTimeout()):
            raise error
        return 0, NOON


async def asked(*answers: BrowserError | None) -> list[Report]:
    """Return what is told of a page that answers so."""
    config = BrowserConfig(Path("profiles"), "server", probe_seconds=0.0)
    page, told = Mock(WhatsAppPage, compare=Page(*answers).compare), list[Report]()
    probe = Probe(config, Mock(Interpreter, ready=True), lambda: page, told.append)
    with suppress(PageUnresponsive):
        async with asyncio.timeout(10):
            await probe.watch()
    return told


async def test_a_comparison_that_the_page_fails_is_told_each_time_and_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert await asked(*[BROKEN] * (FAILURES + 2)) == [ComparisonFailed()] * (FAILURES + 2)
    assert caplog.text.count("cannot be found: TypeError: getModelsArray") == 1


async def test_a_comparison_that_works_again_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "actors.browser.page.probe")
    await asked(*[BROKEN] * FAILURES, None, None)
    assert caplog.text.count("can be found again") == 1


async def test_a_comparison_that_fails_now_and_then_is_not_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    await asked(*[BROKEN, None] * FAILURES)
    assert "found" not in caplog.text


async def test_a_page_that_is_loading_has_failed_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert await asked(*[NotReady()] * FAILURES) == []
    assert "found" not in caplog.text
