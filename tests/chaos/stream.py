"""A websocket client as a dashboard is one: it comes back with the last event that it heard."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress

import aiohttp

from tests.chaos.violation import Violation
from tests.harness import Event, ServerProcess

RETRY_SECONDS = 0.1


class Stream:
    """Keeps what it heard, over any number of connections."""

    def __init__(self, server: Callable[[], ServerProcess]) -> None:
        """Takes who knows which server is to be listened to now."""
        self._server = server
        self._last = 0
        self._connection: aiohttp.ClientWebSocketResponse | None = None
        self.heard: set[tuple[str, int]] = set()
        self.connections = 0
        self.lost: Event | None = None

    async def follow(self) -> None:
        """Listen until cancelled."""
        while True:
            with suppress(aiohttp.ClientError, ConnectionError, TimeoutError):
                await self._listen()
            await asyncio.sleep(RETRY_SECONDS)

    async def drop(self) -> None:
        """Lose the connection, as networks do."""
        if self._connection is not None:
            await self._connection.close()

    def missing(self, account_id: str, newest: int) -> list[int]:
        """Return the numbers of an account's events that were not heard."""
        if self.lost is not None:
            raise Violation(f"the stream has a gap: {self.lost}")
        return [seq for seq in range(1, newest + 1) if (account_id, seq) not in self.heard]

    async def _listen(self) -> None:
        client = self._server().client
        async with client.ws_connect(f"/ws?since={self._last}", heartbeat=5) as connection:
            self._connection = connection
            self.connections += 1
            async for message in connection:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self._hear(json.loads(message.data))

    def _hear(self, event: Event) -> None:
        if event["type"] == "gap":
            self.lost = event
        if "id" in event:
            self._last = max(self._last, event["id"])
            self.heard.add((event["accountId"], event["seq"]))
