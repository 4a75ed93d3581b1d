"""A real server process on a simulated WhatsApp Web, used from outside as its users do."""

import asyncio
import contextlib
import json
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest

from api.settings import environment_without_settings
from tests.ports import free_port
from tests.surroundings import Surroundings, environment

KEY = "a-key-for-tests-of-the-server"
PATIENCE = 40.0
"""Seconds that anything may take on a slow, busy machine. Nothing waits so long if all is well."""

Event = dict[str, Any]


class ServerProcess:
    """A `wa-manager serve` with its data directory, its log, and a client that speaks to it."""

    def __init__(
        self, folder: Path, web_url: str, surroundings: Surroundings | None = None
    ) -> None:
        self.data = folder / "data"
        self.log_file = folder / "server.log"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {"WA_API_KEY": KEY, "WA_WEB_URL": web_url}
        self.command = [sys.executable, "-m", "api", "serve"]
        self.cwd: Path | None = None
        if surroundings is not None:
            self.environment |= environment(surroundings)
        self.process: asyncio.subprocess.Process | None = None
        self.client = aiohttp.ClientSession(self.url, headers={"X-Api-Key": KEY})
        self.browsers: set[int] = set()

    @property
    def log(self) -> str:
        return self.log_file.read_text() if self.log_file.exists() else ""

    async def start(self) -> None:
        await self.spawn()
        await until(self._is_ready, "the server is ready")

    async def spawn(self) -> None:
        """Start the process, without waiting for it."""
        with self.log_file.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *self.command,
                *("--port", str(self.port), "--data-dir", str(self.data)),
                cwd=self.cwd,
                env={**environment_without_settings(), **self.environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    async def _is_ready(self) -> bool:
        assert self.process is not None
        assert self.process.returncode is None, self.log
        try:
            async with self.client.get("/health/ready") as response:
                return response.status == 200
        except aiohttp.ClientConnectionError:
            return False

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the process's end; give its exit code."""
        assert self.process is not None
        self.browsers |= {browser.pid for browser in self.chromiums()}
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), PATIENCE)

    async def close(self) -> None:
        if self.process is not None and self.process.returncode is None:
            await self.end()
        await self.client.close()

    async def call(self, method: str, path: str, body: object = None, expect: int = 200) -> Any:
        async with self.client.request(method, path, json=body) as response:
            text = await response.text()
            assert response.status == expect, f"{method} {path}: {response.status} {text}"
            return json.loads(text) if text else None

    async def create(self, name: str = "Support") -> str:
        account = await self.call("POST", "/accounts", {"name": name}, expect=201)
        return str(account["id"])

    async def connect(self, account_id: str) -> Any:
        return await self.call("POST", f"/accounts/{account_id}/connect", expect=202)

    async def account(self, account_id: str) -> Any:
        return await self.call("GET", f"/accounts/{account_id}")

    async def events(self, account_id: str) -> list[Event]:
        page = await self.call("GET", f"/accounts/{account_id}/events?limit=500")
        items: list[Event] = page["items"]
        return items

    async def scans(self, account_id: str) -> int:
        """Count how often an account wanted a phone to scan."""
        history = await self.events(account_id)
        return sum(event["data"].get("status") == "QR_READY" for event in history)

    async def reaches(self, account_id: str, status: str, cause: str | None = None) -> Any:
        """Wait until an account has a status (and a cause)."""

        async def there() -> bool:
            account = await self.account(account_id)
            return account["status"] == status and cause in (None, account["cause"])

        await until(there, f"{account_id} is {status}", lambda: self.log[-3000:])
        return await self.account(account_id)

    @contextlib.asynccontextmanager
    async def listen(self, query: str = "") -> AsyncIterator["Listener"]:
        async with self.client.ws_connect(f"/ws{query}") as connection:
            yield Listener(connection)

    def chromiums(self) -> list[psutil.Process]:
        """Every process of every browser of this server's profiles, zombies too."""
        return [process for process, _ in self._chromiums()]

    def browser_of(self, account_id: str) -> psutil.Process:
        """The main process of an account's browser."""
        mains = [
            process
            for process, arguments in self._chromiums()
            if f"/{account_id}" in " ".join(arguments)
            and not any("--type=" in word for word in arguments)
        ]
        assert len(mains) == 1, mains
        return mains[0]

    def _chromiums(self) -> list[tuple[psutil.Process, list[str]]]:
        found = []
        for process in psutil.process_iter():
            # One that ends meanwhile is none.
            with contextlib.suppress(psutil.Error):
                if str(self.data) in " ".join(arguments := process.cmdline()):
                    found.append((process, arguments))
        return [each for each in found if self.process is None or each[0].pid != self.process.pid]

    async def no_chromium_is_left(self) -> None:
        async def gone() -> bool:
            return not self.chromiums() and not any(map(psutil.pid_exists, self.browsers))

        await until(gone, "no Chromium is left", lambda: str(self.chromiums()))


class Listener:
    """A websocket client that keeps what it heard."""

    def __init__(self, connection: aiohttp.ClientWebSocketResponse) -> None:
        self._connection = connection
        self.heard: list[Event] = []

    async def next(self) -> Event:
        message = await asyncio.wait_for(self._connection.receive(), PATIENCE)
        assert message.type is aiohttp.WSMsgType.TEXT, message
        event: Event = json.loads(message.data)
        self.heard.append(event)
        return event

    async def until(self, predicate: Callable[[Event], bool]) -> Event:
        while True:
            if predicate(event := await self.next()):
                return event

    async def status(self, account_id: str, status: str) -> Event:
        return await self.until(
            lambda event: (
                event["type"] == "status"
                and event["accountId"] == account_id
                and event["data"]["status"] == status
            )
        )


class Phones:
    """The simulated phones of a simulator."""

    def __init__(self, url: str) -> None:
        self._session = aiohttp.ClientSession(url)

    async def call(self, method: str, path: str, body: object = None) -> Any:
        async with self._session.request(method, f"/sim/{path}", json=body) as response:
            assert response.status < 300, await response.text()
            return await response.json() if response.status != 204 else None

    async def scan(self, number: str, code: str) -> None:
        await self.call("POST", f"phones/{number}/scan", {"code": code})

    async def link(self, server: ServerProcess, account_id: str, number: str) -> None:
        """Connect an account, scan its code, and wait until it is CONNECTED."""
        await server.connect(account_id)
        await server.reaches(account_id, "QR_READY")
        qr = await server.call("GET", f"/accounts/{account_id}/qr?format=json")
        await self.scan(number, qr["qr"])
        await server.reaches(account_id, "CONNECTED")

    async def close(self) -> None:
        await self._session.close()


async def until(
    condition: Callable[[], Awaitable[bool]],
    what: str,
    evidence: Callable[[], str] = lambda: "",
) -> None:
    """Wait for a condition, and say what did not happen if it does not."""
    deadline = time.monotonic() + PATIENCE
    while not await condition():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {PATIENCE:g} s: {what}\n{evidence()}")
        await asyncio.sleep(0.02)
