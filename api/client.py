"""A server as its users see it: a process, HTTP, websocket. For the demo and the benchmarks."""

import asyncio
import json
import secrets
import signal
import socket
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import aiohttp

from api.settings import environment_without_settings, variable

PREFERRED_PORT = 5001
ANSWER_SECONDS = 2.0
"""How long an answer is waited for before it is asked again: a stranger may never give one."""


class Unexpected(Exception):
    """The server did not do what its users may expect."""


class Server:
    """A server process with a data directory and a key of its own."""

    def __init__(self, folder: Path, web_url: str, *flags: str) -> None:
        """Prepare it; nothing starts yet.

        Args:
            folder: Where it keeps its data and its log.
            web_url: The WhatsApp Web it uses.
            flags: What is given on its command line besides.
        """
        self.url = f"http://127.0.0.1:{free_port()}"
        self.key = secrets.token_urlsafe(24)
        self.log = folder / "server.log"
        self._folder = folder
        self._arguments = ("--web-url", web_url, *flags)
        self._process: asyncio.subprocess.Process | None = None
        self._has_answered = False

    @property
    def link(self) -> str:
        """The dashboard, with the key in it."""
        return f"{self.url}/?key={self.key}"

    @property
    def pid(self) -> int:
        """The process, once it was started."""
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Start the process and wait until it answers.

        Its first start takes another port if somebody took this one since it was picked.

        Raises:
            Unexpected: The process ended instead.
        """
        await self._run()
        patience = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        headers = {"X-Api-Key": self.key}
        async with aiohttp.ClientSession(headers=headers, timeout=patience) as session:
            while not await self._answers(session):
                assert self._process is not None
                if self._process.returncode is not None:
                    if self._has_answered or _is_free(self._port):
                        raise Unexpected("the server ended at its start")
                    self.url = f"http://127.0.0.1:{free_port()}"
                    await self._run()
                await asyncio.sleep(0.05)
        self._has_answered = True

    @property
    def _port(self) -> int:
        return int(self.url.rpartition(":")[2])

    async def _run(self) -> None:
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "api", "serve", "--port", str(self._port)),
                *("--data-dir", str(self._folder / "data"), *self._arguments),
                env={**environment_without_settings(), variable("api_key"): self.key},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    async def _answers(self, session: aiohttp.ClientSession) -> bool:
        try:
            # It wants the key, which only this server has.
            async with session.get(f"{self.url}/accounts?limit=1") as response:
                return response.status == 200
        except (aiohttp.ClientConnectionError, TimeoutError):
            return False

    async def stop(self) -> None:
        """Stop the process in good order; does nothing if there is none."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        await self._process.wait()


class Watcher:
    """Listens on the websocket and keeps what it heard."""

    def __init__(self, socket_: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket_
        self.statuses: dict[str, str] = {}

    async def until_all(self, accounts: Iterable[str], status: str) -> None:
        """Listen until every one of the accounts has the status."""
        wanted = set(accounts)
        while {a for a in wanted if self.statuses.get(a) == status} != wanted:
            await self.next()

    async def next(self) -> dict[str, Any]:
        """Hear the next event."""
        message = await self._socket.receive()
        if message.type is not aiohttp.WSMsgType.TEXT:
            raise Unexpected("the event stream ended")
        event: dict[str, Any] = json.loads(message.data)
        if event["type"] == "snapshot":
            for account in event["data"]["accounts"]:
                self.statuses[account["id"]] = account["status"]
        elif event["type"] == "status":
            self.statuses[event["accountId"]] = event["data"]["status"]
        return event


async def call(
    session: aiohttp.ClientSession, method: str, path: str, body: object = None
) -> dict[str, Any]:
    """Make a request and give the JSON of its answer.

    Raises:
        Unexpected: It was refused.
    """
    async with session.request(method, path, json=body) as response:
        text = await response.text()
        if response.status >= 400:
            raise Unexpected(f"{method} {path} answered {response.status}: {text}")
        answer: dict[str, Any] = json.loads(text) if text else {}
        return answer


def free_port() -> int:
    """Pick the usual port, or any other if that is taken."""
    if _is_free(PREFERRED_PORT):
        return PREFERRED_PORT
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
