"""Database and Redis go away and come back under ten connected accounts and twenty clients.

Nobody is disconnected by it, and what was recorded reaches everybody.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.acceptance.test_many_accounts import linked
from tests.harness import Phones, ServerProcess, until
from tests.redis_server import RedisServer
from tests.surroundings import Surroundings

ACCOUNTS = 10
CLIENTS = 20
TEXTS = 3
"""Messages to each account in each phase."""


class Follower:
    """A client that follows the stream and comes back where it was, whatever happens."""

    def __init__(self, server: ServerProcess) -> None:
        self._server = server
        self.since = 0
        self.seqs: dict[str, list[int]] = {}
        self.texts: list[str] = []

    async def follow(self) -> None:
        while True:
            async with self._server.client.ws_connect(f"/ws?since={self.since}") as connection:
                async for message in connection:
                    self._take(message.json())

    def _take(self, event: dict[str, Any]) -> None:
        if "seq" in event and event["id"] > self.since:
            self.since = event["id"]
            self.seqs.setdefault(event["accountId"], []).append(event["seq"])
            if event["type"] == "message":
                self.texts.append(event["data"]["text"])


@asynccontextmanager
async def followers(server: ServerProcess) -> AsyncIterator[list[Follower]]:
    found = [Follower(server) for _ in range(CLIENTS)]
    tasks = [asyncio.create_task(each.follow()) for each in found]
    try:
        yield found
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Outage:
    """A neighbour that is taken away, and brought back."""

    def __init__(self, begin: Callable[[], None], end: Callable[[], None]) -> None:
        self._begin, self._end = begin, end
        self._away = False

    async def begin(self) -> None:
        self._away = True
        await asyncio.to_thread(self._begin)

    async def end(self) -> None:
        if self._away:
            self._away = False
            await asyncio.to_thread(self._end)


@pytest.fixture(params=["the database", "redis"])
async def outage(
    request: pytest.FixtureRequest, surroundings: Surroundings
) -> AsyncIterator[Outage]:
    if request.param == "the database":
        held = surroundings.outage()
        made = Outage(held.hold, held.release)
    elif surroundings.redis_url is None:
        pytest.skip("there is no Redis in these surroundings")
    else:
        redis: RedisServer = request.getfixturevalue("shared_redis")
        made = Outage(redis.stop, redis.start)
    yield made
    await made.end()


async def write(phones: Phones, accounts: dict[str, str], phase: str) -> set[str]:
    """Send each account some texts; give all of them."""
    texts = {
        f"{phase} {account_id} {number}": phone
        for account_id, phone in accounts.items()
        for number in range(TEXTS)
    }
    for text, phone in texts.items():
        body = {"from": "491700000099", "body": text}
        await phones.call("POST", f"phones/{phone}/messages", body)
    return set(texts)


async def status(server: ServerProcess) -> str:
    async with server.client.get("/health") as response:
        return str((await response.json())["status"])


async def test_nothing_recorded_and_no_account_is_lost_in_an_outage(
    server: ServerProcess, phones: Phones, outage: Outage
) -> None:
    accounts = await linked(server, phones, ACCOUNTS)
    browsers = {account_id: server.browser_of(account_id).pid for account_id in accounts}
    async with followers(server) as clients:
        sent = await write(phones, accounts, "before")
        await outage.begin()
        sent |= await write(phones, accounts, "during")
        await until(lambda: _is(server, "degraded"), "health says that it is away")
        await outage.end()
        await until(lambda: _is(server, "ok"), "health says that it is back", lambda: server.log)
        sent |= await write(phones, accounts, "after")

        async def all_heard() -> bool:
            return all(set(client.texts) >= sent for client in clients)

        await until(all_heard, "every client has every message", lambda: server.log[-3000:])

    for account_id in accounts:
        history = [event["seq"] for event in await server.events(account_id)]
        assert history == list(range(1, len(history) + 1))
        assert all(client.seqs[account_id] == history for client in clients)
        assert (await server.account(account_id))["status"] == "CONNECTED"
        assert server.browser_of(account_id).pid == browsers[account_id]


async def _is(server: ServerProcess, wanted: str) -> bool:
    return await status(server) == wanted
