"""A consumer of Redis that misses nothing and takes nothing twice, and the program around it.

Redis keeps nothing for a consumer that is away. But an account's events are numbered without a gap
(`seq`), so a hole is seen, and filled from the account's history. After each (re)connect all
accounts are looked at, because the last event that was missed is followed by none that tells.

    export WA_API_KEY=$(cat data/api-key)
    python -m examples.redis_consumer --redis redis://127.0.0.1:6379/0 --position position.json
"""

import argparse
import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from examples import command_line, position_file
from examples.history import History, NoSuchAccount
from examples.wa_stream import Away, Backoff, Event, Malformed

ANSWER_SECONDS = 5.0
"""How long Redis has to answer. After so much silence it is asked whether it is still there."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Hole:
    """Events of an account that nobody can tell any more: the log does not have them."""

    account_id: str
    after: int | None
    """The `seq` of the last one before, if it is known."""
    before: int
    """The `seq` of the first one after."""


@dataclass(frozen=True, slots=True)
class Gone:
    """An account was deleted; what it went through last may not have been told."""

    account_id: str


Item = Event | Hole | Gone
Handler = Callable[[Item], Awaitable[None]]
"""Called with one item after the other. One for which it raises comes again after a restart."""


@dataclass(frozen=True, slots=True)
class Mark:
    """The last event of an account that was processed."""

    seq: int
    id: int


@dataclass(slots=True)
class Position:
    """Up to where everything is processed."""

    start: int | None = None
    """The id up to which accounts without a mark are."""
    marks: dict[str, Mark] = field(default_factory=dict)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Take what `asdict` gave.

        Raises:
            KeyError, TypeError: It is something else.
        """
        marks = {account_id: Mark(**mark) for account_id, mark in value["marks"].items()}
        return cls(value["start"], marks)


class RedisConsumer:
    """Hands every recorded event to a handler, in its account's order; transient ones as they come.

    Args:
        url: `redis://`, `rediss://` or `unix://`.
        history: Where holes are filled from.
        handle: Called with each item, one at a time.
        position: Where to go on; nothing begins now.
        save: Called with the position whenever it has changed.
        prefix: The first part of the channels.

    Raises:
        ValueError: The url is not one of a Redis.
    """

    def __init__(
        self,
        url: str,
        history: History,
        handle: Handler,
        *,
        position: Position | None = None,
        save: Callable[[Position], Awaitable[None]] | None = None,
        prefix: str = "wa",
    ) -> None:
        # Trying again is for `run`: the client would do it silently, and what it missed stay so.
        self._client = Redis.from_url(
            url,
            retry=Retry(NoBackoff(), 0),
            socket_connect_timeout=ANSWER_SECONDS,
            socket_timeout=ANSWER_SECONDS,
        )
        self._channels = f"{prefix}:*"
        self._history = history
        self._handle = handle
        self._position = position or Position()
        self._save = save
        self._backoff = Backoff()

    async def run(self) -> None:
        """Consume until cancelled, or until the handler raises; come back after each outage.

        Raises:
            StreamError: The server does not let its history be read.
            AuthenticationError: Redis does not take the password.
        """
        async with self._client:
            while True:
                try:
                    await self._listen()
                except Away as away:
                    seconds = self._backoff.next(away.seconds)
                    logger.info("No events (%s), trying again in %.1f s", away, seconds)
                    await asyncio.sleep(seconds)

    async def _listen(self) -> None:
        async with self._client.pubsub() as channels:
            async with _redis():
                await channels.psubscribe(self._channels)
            while True:
                message = await _next(channels)
                if message["type"] == "psubscribe":
                    # From here on nothing is missed, so that now what was missed can be read.
                    await self._catch_up()
                    self._backoff.reset()
                elif message["type"] == "pmessage":
                    await self._hear(message["data"])

    async def _catch_up(self) -> None:
        newest = await self._history.newest()
        if self._position.start is None:
            self._position.start = newest
        accounts = await self._history.accounts()
        for account_id in accounts:
            await self._fill(account_id)
        for account_id in self._position.marks.keys() - set(accounts):
            await self._handle(Gone(account_id))
            del self._position.marks[account_id]
        self._position.start = newest
        await self._keep()

    async def _hear(self, payload: bytes) -> None:
        try:
            event = Event.from_json(json.loads(payload))
        except (Malformed, ValueError) as error:
            logger.warning("Somebody publishes what is no event: %s", error)
            return
        if event.seq is None or event.id is None:
            await self._handle(event)
            return
        mark = self._position.marks.get(event.account_id)
        if mark is None or event.seq > mark.seq + 1:
            await self._fill(event.account_id)
        await self._take(event)

    async def _fill(self, account_id: str) -> None:
        """Take what is in the account's history and was not heard."""
        mark = self._position.marks.get(account_id)
        since = mark.id if mark else self._position.start
        while since is not None:
            try:
                page = await self._history.page(account_id, since)
            except NoSuchAccount:
                return
            first = page.events[0].seq if page.events else None
            if page.gap and mark is None and first is not None and first > 1:
                await self._handle(Hole(account_id, None, first))
            for event in page.events:
                await self._take(event)
            since = page.next

    async def _take(self, event: Event) -> None:
        """Hand an event on, unless it was had before."""
        assert event.seq is not None
        assert event.id is not None
        mark = self._position.marks.get(event.account_id)
        if mark is None and self._position.start is not None and event.id <= self._position.start:
            # Recorded before this began, and told only now.
            return
        if mark is not None:
            # In a log that began anew, old numbers are new.
            if event.seq <= mark.seq and event.id <= mark.id:
                return
            if event.seq > mark.seq + 1:
                await self._handle(Hole(event.account_id, mark.seq, event.seq))
        await self._handle(event)
        self._position.marks[event.account_id] = Mark(event.seq, event.id)
        await self._keep()

    async def _keep(self) -> None:
        if self._save is not None:
            await self._save(self._position)


async def _next(channels: PubSub) -> dict[str, Any]:
    """Wait for a message, and make sure in between that Redis is there.

    Raises:
        Away: It is not.
    """
    async with _redis():
        message: dict[str, Any] | None = await channels.get_message(timeout=ANSWER_SECONDS)
        if message is None:
            await channels.ping()
            message = await channels.get_message(timeout=ANSWER_SECONDS)
    if message is None:
        raise Away(f"no answer within {ANSWER_SECONDS:g} s")
    return message


@asynccontextmanager
async def _redis() -> AsyncIterator[None]:
    """Tell a Redis that is away from one that refuses, and from what a handler raises."""
    try:
        yield
    except AuthenticationError:
        raise
    except (RedisConnectionError, RedisTimeoutError, OSError) as error:
        raise Away(str(error) or type(error).__name__) from error


async def consume(arguments: argparse.Namespace, position: Position | None) -> None:
    """Print all events until cancelled."""

    async def save(position: Position) -> None:
        if arguments.position is not None:
            await position_file.save(arguments.position, asdict(position))

    async def show(item: Item) -> None:
        """Print what is recorded; codes to scan are secrets."""
        match item:
            case Event(seq=int()):
                name = json.dumps(history.names.get(item.account_id), ensure_ascii=False)
                print(name, item.account_id, item.seq, item.type, json.dumps(item.data), flush=True)
            case Hole() | Gone():
                print(item, flush=True)

    async with History(arguments.url, arguments.key) as history:
        consumer = RedisConsumer(
            arguments.redis, history, show, position=position, save=save, prefix=arguments.prefix
        )
        await consumer.run()


def main() -> None:
    """Run the program."""
    parser = command_line.new_parser("Print the events that Redis brings, and those it missed.")
    parser.add_argument("--redis", default="redis://127.0.0.1:6379/0", help="the Redis")
    parser.add_argument("--prefix", default="wa", help="the first part of its channels")
    arguments = command_line.parse(parser)
    position = command_line.load_position(parser, arguments, Position.from_json)
    command_line.run(consume(arguments, position), RedisError)


if __name__ == "__main__":
    main()
