"""A run whose reports can be awaited, the phones around it, and the processes behind it."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import pytest

from actors.browser.config import BrowserConfig
from actors.browser.process.group import PROC, all_pids, command_line
from actors.browser.reports import QrShown, Ready, Report
from actors.browser.run import BrowserRun
from store.events.known_messages import KnownMessages

WAIT_SECONDS = 20.0
PROVEN = 15.0
"""`durable_seconds` of a run whose login another one is to find: a busy machine takes its time, and
what is on its way to the disk at a browser's end is lost."""
SERVER = f"tests-{os.getpid()}"
"""Not another test process's, which may run at the same time."""

R = TypeVar("R", bound=Report)


def processes(account_id: str) -> list[int]:
    """The processes of an account's browser, helpers included, as far as they are alive."""
    leaders = [
        pid for pid in all_pids() if f"--wa-manager={SERVER}:{account_id}" in command_line(pid)
    ]
    return [pid for leader in leaders for pid in group_members(leader)]


def group_members(leader: int) -> list[int]:
    """The living processes of a group."""
    members = []
    for entry in PROC.glob("[0-9]*/stat"):
        try:
            state, _, group = entry.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(group) == leader and state not in "ZX":
            members.append(int(entry.parent.name))
    return members


async def until(condition: Callable[[], object], what: str) -> None:
    """Wait until a condition holds."""
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            while not condition():
                await asyncio.sleep(0.02)
    except TimeoutError:
        pytest.fail(f"waited in vain until {what}")


class Phone:
    """A phone, by the simulator's HTTP."""

    def __init__(self, http: aiohttp.ClientSession, url: str, number: str) -> None:
        self.number = number
        self._http = http
        self._url = f"{url}/sim/phones/{number}"

    async def scan(self, code: str) -> None:
        await self._post("scan", {"code": code})

    async def enter_code(self, code: str) -> None:
        await self._post("enter-code", {"code": code})

    async def unlink(self) -> None:
        await self._post("unlink", {})

    async def receive(self, sender: str, body: str, ident: str | None = None) -> None:
        extra = {} if ident is None else {"id": ident}
        await self._post("messages", {"from": sender, "body": body, **extra})

    async def inbox(self) -> list[dict[str, Any]]:
        async with self._http.get(f"{self._url}/inbox", raise_for_status=True) as response:
            items: list[dict[str, Any]] = (await response.json())["items"]
            return items

    async def linked(self) -> bool:
        async with self._http.get(self._url, raise_for_status=True) as response:
            return bool((await response.json())["linked"])

    async def _post(self, action: str, body: dict[str, Any]) -> None:
        async with self._http.post(f"{self._url}/{action}", json=body) as response:
            assert response.status < 300, await response.text()


class Faults:
    """The simulator's faults."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http = http
        self._url = f"{url}/sim/faults"

    async def add(self, kind: str, **params: Any) -> None:
        async with self._http.post(self._url, json={"kind": kind, **params}) as response:
            assert response.status < 300, await response.text()

    async def clear(self) -> None:
        async with self._http.delete(self._url) as response:
            assert response.status < 300, await response.text()


class WatchedRun:
    """A run that is under way, and what it has reported."""

    def __init__(self, account_id: str, config: BrowserConfig, known: KnownMessages) -> None:
        self.account_id = account_id
        self.config = config
        self.reports: list[Report] = []
        self._news = asyncio.Condition()
        self._seen = 0

        async def known_messages() -> KnownMessages:
            return known

        self.browser = BrowserRun(account_id, config, self._take, known_messages)
        self.task = asyncio.create_task(self.browser.run())

    @property
    def profile(self) -> Path:
        return self.config.profile(self.account_id)

    @property
    def last(self) -> Report:
        return self.reports[-1]

    async def until(self, kind: type[R], condition: Callable[[R], object] = lambda _: True) -> R:
        """Wait for a report that comes after the one waited for last."""

        def found() -> int | None:
            for place, report in enumerate(self.reports[self._seen :], self._seen):
                if isinstance(report, kind) and condition(report):
                    return place
            return None

        async with self._news:
            try:
                await asyncio.wait_for(
                    self._news.wait_for(lambda: found() is not None), WAIT_SECONDS
                )
            except TimeoutError:
                pytest.fail(f"no {kind.__name__} came, but {self.reports}")
        place = found()
        assert place is not None
        self._seen = place + 1
        report = self.reports[place]
        assert isinstance(report, kind)
        return report

    async def ready_with(self, phone: Phone) -> Ready:
        """Link a phone, and wait until the account is usable."""
        await phone.scan((await self.until(QrShown)).code)
        return await self.until(Ready)

    async def close(self) -> None:
        """Stop the run, if it is not over, and wait for its end."""
        self.browser.stop()
        await asyncio.wait_for(self.task, WAIT_SECONDS)

    async def evaluate(self, expression: str) -> Any:
        """Evaluate JavaScript in the page."""
        page = self.browser._page
        assert page is not None
        session = page._session
        assert session is not None
        reply = await session.send(
            "Runtime.evaluate",
            {"expression": expression, "returnByValue": True, "awaitPromise": True},
        )
        return reply["result"].get("value")

    def _take(self, report: Report) -> None:
        self.reports.append(report)
        self._telling = asyncio.create_task(self._tell())

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()


Start = Callable[..., WatchedRun]
"""Starts a run: of an account, with changes to the configuration."""

PhoneOf = Callable[[str], Phone]
"""Gives the phone with a number."""
