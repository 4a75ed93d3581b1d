"""A client that follows the stream has every event once and in order, whatever happens to it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from api.problems import Unavailable
from api.settings import Settings
from examples.wa_stream import Event, EventStream, Gap, Item, Malformed, Notice, Refused, Snapshot
from store import accounts
from store.events import event_log
from tests.api.told import KEY, Api
from tests.examples.conftest import Say
from tests.examples.proxy import Proxy
from tests.told import until

StartApi = Callable[[Settings], Awaitable[Api]]

AT = "2026-11-22T12:00:00.000Z"
HELLO = f'{{"type": "hello", "at": "{AT}", "data": {{"newest": 3}}}}'
NOTICE = f'{{"type": "weather", "at": "{AT}", "data": {{"sun": true}}}}'
STRANGE_EVENT = (
    f'{{"type": "call", "accountId": "a", "at": "{AT}", "data": {{}}, "seq": 7, "id": 9, "new": 1}}'
)


def record(api: Api, account_id: str, first: int, last: int) -> None:
    for seq in range(first, last + 1):
        api.record(event_log.Event("status", account_id, datetime.now(UTC), {"n": seq}, seq=seq))


async def read(stream: EventStream, count: int) -> list[Event]:
    """Read so many recorded events."""
    found: list[Event] = []
    async with asyncio.timeout(20):
        while len(found) < count:
            item = await anext(stream)
            assert not isinstance(item, Gap)
            if isinstance(item, Event) and item.seq is not None:
                found.append(item)
    return found


async def first(stream: EventStream, kind: type[Item]) -> Item:
    async with asyncio.timeout(20):
        async for item in stream:
            if isinstance(item, kind):
                return item
    raise AssertionError("the stream ended")


def seqs(found: list[Event]) -> list[int | None]:
    return [event.seq for event in found]


async def test_it_begins_now_and_shows_the_accounts_first(api: Api, proxy: Proxy) -> None:
    account_id = await api.create("Support")
    await api.recorded()
    async with EventStream(proxy.url, KEY) as stream:
        snapshot = await anext(stream)
        record(api, account_id, 2, 3)
        found = await read(stream, 2)
    assert isinstance(snapshot, Snapshot)
    assert [account["name"] for account in snapshot.accounts] == ["Support"]
    assert [(event.account_id, event.seq, event.data) for event in found] == [
        (account_id, 2, {"n": 2}),
        (account_id, 3, {"n": 3}),
    ]


async def test_it_goes_on_after_what_was_saved(api: Api, proxy: Proxy) -> None:
    record(api, "a", 1, 3)
    await api.recorded()
    async with EventStream(proxy.url, KEY, since=0) as stream:
        second = (await read(stream, 2))[-1]
    async with EventStream(proxy.url, KEY, since=second.id) as stream:
        assert seqs(await read(stream, 1)) == [3]


async def test_what_was_not_processed_is_not_saved(api: Api, proxy: Proxy) -> None:
    record(api, "a", 1, 2)
    await api.recorded()
    saved: list[int] = []

    async def save(position: int) -> None:
        saved.append(position)

    async with EventStream(proxy.url, KEY, since=0, save=save) as stream:
        one, two = await read(stream, 2)
        assert saved == [one.id]
        assert stream.position == one.id
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(stream), 0.05)
    assert saved == [one.id, two.id]


async def test_a_position_that_could_not_be_saved_is_saved_before_the_next_item(
    api: Api, proxy: Proxy
) -> None:
    record(api, "a", 1, 2)
    await api.recorded()
    saved: list[int] = []
    full = [True]

    async def save(position: int) -> None:
        if full:
            full.pop()
            raise OSError("no space left")
        saved.append(position)

    async with EventStream(proxy.url, KEY, since=0, save=save) as stream:
        one = (await read(stream, 1))[0]
        with pytest.raises(OSError, match="no space left"):
            await anext(stream)
        assert seqs(await read(stream, 1)) == [2]
    assert saved == [one.id]


async def test_a_wait_that_is_given_up_loses_nothing(api: Api, proxy: Proxy) -> None:
    found: list[Item] = []
    async with EventStream(proxy.url, KEY) as stream:
        await anext(stream)
        for seq in range(1, 51):
            record(api, "a", seq, seq)
            with suppress(TimeoutError):
                found.append(await asyncio.wait_for(anext(stream), 0.001))
        found += await read(stream, 50 - len(found))
    assert [event.seq for event in found if isinstance(event, Event)] == list(range(1, 51))


async def test_before_the_first_event_it_comes_back_for_what_happened_meanwhile(
    api: Api, proxy: Proxy
) -> None:
    async with EventStream(proxy.url, KEY) as stream:
        await anext(stream)
        port, proxy.port = proxy.port, 1
        proxy.cut()
        record(api, "a", 1, 3)
        await api.recorded()
        proxy.port = port
        assert seqs(await read(stream, 3)) == [1, 2, 3]


@hypothesis_settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cuts=st.lists(st.integers(0, 12_000), max_size=8))
async def test_connections_lost_at_any_byte_cost_no_event_and_double_none(
    api: Api, proxy: Proxy, cuts: list[int]
) -> None:
    row, _ = await accounts.create("Support")
    account_id = row.id
    async with EventStream(proxy.url, KEY, accounts=[account_id]) as stream:
        await anext(stream)
        proxy.cuts = list(cuts)
        proxy.cut()
        record(api, account_id, 1, 30)
        reading = asyncio.create_task(read(stream, 60))
        await api.recorded()
        record(api, account_id, 31, 60)
        assert seqs(await reading) == list(range(1, 61))
    proxy.cuts = []


async def test_a_restarted_server_is_found_again(
    api: Api, proxy: Proxy, start_api: StartApi, settings: Settings
) -> None:
    async with EventStream(proxy.url, KEY) as stream:
        await anext(stream)
        found: list[Event] = []
        for start in (1, 11, 21):
            record(api, "a", start, start + 9)
            reading = asyncio.create_task(read(stream, 10))
            await api.close()
            api = await start_api(settings)
            assert api.port is not None
            proxy.port = api.port
            found += await reading
    assert seqs(found) == list(range(1, 31))


async def test_a_reader_that_is_too_slow_comes_back_for_the_rest(
    start_api: StartApi, settings: Settings
) -> None:
    api = await start_api(settings.model_copy(update={"websocket_queue": 10}))
    assert api.port is not None
    async with Proxy(api.port) as proxy, EventStream(proxy.url, KEY) as stream:
        await anext(stream)
        # More than fits into the queue, in one turn of the loop: no reader could keep up.
        record(api, "a", 1, 200)
        assert seqs(await read(stream, 200)) == list(range(1, 201))
        assert proxy.connections > 1


async def test_a_server_that_is_silent_is_given_up(api: Api, proxy: Proxy) -> None:
    async with EventStream(proxy.url, KEY, heartbeat=0.1) as stream:
        await anext(stream)
        proxy.freeze()
        record(api, "a", 1, 1)
        assert seqs(await read(stream, 1)) == [1]
        assert proxy.connections == 2


async def test_retry_after_is_waited_for(
    api: Api, proxy: Proxy, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "examples.wa_stream")
    monkeypatch.setattr(Unavailable, "headers", {"Retry-After": "1"})
    clock = asyncio.get_running_loop().time
    async with EventStream(proxy.url, KEY) as stream:
        api.begin_stopping()
        began = clock()
        reading = asyncio.create_task(anext(stream))
        await until(lambda: "HTTP 503" in caplog.text)
        api.end_stopping()
        assert isinstance(await reading, Snapshot)
        assert clock() - began >= 1


async def test_a_gap_is_told_once(api: Api, proxy: Proxy) -> None:
    record(api, "a", 1, 5)
    await api.recorded()
    oldest = await api.trim_log(keep=2)
    async with EventStream(proxy.url, KEY, since=1) as stream:
        gap = await first(stream, Gap)
        assert isinstance(await first(stream, Event), Event)
        assert isinstance(gap, Gap)
        assert (gap.since, gap.oldest) == (1, oldest)
        assert seqs(await read(stream, 1)) == [5]
        proxy.cut()
        record(api, "a", 6, 6)
        assert seqs(await read(stream, 1)) == [6]


@pytest.mark.parametrize("keep", [0, 1])
async def test_a_gap_with_nothing_after_it_is_told_once(api: Api, proxy: Proxy, keep: int) -> None:
    record(api, "a", 1, 5)
    await api.recorded()
    await (api.trim_log(keep) if keep else api.empty_log())
    async with EventStream(proxy.url, KEY, since=1, types=["message"]) as stream:
        await first(stream, Gap)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(stream), 0.05)
        proxy.cut()
        assert isinstance(await anext(stream), Snapshot)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(stream), 0.05)


async def test_a_log_that_began_anew_is_a_gap_and_its_numbers_are_new(
    api: Api, proxy: Proxy, start_api: StartApi, settings: Settings, another_log: Settings
) -> None:
    record(api, "a", 1, 9)
    async with EventStream(proxy.url, KEY, since=0) as stream:
        await read(stream, 9)
        await api.close()
        api = await start_api(another_log)
        record(api, "a", 1, 2)
        await api.recorded()
        assert api.port is not None
        proxy.port = api.port
        proxy.cut()
        gap = await first(stream, Gap)
        assert isinstance(gap, Gap)
        assert gap.newest == 2
        record(api, "a", 3, 4)
        assert seqs(await read(stream, 2)) == [3, 4]


async def test_codes_are_told_and_change_no_position(api: Api, proxy: Proxy) -> None:
    account_id = await api.create()
    await api.recorded()
    async with EventStream(proxy.url, KEY, types=["qr"]) as stream:
        await anext(stream)
        before = stream.position
        await api.show_qr(account_id, "2@code")
        event = await first(stream, Event)
        assert isinstance(event, Event)
        assert (event.type, event.data["qr"], event.id) == ("qr", "2@code", None)
        assert stream.position == before


@pytest.mark.parametrize(
    ("key", "path", "types", "status", "reason"),
    [
        ("wrong", "", None, 401, "not the server's API key"),
        (KEY, "/elsewhere", None, 404, "There is no ./elsewhere/ws"),
        (KEY, "", ["qrcode"], 400, "types: 'qrcode' is unknown"),
    ],
)
async def test_a_refusal_is_raised_with_its_reason(
    api: Api, proxy: Proxy, key: str, path: str, types: list[str] | None, status: int, reason: str
) -> None:
    async with EventStream(proxy.url + path, key, types=types) as stream:
        with pytest.raises(Refused, match=reason) as refused:
            await anext(stream)
    assert refused.value.status == status


async def test_what_a_newer_server_may_say_is_passed_on(say: Say) -> None:
    url = await say(HELLO, NOTICE, STRANGE_EVENT)
    async with EventStream(url, KEY) as stream:
        notice, event = await anext(stream), await anext(stream)
    assert isinstance(notice, Notice)
    assert (notice.type, notice.data) == ("weather", {"sun": True})
    assert isinstance(event, Event)
    assert (event.type, event.account_id, event.seq, event.id) == ("call", "a", 7, 9)


async def test_an_event_that_comes_twice_is_given_once(say: Say) -> None:
    url = await say(HELLO, STRANGE_EVENT, STRANGE_EVENT, NOTICE)
    async with EventStream(url, KEY) as stream:
        assert isinstance(await anext(stream), Event)
        assert isinstance(await anext(stream), Notice)


@pytest.mark.parametrize(
    "said",
    [
        "not JSON",
        "7",
        '"accountId"',
        '{"type": "weather"}',
        '{"type": "status", "accountId": "a", "at": "yesterday", "data": {}}',
        '{"type": "gap", "at": "2026-11-22T12:00:00.000Z", "data": {"since": 1}}',
        '{"type": "snapshot", "at": "2026-11-22T12:00:00.000Z", "data": {"accounts": 3}}',
    ],
)
async def test_what_cannot_be_read_is_told_and_can_be_passed_over(say: Say, said: str) -> None:
    url = await say(HELLO, said, NOTICE)
    async with EventStream(url, KEY) as stream:
        with pytest.raises(Malformed):
            await anext(stream)
        assert isinstance(await anext(stream), Notice)


async def test_a_stream_without_hello_is_not_ours(say: Say) -> None:
    url = await say(NOTICE)
    async with EventStream(url, KEY) as stream:
        with pytest.raises(Malformed, match="hello"):
            await anext(stream)


@pytest.mark.parametrize("url", ["127.0.0.1:5001", "redis://127.0.0.1", "http://", "http://a?b=c"])
def test_a_url_of_no_server_is_told_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="url of a server"):
        EventStream(url, KEY)


def test_one_account_as_a_string_is_told_at_once() -> None:
    with pytest.raises(TypeError, match="collections"):
        EventStream("http://127.0.0.1:5001", KEY, accounts="abc")


async def test_closing_ends_the_iteration_of_a_reader_that_waits(api: Api, proxy: Proxy) -> None:
    stream = EventStream(proxy.url, KEY)
    await anext(stream)
    reading = asyncio.create_task(anext(stream, None))
    await asyncio.sleep(0)
    await stream.aclose()
    assert await asyncio.wait_for(reading, 1) is None
    await until(lambda: api.streams == 0)


async def test_closing_ends_the_wait_for_a_server_that_is_away(
    api: Api, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("examples.wa_stream.FIRST_DELAY", 60.0)
    proxy.port = 1
    stream = EventStream(proxy.url, KEY)
    reading = asyncio.create_task(anext(stream, None))
    await until(lambda: proxy.connections)
    await stream.aclose()
    assert await asyncio.wait_for(reading, 1) is None
