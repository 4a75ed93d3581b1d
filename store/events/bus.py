"""The bus: how events reach whoever listens, in this process and over Redis. It keeps nothing.

Whoever was away asks the log for what was missed: see `feed`.
"""

import asyncio
import hashlib
import itertools
import logging
import random
import re
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from common.background import Background
from store.events.event_log import Event

OUTBOX = 100_000_000
"""How many bytes of memory the events that wait for Redis may take: 140,000 messages of 100
characters, or 1,500 of 64 kB. The oldest go first, the log has them."""
OVERHEAD = 200
"""The bytes that an event takes while it waits, beside its JSON: 200 were measured."""
SENT_AT_ONCE = 500
ECHOES = 20_000
"""How many of our own events are recognised when Redis sends them back."""
ANSWER_SECONDS = 5.0
"""How long Redis has to answer. After so much silence it is asked whether it is still there."""
FIRST_RETRY = 0.1
LONGEST_RETRY = 5.0
START_SECONDS = 2.0
"""How long a start waits to learn whether Redis is there."""
CLOSE_SECONDS = 1.0
"""How long a stop waits for Redis to take what is left, and for its goodbye."""

logger = logging.getLogger(__name__)

Listener = Callable[[Event, bool], None]
"""Called with an event, and with whether this server published it."""


@dataclass(frozen=True, slots=True)
class _Message:
    """An event as Redis gets it: less than the event itself takes while it waits."""

    channel: str
    payload: bytes
    recorded: bool

    @property
    def size(self) -> int:
        """The bytes that it takes."""
        return OVERHEAD + len(self.payload)


@dataclass(frozen=True, slots=True)
class BusState:
    """How a bus is doing."""

    ok: bool
    reason: str | None = None
    """Why it is not."""
    published: int = 0
    """How many events it has carried since the start."""
    waiting: int = 0
    """How many recorded events wait for it."""
    dropped: int = 0
    """How many recorded events it will never carry, for want of room while it was away."""


class Bus(Protocol):
    """Carries events to whoever listens. Used on the loop's thread."""

    async def start(self) -> None:
        """Begin to carry."""

    async def close(self) -> None:
        """Carry no more."""

    def publish(self, event: Event) -> None:
        """Give an event to all who listen now. Returns at once and never raises."""

    def listen(self, listener: Listener) -> None:
        """Have a listener called with each event from now on, until the bus is closed.

        It is called on the loop's thread, returns at once and never raises.
        """

    @property
    def state(self) -> BusState:
        """How the bus is doing."""


class InProcessBus:
    """The bus of a server that is alone."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []
        self._published = 0

    async def start(self) -> None:
        """Do nothing: this bus is always there."""

    async def close(self) -> None:
        """Forget all listeners."""
        self._listeners.clear()

    def publish(self, event: Event) -> None:
        """Give an event to all who listen now."""
        self._published += 1
        self.pass_on(event, ours=True)

    def pass_on(self, event: Event, *, ours: bool) -> None:
        """Give an event, of this server or of another one, to all who listen now."""
        for listener in self._listeners:
            listener(event, ours)

    def listen(self, listener: Listener) -> None:
        """Have a listener called from now on; see `Bus.listen`."""
        self._listeners.append(listener)

    @property
    def state(self) -> BusState:
        """Always well."""
        return BusState(ok=True, published=self._published)


class RedisBus:
    """A bus that several servers and consumers share: see `Bus`.

    Whoever listens in this process gets this server's events at once, whatever Redis does. Redis
    being away is a state, never an exception: recorded events wait for it in their order, transient
    ones do not. A listener can get an event twice after Redis was away; `(accountId, seq)` tells.

    Args:
        url: `redis://`, `rediss://` or `unix://`.
        prefix: The first part of the channels, which are `<prefix>:<type>:<accountId>`.
        background: What its tasks belong to.

    Raises:
        ValueError: The url or the prefix is wrong.
    """

    def __init__(
        self, url: str, prefix: str = "wa", *, background: Background | None = None
    ) -> None:
        if not re.fullmatch(r"[\w.:-]+", prefix):
            raise ValueError("the prefix of Redis channels may have letters, digits and _ . : -")
        self._prefix = prefix
        self._background = background or Background()
        # Trying again is ours: the client would do it silently, and out of our order.
        self._client = Redis.from_url(
            url,
            retry=Retry(NoBackoff(), 0),
            socket_connect_timeout=ANSWER_SECONDS,
            socket_timeout=ANSWER_SECONDS,
        )
        self._local = InProcessBus()
        self._outbox: deque[_Message] = deque()
        self._sending: list[_Message] = []
        self._held = 0
        self._published = 0
        self._dropped = 0
        self._told_dropped = 0
        self._echoes: dict[bytes, None] = {}
        self._troubles = {"listening": "not connected yet"}
        self._settled = asyncio.Event()
        self._news = asyncio.Event()
        self._all_sent = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Connect; go on as soon as it is known whether Redis is there."""
        self._tasks = [
            self._background.start("bus", self._persist("listening", self._listen)),
            self._background.start("bus", self._persist("sending", self._send)),
        ]
        await _wait(self._settled, START_SECONDS)

    async def close(self) -> None:
        """Let Redis take what is left if it is there, and disconnect."""
        await self._local.close()
        if self.state.ok and self._waiting:
            await _wait(self._all_sent, CLOSE_SECONDS)
        reason = self.state.reason or f"it did not take them within {CLOSE_SECONDS:g} s"
        await self._background.end(*self._tasks)
        self._note_unpublished(reason)
        try:
            # Encrypted connections are closed with a word of both sides.
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._client.aclose()
        except (TimeoutError, RedisError) as error:
            logger.debug("Redis did not answer the end of the connection: %s", error)

    def publish(self, event: Event) -> None:
        """Give an event to all who listen now, here and over Redis."""
        self._local.publish(event)
        # A code that is shown late is of no use to anyone.
        if event.seq is None and not self.state.ok:
            return
        channel = f"{self._prefix}:{event.type}:{event.account_id}"
        message = _Message(channel, event.text.encode(), recorded=event.seq is not None)
        self._make_room(message.size)
        self._outbox.append(message)
        self._held += message.size
        self._all_sent.clear()
        self._news.set()

    def listen(self, listener: Listener) -> None:
        """Have a listener called from now on, also with other servers' events; see `Bus.listen`."""
        self._local.listen(listener)

    @property
    def state(self) -> BusState:
        """Not ok while Redis is away; the reason is what its client says."""
        reason = next(iter(self._troubles.values()), None)
        return BusState(reason is None, reason, self._published, self._waiting, self._dropped)

    @property
    def _waiting(self) -> int:
        return len(self._sending) + len(self._outbox)

    def _make_room(self, size: int) -> None:
        while self._outbox and self._held + size > OUTBOX:
            message = self._outbox.popleft()
            self._held -= message.size
            self._dropped += message.recorded

    async def _persist(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Begin work again, with growing patience, whenever Redis has failed it."""
        delay = FIRST_RETRY
        while True:
            try:
                await work()
            except Exception as error:  # noqa: BLE001 - whatever it is, Redis is of no use now
                if _is_cancelled():
                    return
                delay = min(2 * delay, LONGEST_RETRY) if name in self._troubles else FIRST_RETRY
                self._note_trouble(name, error)
            # Not all servers at the same moment, when a Redis comes back.
            await asyncio.sleep(delay * random.uniform(0.5, 1))  # noqa: S311 - no secret

    def _note_trouble(self, name: str, error: Exception) -> None:
        if self.state.ok or not self._settled.is_set():
            logger.warning("Redis is away, recorded events wait for it: %s", error)
        self._troubles[name] = str(error) or type(error).__name__
        self._settled.set()

    def _note_well(self, name: str) -> None:
        self._settled.set()
        if self._troubles.pop(name, None) is None or not self.state.ok:
            return
        waited = f", {self._waiting} events waited for it" if self._waiting else ""
        logger.info("Redis is there%s", waited)
        if dropped := self._dropped - self._told_dropped:
            logger.warning("Redis will not get %d events, there was no room", dropped)
            self._told_dropped = self._dropped

    def _note_unpublished(self, reason: str) -> None:
        """Say how many recorded events Redis will never get: nobody publishes them later."""
        left = itertools.chain(self._sending, self._outbox)
        count = sum(message.recorded for message in left) + self._dropped - self._told_dropped
        if count:
            logger.warning(
                "Redis will not get %d recorded events, only the log has them: %s", count, reason
            )

    async def _send(self) -> None:
        """Publish what there is, in its order, for as long as Redis takes it."""
        while True:
            if not self._sending:
                self._sending = _take(self._outbox, SENT_AT_ONCE)
            if self._sending:
                await self._send_batch()
                self._published += len(self._sending)
                self._note_well("sending")
                self._held -= sum(message.size for message in self._sending)
                self._sending = []
                continue
            self._all_sent.set()
            self._news.clear()
            await self._news.wait()

    async def _send_batch(self) -> None:
        pipeline = self._client.pipeline(transaction=False)
        for message in self._sending:
            self._echoes[_digest(message.payload)] = None
            pipeline.publish(message.channel, message.payload)
        while len(self._echoes) > ECHOES:
            del self._echoes[next(iter(self._echoes))]
        # Raised by the client itself, an error would quote the event.
        for answer in await pipeline.execute(raise_on_error=False):
            if isinstance(answer, Exception):
                raise answer

    async def _listen(self) -> None:
        """Pass on what other servers publish, for as long as Redis is there."""
        async with self._client.pubsub() as channels:
            await channels.psubscribe(f"{self._prefix}:*")
            asked = False
            while True:
                message = await channels.get_message(timeout=ANSWER_SECONDS)
                if message is not None:
                    asked = False
                    self._hear(message)
                elif asked:
                    raise RedisConnectionError(f"no answer within {ANSWER_SECONDS:g} s")
                else:
                    asked = True
                    await channels.ping()

    def _hear(self, message: dict[str, Any]) -> None:
        if message["type"] == "psubscribe":
            self._note_well("listening")
        elif message["type"] == "pmessage" and _digest(message["data"]) not in self._echoes:
            try:
                self._local.pass_on(Event.from_json(message["data"]), ours=False)
            except ValueError:
                logger.debug("Not an event, on channel %r", message["channel"])


def _is_cancelled() -> bool:
    """Return whether this task is to end; the client can put an error in the place of that."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _digest(payload: bytes) -> bytes:
    """Stand for a payload, which may be long and is a secret at times."""
    return hashlib.blake2b(payload, digest_size=16).digest()


def _take(waiting: deque[_Message], most: int) -> list[_Message]:
    return [waiting.popleft() for _ in range(min(most, len(waiting)))]


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        logger.debug("Redis did not answer within %g s", seconds)
