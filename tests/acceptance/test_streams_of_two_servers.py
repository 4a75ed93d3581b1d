"""Two servers record at the same time, and clients that come and go see everything in its order.

On Postgres and Redis, Redis is killed meanwhile. On SQLite the servers share a file, and hear of
each other's events from the log alone.
"""

import asyncio
import logging
import random
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from api.settings import environment_without_settings
from tests.acceptance.recording_server import ACCOUNTS
from tests.redis_server import RedisServer
from tests.surroundings import Surroundings, environment

SERVERS = 2
EVENTS = 1500
CLIENTS = 6
PATIENCE = 60.0
KEY = "a-key-for-tests-of-the-streams"

Position = dict[str, int]


class Server:
    """A recording server in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self._process = process
        self.url = url

    def record(self) -> None:
        """Have it begin."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"go\n")


@asynccontextmanager
async def serving(
    name: str, folder: Path, surroundings: Surroundings, seed: int
) -> AsyncIterator[Server]:
    own = {"WA_API_KEY": KEY, "WA_DATA_DIR": str(folder / name)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.acceptance.recording_server", name, str(EVENTS), str(seed)),
        env={**environment_without_settings(), **own, **environment(surroundings)},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE):
            port = int(await process.stdout.readline())
        yield Server(process, f"http://127.0.0.1:{port}")
    finally:
        process.stdin.close()
        await asyncio.wait_for(process.wait(), PATIENCE)


class Client:
    """Follows the stream, of one server and then another, and breaks off at any moment."""

    def __init__(self, urls: list[str], chance: random.Random) -> None:
        self._urls = urls
        self._chance = chance
        self._since = 0
        self.seen: Position = {}
        self.wanted: Position = {}

    async def follow(self, session: aiohttp.ClientSession) -> None:
        while len(self.wanted) < SERVERS * ACCOUNTS or any(
            self.seen.get(account_id, 0) < seq for account_id, seq in self.wanted.items()
        ):
            url = f"{self._chance.choice(self._urls)}/ws?since={self._since}"
            async with session.ws_connect(url) as connection:
                await self._read(connection, self._chance.randint(1, 500))

    async def _read(self, connection: aiohttp.ClientWebSocketResponse, frames: int) -> None:
        before = self._since
        for _ in range(frames):
            try:
                message = await connection.receive(timeout=self._chance.choice([0.05, 5]))
            except TimeoutError:
                return
            if message.type is not aiohttp.WSMsgType.TEXT:
                return
            event = message.json()
            assert event["type"] != "gap"
            if "seq" in event:
                assert event["id"] > before, "the stream goes back"
                self._since = before = event["id"]
                self._take(event)

    def _take(self, event: dict[str, Any]) -> None:
        account_id, seq = event["accountId"], event["seq"]
        if account_id.endswith("-end"):
            self.wanted |= event["data"]
        seen = self.seen.get(account_id, 0)
        assert seq <= seen + 1, f"a hole: {account_id} {seen} then {seq}"
        self.seen[account_id] = max(seen, seq)


@pytest.fixture
def break_redis(
    surroundings: Surroundings, request: pytest.FixtureRequest
) -> Callable[[], Coroutine[None, None, None]]:
    """Kill Redis and start it again, where there is one."""

    async def outage() -> None:
        if surroundings.redis_url is not None:
            redis: RedisServer = request.getfixturevalue("shared_redis")
            await asyncio.to_thread(redis.stop)
            await asyncio.sleep(0.3)
            await asyncio.to_thread(redis.start)

    return outage


async def test_clients_that_come_and_go_see_every_event_in_order(
    surroundings: Surroundings,
    tmp_path: Path,
    break_redis: Callable[[], Coroutine[None, None, None]],
) -> None:
    seed = random.randrange(2**32)
    logging.getLogger(__name__).warning("seed %d", seed)
    chance = random.Random(seed)
    async with AsyncExitStack() as opened:
        servers = [
            await opened.enter_async_context(serving(name, tmp_path, surroundings, seed))
            for name in ("one", "two")
        ]
        session = await opened.enter_async_context(
            aiohttp.ClientSession(headers={"X-Api-Key": KEY})
        )
        urls = [server.url for server in servers]
        clients = [Client(urls, random.Random(chance.random())) for _ in range(CLIENTS)]
        for server in servers:
            server.record()
        async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as following:
            for client in clients:
                following.create_task(client.follow(session))
            following.create_task(break_redis())

    for client in clients:
        assert client.seen == clients[0].seen
        assert sum(client.seen.values()) == SERVERS * (EVENTS + 1)
