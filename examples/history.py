"""What accounts there are, and what each of them went through, asked over HTTP."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote

import aiohttp

from examples.wa_stream import (
    Away,
    Event,
    EventStream,
    Malformed,
    Refused,
    address,
    explanation,
    is_temporary,
)

ANSWER_SECONDS = 30.0
"""How long a server has to answer."""
PAGE = 500


class NoSuchAccount(Exception):
    """The account was deleted, and its history with it."""


@dataclass(frozen=True, slots=True)
class Page:
    """A part of an account's history, oldest first."""

    events: Sequence[Event]
    next: int | None
    """What the following page is after; nothing on the last one."""
    gap: bool
    """Whether the log was trimmed past what was asked for, so that something may be missing."""


class History:
    """A client of a server's REST interface.

    Args:
        url: Where the server is, such as `http://127.0.0.1:5001`.
        key: Its API key.

    Attributes:
        names: What the accounts were called when they were asked for last, by id.

    Raises:
        ValueError: The url is not one of a server.
    """

    def __init__(self, url: str, key: str) -> None:
        self.names: dict[str, str] = {}
        self._url, self._key = url, key
        self._accounts = address(url, "/accounts")
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(headers={"X-Api-Key": self._key})
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def newest(self) -> int:
        """Return the id of the newest event of all; wait for a server that is away.

        Raises:
            Refused: The server refuses to tell.
        """
        async with EventStream(self._url, self._key) as stream:
            await anext(stream)
            assert stream.position is not None
            return stream.position

    async def accounts(self) -> list[str]:
        """Return the ids of all accounts, and keep their names.

        Raises:
            Away: The server is.
            Refused: The server refuses to tell.
        """
        found: dict[str, str] = {}
        query = {"limit": str(PAGE)}
        while True:
            answer = await self._get(self._accounts, query)
            found |= {account["id"]: account["name"] for account in answer["items"]}
            if answer["next"] is None:
                self.names = found
                return list(found)
            query["after"] = answer["next"]

    async def page(self, account_id: str, since: int) -> Page:
        """Return what an account went through after the event `since`.

        Raises:
            NoSuchAccount: It was deleted.
            Away: The server is.
            Refused: The server refuses to tell.
        """
        query = {"since": str(since), "limit": str(PAGE)}
        try:
            answer = await self._get(f"{self._accounts}/{quote(account_id, '')}/events", query)
        except Refused as refused:
            if refused.status == 404:
                raise NoSuchAccount(account_id) from None
            raise
        events = [Event.from_json(item) for item in answer["items"]]
        return Page(events, answer["next"], answer["gap"])

    async def _get(self, url: str, query: Mapping[str, str]) -> Mapping[str, Any]:
        assert self._session is not None
        request = self._session.get(url, params=query)
        try:
            async with asyncio.timeout(ANSWER_SECONDS), request as response:
                if is_temporary(response.status):
                    wait = response.headers.get("Retry-After")
                    raise Away(f"HTTP {response.status}", wait)
                if response.status != 200:
                    raise Refused(response.status, await explanation(response))
                answer = await response.json(content_type=None)
        except aiohttp.ClientConnectorCertificateError:
            raise
        except (aiohttp.ClientError, OSError) as error:
            raise Away(str(error) or type(error).__name__) from error
        except ValueError as error:
            raise Malformed(f"not JSON: {url}") from error
        if not (isinstance(answer, dict) and isinstance(answer.get("items"), list)):
            raise Malformed(f"not a list: {url}")
        return answer
