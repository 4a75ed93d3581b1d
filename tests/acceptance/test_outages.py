"""Database and Redis go away and come back under ten connected accounts and twenty clients.

Nobody is disconnected by it, and what was recorded reaches everybody.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from tests.acceptance.test_many_accounts import linked
from tests.harness import Phones, ServerProcess, until
from tests.redis_server import RedisServer
from tests.surroundings import Surroundings

ACCOUNTS = 10
CLIENTS = 20
SUBSCRIBERS = 5
"""How many of the clients listen to Redis and nothing else, where there is one."""
TEXTS = 3
"""Messages to each account in each phase."""


class Client:
    """Keeps what it hears, but for what comes twice."""

    def __init__(self) -> None:
        self.seqs: dict[str, list[int]] = {}
        self.texts: list[str] = []
        self.listening = False

    async def follow(self) -> None:
        """Listen until cancelled."""
        raise NotImplementedError

    def take(self, event: dict[str, Any]) -> None:
        if event.get("seq") is None:
            return
        seqs = self.seqs.setdefault(event["accountId"], [])
        if not seqs or event["seq"] > seqs[-1]:
            seqs.append(event["seq"])
            if event["type"] == "message":
                self.texts.append(event["data"]["text"])


class Follower(Client):
    """Follows the stream and comes back where it was, whatever happens."""

    def __init__(self, server: ServerProcess) -> None:
        super().__init__()
        self._server = server
        self._since = 0

    async def follow(self) -> None:
        while True:
            async with self._server.client.ws_connect(f"/ws?since={self._since}") as connection:
                self.listening = True
                async for message in connection:
                    event = message.json()
                    self.take(event)
                    self._since = max(self._since, event.get("id") or 0)


class Subscriber(Client):
    """Listens to Redis, and subscribes again when it was away: Redis keeps nothing meanwhile."""

    def __init__(self, redis_url: str) -> None:
        super().__init__()
        self._url = redis_url

    async def follow(self) -> None:
        while True:
            with suppress(RedisError):
                await self._subscribe()
            self.listening = False
            await asyncio.sleep(0.05)

    async def _subscribe(self) -> None:
        retry = Retry(NoBackoff(), 0)
        async with Redis.from_url(self._url, retry=retry) as client, client.pubsub() as channels:
            await channels.psubscribe("wa:*")
            async for message in channels.listen():
                self.listening = True
                if message["type"] == "pmessage":
                    self.take(json.loads(message["data"]))


@asynccontextmanager
async def listening(
    server: ServerProcess, surroundings: Surroundings
) -> AsyncIterator[list[Client]]:
    clients: list[Client] = [Follower(server) for _ in range(CLIENTS)]
    if surroundings.redis_url is not None:
        clients[:SUBSCRIBERS] = [Subscriber(surroundings.redis_url) for _ in range(SUBSCRIBERS)]
    tasks = [asyncio.create_task(client.follow()) for client in clients]
    try:
        await all_listen(clients)
        yield clients
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def all_listen(clients: list[Client]) -> None:
    async def there() -> bool:
        return all(client.listening for client in clients)

    await until(there, "every client listens")


class Outage:
    """A neighbour that is taken away, and brought back.

    Args:
        begin: Takes it away.
        end: Brings it back, so far that clients can listen to it.
        release: Lets it be as before.
    """

    def __init__(
        self,
        begin: Callable[[], None],
        end: Callable[[], None],
        release: Callable[[], None] = lambda: None,
    ) -> None:
        self._begin, self._end, self._release = begin, end, release
        self._away = False

    async def begin(self) -> None:
        self._away = True
        await asyncio.to_thread(self._begin)

    async def end(self) -> None:
        if self._away:
            self._away = False
            await asyncio.to_thread(self._end)

    async def release(self) -> None:
        await asyncio.to_thread(self._release)


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
        made = Outage(redis.stop, lambda: redis.start(mute=True), redis.unmute)
    yield made
    await made.end()
    await made.release()


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
    server: ServerProcess, phones: Phones, surroundings: Surroundings, outage: Outage
) -> None:
    accounts = await linked(server, phones, ACCOUNTS)
    browsers = {account_id: server.browser_of(account_id).pid for account_id in accounts}
    async with listening(server, surroundings) as clients:
        sent = await write(phones, accounts, "before")
        await outage.begin()
        sent |= await write(phones, accounts, "during")
        await until(lambda: _is(server, "degraded"), "health says that it is away")
        await outage.end()
        await all_listen(clients)
        await outage.release()
        await until(lambda: _is(server, "ok"), "health says that it is back", lambda: server.log)
        sent |= await write(phones, accounts, "after")

        async def all_heard() -> bool:
            return all(set(client.texts) >= sent for client in clients)

        await until(all_heard, "every client has every message", lambda: server.log[-3000:])

    for account_id in accounts:
        history = [event["seq"] for event in await server.events(account_id)]
        assert history == list(range(1, len(history) + 1))
        for client in clients:
            seqs = client.seqs[account_id]
            # Redis tells nothing of what was before.
            first = seqs[0] if isinstance(client, Subscriber) else 1
            assert seqs == history[history.index(first) :]
        assert (await server.account(account_id))["status"] == "CONNECTED"
        assert server.browser_of(account_id).pid == browsers[account_id]


async def _is(server: ServerProcess, wanted: str) -> bool:
    return await status(server) == wanted
