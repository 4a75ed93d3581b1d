"""Browsers that are told what to report, in place of real ones; all around them is real."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from actors.account.view import View
from actors.browser.reports import (
    Closed,
    Failed,
    Failure,
    LoggedOut,
    PairingCodeShown,
    Report,
    SentMessage,
)
from actors.manager import Manager
from actors.monitor.sampler import Sample, Usage
from actors.startqueue import Room


async def until(condition: Callable[[], object]) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


class ToldRun:
    """A browser's run that reports what a test tells it to."""

    def __init__(self, report: Callable[[Report], None]) -> None:
        self.report = report
        self.pid: int | None = None
        self.sent: list[tuple[str, str]] = []
        self.refusal: Exception | None = None
        self.lingers = False
        """Whether the browser stays when it is asked to end, until `end`."""
        self.stopped = False
        self.unlinked = False
        """Whether the page was asked to log out."""
        self.hung = False
        """Whether the page does not answer, so that it cannot log out."""
        self.killed = False
        self.looked = False
        """Whether a last picture was asked for."""
        self._ended = asyncio.Event()

    async def run(self) -> None:
        try:
            await self._ended.wait()
        finally:
            picture = await self.screenshot() if self.looked else None
            self.report(Closed(picture, self.unlinked and not self.hung))

    def stop(self, *, unlink: bool = False, wipe: bool = False, look: bool = False) -> None:
        self.stopped = True
        self.looked |= look
        self.unlinked |= unlink
        if unlink or wipe:
            self.report(LoggedOut("user"))
        if not self.lingers:
            self.end()

    def fail(self, failure: Failure, detail: str, *, end: bool = True) -> None:
        """Report a failure; the browser ends by itself after one."""
        self.report(Failed(failure, detail))
        if end:
            self.end()

    def end(self) -> None:
        """Let the browser be gone."""
        self._ended.set()

    def kill(self) -> None:
        self.killed = True
        self.end()

    async def send_text(self, to: str, text: str) -> SentMessage:
        if self.refusal is not None:
            raise self.refusal
        self.sent.append((to, text))
        chat = to if "@" in to else f"{to}@c.us"
        return SentMessage(f"true_{chat}_3EB0", chat, 1)

    async def pairing_code(self, phone: str) -> PairingCodeShown:
        shown = PairingCodeShown("ABCD1234", phone, datetime.now(UTC) + timedelta(minutes=3))
        self.report(shown)
        return shown

    async def screenshot(self) -> bytes:
        return b"\x89PNG\r\n\x1a\n"


class ToldManager(Manager):
    """The manager, with runs that are told what to report."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.runs: dict[str, ToldRun] = {}
        self.room = Room(float("inf"), float("inf"))

    def _new_run(self, account_id: str, report: Callable[[Report], None]) -> Any:
        run = self.runs[account_id] = ToldRun(report)
        return run

    def show_usage(self, accounts: Collection[str], usage: Usage, profile_mb: int) -> None:
        """Show something else than what was measured, until it is measured again."""
        figures = self._watched.figures
        assert figures is not None
        sample = Sample(accounts=dict.fromkeys(accounts, usage))
        profiles = dict.fromkeys(accounts, profile_mb)
        self._watched.figures = replace(figures, sample=sample, profiles=profiles)

    def show_view(self, view: View) -> None:
        """Show an account that has no actor."""
        self._views.show(view)

    def be_killed(self) -> None:
        """Leave everything as a killed process does, as far as others can see."""
        for task in self._keeper._periodic._tasks:
            task.cancel()
        self._keeper._liveness.end()

    def _room(self) -> Room:
        return self.room
