"""wa-js and whatsapp-web.js as published, in real browsers, driven over JSON lines."""

import asyncio
import itertools
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import pytest

from simulator.server import Simulator
from tests.simulator.clients import Phone

HERE = Path(__file__).parent
WAIT_SECONDS = 20.0
CHROMIUMS = [
    "/usr/lib/chromium/chromium-headless-shell",
    "chromium-headless-shell",
    "/usr/lib/chromium/chromium",
    "chromium",
    "google-chrome",
]


def find_chromium() -> str:
    """Returns the Chromium to test with: what CHROMIUM names, else the lightest installed."""
    for name in filter(None, [os.environ.get("CHROMIUM"), *CHROMIUMS]):
        if found := shutil.which(name):
            return found
    raise FileNotFoundError("No Chromium found; install it, or name it in CHROMIUM.")


class Library:
    """A node program that drives a browser, speaking JSON lines: events out, commands in."""

    def __init__(self, *arguments: str | Path) -> None:
        self._arguments = ["node", *map(str, arguments)]
        self._ids = itertools.count()
        self._news = asyncio.Condition()
        self.lines: list[dict[str, Any]] = []

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *self._arguments, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        await asyncio.wait_for(self._process.wait(), WAIT_SECONDS)
        await self._reader

    async def event(
        self, name: str, matches: Callable[[Any], bool] = lambda _: True, *, after: int = 0
    ) -> Any:
        """Waits for an event, and returns its value; `after` skips lines that came before."""

        def wanted(line: dict[str, Any]) -> bool:
            return line.get("event") == name and matches(line.get("value"))

        return (await self._line(wanted, after)).get("value")

    def values(self, name: str) -> list[Any]:
        """Returns the values of all events of a name that have come."""
        return [line.get("value") for line in self.lines if line.get("event") == name]

    async def do(self, **command: Any) -> Any:
        """Carries out a command, and returns its value."""
        number = next(self._ids)
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"id": number, **command}).encode() + b"\n")
        line = await self._line(lambda line: line.get("id") == number, 0)
        if "error" in line:
            raise LibraryError(line["error"])
        return line["value"]

    async def _line(self, matches: Callable[[dict[str, Any]], bool], after: int) -> dict[str, Any]:
        def found() -> dict[str, Any] | None:
            return next(filter(matches, self.lines[after:]), None)

        async with self._news:
            try:
                await asyncio.wait_for(self._news.wait_for(found), WAIT_SECONDS)
            except TimeoutError:
                pytest.fail(f"waited in vain; came: {json.dumps(self.lines, indent=1)[:4000]}")
            line = found()
        assert line is not None
        return line

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            async with self._news:
                self.lines.append(json.loads(line))
                self._news.notify_all()


class LibraryError(Exception):
    """The library refused a command."""


class WaJs(Library):
    """The page with wa-js in it."""

    def __init__(self, profile: Path, url: str) -> None:
        super().__init__(HERE / "wajs.mjs", find_chromium(), profile, url)

    async def evaluate(self, expression: str) -> Any:
        """Evaluates JavaScript in the page, awaiting a promise."""
        return await self.do(expression=expression)

    async def code(self) -> str:
        """Waits for a QR code."""
        return str(await self.event("conn.auth_code_change", bool))

    async def link(self, phone: Phone) -> None:
        """Lets a phone scan the code, and waits until wa-js has all its ears open."""
        await phone.scan(await self.code())
        await self.event("conn.main_loaded")
        await self.listening()

    async def listening(self) -> None:
        """Waits until wa-js hears of receipts, which it does a timer's turn after it is ready."""
        await self.event("loader.full_ready")
        await self.evaluate("new Promise((turn) => setTimeout(() => turn(true)))")

    async def send(self, number: str, body: str) -> str:
        """Sends a text, and returns the message's id once the server has it."""
        call = f"WPP.chat.sendTextMessage('{number}@c.us', {json.dumps(body)})"
        return str(await self.evaluate(f"{call}.then((sent) => sent.id.split('_')[2])"))


class WhatsAppWebJs(Library):
    """A client of whatsapp-web.js; the simulator must serve https."""

    def __init__(self, profile: Path, simulator: Simulator) -> None:
        super().__init__(HERE / "wwebjs.mjs", find_chromium(), profile, str(simulator.port))
