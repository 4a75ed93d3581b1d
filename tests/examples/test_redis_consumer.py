"""A consumer of Redis takes every event once, whatever Redis, the server and itself go through."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime

import pytest
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError

from api.settings import Settings
from examples import redis_consumer
from examples.history import History
from examples.redis_consumer import Gone, Hole, Item, Position, RedisConsumer
from examples.wa_stream import Event, Refused
from store import models
from store.events import bus, event_log
from tests.api.told import KEY, Api
from tests.examples.proxy import Proxy
from tests.redis_server import RedisServer
from tests.told import until

StartApi = Callable[[Settings], Awaitable[Api]]


class Consumer:
    """A consumer that runs, what it was handed, and what it saved."""

    def __init__(self, url: str, history: History, position: Position | None = None) -> None:
        self.items: list[Item] = []
        self.position = position
        self.refuse = False
        self._consumer = RedisConsumer(
            url, history, self._handle, position=position, save=self._save
        )
        self.task = asyncio.create_task(self._consumer.run())

    async def _handle(self, item: Item) -> None:
        if self.refuse:
            raise RuntimeError("cannot be processed")
        self.items.append(item)

    async def _save(self, position: Position) -> None:
        self.position = Position(position.start, dict(position.marks))

    @property
    def seqs(self) -> list[int]:
        return [item.seq for item in self.items if isinstance(item, Event) and item.seq]

    async def until(self, *seqs: int) -> None:
        """Wait until exactly these were handed on."""
        await until(lambda: self.task.done() or len(self.seqs) >= len(seqs))
        if self.task.done():
            await self.task
        assert self.seqs == list(seqs)

    async def ready(self) -> None:
        await until(lambda: self.task.done() or self.position is not None)

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


Consume = Callable[..., Consumer]


@pytest.fixture(autouse=True)
def _brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_consumer, "ANSWER_SECONDS", 0.3)
    monkeypatch.setattr(bus, "FIRST_RETRY", 0.01)
    monkeypatch.setattr(bus, "LONGEST_RETRY", 0.05)


@pytest.fixture
async def history(proxy: Proxy) -> AsyncIterator[History]:
    async with History(proxy.url, KEY) as history:
        yield history


@pytest.fixture
async def consume(redis_server: RedisServer, history: History) -> AsyncIterator[Consume]:
    """Start a consumer; call it again for another one."""
    started: list[Consumer] = []

    def start(position: Position | None = None) -> Consumer:
        started.append(Consumer(redis_server.url, history, position))
        return started[-1]

    yield start
    for consumer in started:
        await consumer.stop()


async def begun(api: Api, consume: Consume) -> tuple[str, Consumer]:
    """Create an account, then have a consumer listen for what comes after that."""
    account_id = await api.create()
    await api.recorded()
    consumer = consume()
    await consumer.ready()
    return account_id, consumer


async def record(api: Api, account_id: str, *seqs: int) -> list[event_log.Event]:
    """Record events, and give them with their ids."""
    for seq in seqs:
        api.record(event_log.Event("status", account_id, datetime.now(UTC), {"n": seq}, seq=seq))
    await api.recorded()
    return [
        event
        for event in (await event_log.page(0, 500, account_ids=(account_id,))).items
        if event.seq in seqs
    ]


async def publish(redis_server: RedisServer, *told: event_log.Event) -> None:
    async with Redis.from_url(redis_server.url) as client:
        for event in told:
            await client.publish(f"wa:{event.type}:{event.account_id}", event.text)


async def test_a_redis_that_is_killed_costs_no_event_and_doubles_none(
    start_api: StartApi, settings: Settings, redis_server: RedisServer
) -> None:
    api = await start_api(settings.model_copy(update={"redis_url": redis_server.url}))
    account_id = await api.create()
    await api.recorded()
    async with History(str(api.make_url("")), KEY) as history:
        consumer = Consumer(redis_server.url, history)
        await consumer.ready()
        await record(api, account_id, 2, 3)
        await consumer.until(2, 3)
        redis_server.stop()
        await record(api, account_id, 4, 5)
        redis_server.start()
        await record(api, account_id, 6, 7)
        await consumer.until(2, 3, 4, 5, 6, 7)
        await consumer.stop()


async def test_what_was_recorded_before_the_beginning_and_told_after_it_is_not_taken(
    api: Api, consume: Consume, redis_server: RedisServer
) -> None:
    account_id, consumer = await begun(api, consume)
    before = (await event_log.page(0, 1, account_ids=(account_id,))).items
    code = event_log.Event("qr", account_id, datetime.now(UTC), {"qr": "2@code"})

    await publish(redis_server, *before, code)

    await until(lambda: consumer.items)
    assert [item.type for item in consumer.items if isinstance(item, Event)] == ["qr"]


async def test_a_hole_is_filled_from_the_history(
    api: Api, consume: Consume, redis_server: RedisServer
) -> None:
    account_id, consumer = await begun(api, consume)
    told = await record(api, account_id, *range(2, 8))
    await publish(redis_server, told[0], told[3])
    await consumer.until(2, 3, 4, 5, 6, 7)


async def test_what_comes_twice_or_late_is_taken_once(
    api: Api, consume: Consume, redis_server: RedisServer
) -> None:
    account_id, consumer = await begun(api, consume)
    two, three, four = await record(api, account_id, 2, 3, 4)
    await publish(redis_server, two, two, four, three, three, four)
    (five,) = await record(api, account_id, 5)
    await publish(redis_server, five)
    await consumer.until(2, 3, 4, 5)


async def test_what_nothing_follows_is_found_when_redis_is_back(
    api: Api, consume: Consume, redis_server: RedisServer
) -> None:
    account_id, consumer = await begun(api, consume)
    redis_server.stop()
    await record(api, account_id, 2, 3)
    redis_server.start()
    await consumer.until(2, 3)


async def test_a_redis_that_says_nothing_is_left(
    api: Api, consume: Consume, redis_server: RedisServer
) -> None:
    account_id, consumer = await begun(api, consume)
    redis_server.freeze()
    await record(api, account_id, 2)
    redis_server.stop()
    redis_server.start()
    await consumer.until(2)


async def test_a_consumer_goes_on_where_it_was(
    api: Api, consume: Consume, redis_server: RedisServer
) -> None:
    account_id, first = await begun(api, consume)
    told = await record(api, account_id, 2, 3, 4)
    await publish(redis_server, told[0])
    await first.until(2, 3, 4)
    await first.stop()
    await record(api, account_id, 5)

    second = consume(first.position)

    await second.until(5)


async def test_what_could_not_be_processed_comes_again(
    api: Api, consume: Consume, redis_server: RedisServer
) -> None:
    account_id, first = await begun(api, consume)
    first.refuse = True
    told = await record(api, account_id, 2)
    await publish(redis_server, *told)
    with pytest.raises(RuntimeError, match="cannot be processed"):
        await first.task

    second = consume(first.position)

    await second.until(2)


async def test_from_the_beginning_a_consumer_gets_all_there_is(api: Api, consume: Consume) -> None:
    account_id = await api.create()
    await record(api, account_id, *range(2, 602))
    consumer = consume(Position(start=0))
    await consumer.until(*range(1, 602))


async def test_a_hole_that_the_log_does_not_fill_is_told(
    api: Api, consume: Consume, redis_server: RedisServer
) -> None:
    account_id, consumer = await begun(api, consume)
    await publish(redis_server, *await record(api, account_id, 2))
    await consumer.until(2)
    told = await record(api, account_id, 3, 4, 5)
    await api.trim_log(keep=1)
    await publish(redis_server, told[-1])
    await consumer.until(2, 5)
    assert consumer.items[1] == Hole(account_id, after=2, before=5)

    newcomer = consume(Position(start=0))

    await newcomer.until(5)
    assert newcomer.items[0] == Hole(account_id, after=None, before=5)


async def test_an_account_that_is_deleted_meanwhile_is_told(
    api: Api, consume: Consume, redis_server: RedisServer
) -> None:
    account_id, consumer = await begun(api, consume)
    await publish(redis_server, *await record(api, account_id, 2))
    await consumer.until(2)
    redis_server.stop()
    async with api.delete(f"/accounts/{account_id}") as response:
        assert response.status == 200
    redis_server.start()
    await until(lambda: consumer.items[-1] == Gone(account_id))


async def test_what_a_deleted_account_went_through_last_is_a_hole(
    api: Api, consume: Consume, redis_server: RedisServer
) -> None:
    account_id, consumer = await begun(api, consume)
    await publish(redis_server, *await record(api, account_id, 2))
    await consumer.until(2)
    await record(api, account_id, 3)
    await models.Account.filter(id=account_id).delete()
    last = event_log.Event("status", account_id, datetime.now(UTC), {"cause": "deleted"}, 4, 999)
    await publish(redis_server, last)
    await consumer.until(2, 4)
    assert consumer.items[1] == Hole(account_id, after=2, before=4)


async def test_codes_come_as_they_are_and_what_is_no_event_does_not(
    api: Api, consume: Consume, redis_server: RedisServer
) -> None:
    consumer = consume()
    await consumer.ready()
    async with Redis.from_url(redis_server.url) as client:
        for nonsense in ("no JSON", "[]", '{"type": "status"}', b"\xff"):
            await client.publish("wa:status:a", nonsense)
    await publish(redis_server, event_log.Event("qr", "a", datetime.now(UTC), {"qr": "2@code"}))
    await until(lambda: consumer.items)
    (item,) = consumer.items
    assert isinstance(item, Event)
    assert (item.type, item.data) == ("qr", {"qr": "2@code"})


async def test_a_server_that_is_away_is_waited_for(
    api: Api, consume: Consume, proxy: Proxy, redis_server: RedisServer
) -> None:
    account_id, consumer = await begun(api, consume)
    port, proxy.port = proxy.port, 1
    proxy.cut()
    seen = proxy.connections
    await publish(redis_server, *await record(api, account_id, 2))
    await until(lambda: proxy.connections > seen + 1)
    proxy.port = port
    await consumer.until(2)


async def test_a_wrong_key_ends_the_consumer(
    api: Api, proxy: Proxy, redis_server: RedisServer
) -> None:
    async with History(proxy.url, "wrong") as history:
        consumer = Consumer(redis_server.url, history)
        with pytest.raises(Refused, match="not the server's API key"):
            await consumer.task


async def test_a_wrong_password_ends_the_consumer(
    history: History, redis_server: RedisServer
) -> None:
    consumer = Consumer(redis_server.url.replace("://", "://nobody:wrong@"), history)
    with pytest.raises(AuthenticationError):
        await asyncio.wait_for(consumer.task, 10)
