"""The stream as server-sent events: what it tells, how it is resumed, and how it ends."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import ClientResponse

from api.settings import Settings
from store.errors import DatabaseAway
from store.events.event_log import Event
from tests.api.told import KEY, Api
from tests.told import until


@dataclass
class Told:
    """One event as a client of server-sent events sees it."""

    event: str
    data: Any
    last_event_id: str


class Reader:
    """Reads a stream as the specification of `EventSource` says."""

    def __init__(self, response: ClientResponse) -> None:
        self.response = response
        self.last_event_id = ""

    async def next(self) -> Told:
        """Return the next event.

        Raises:
            EOFError: The stream has ended.
        """
        fields: dict[str, str] = {}
        async with asyncio.timeout(10):
            while line := (await self.response.content.readline()).decode():
                if line == "\n" and "data" in fields:
                    return Told(fields["event"], json.loads(fields["data"]), self.last_event_id)
                name, _, value = line.rstrip("\n").partition(": ")
                if name == "id":
                    self.last_event_id = value
                elif name:
                    fields[name] = value
        raise EOFError

    async def until(self, event: str) -> Told:
        while (told := await self.next()).event != event:
            pass
        return told

    async def opened(self) -> None:
        assert (await self.next()).event == "hello"
        assert (await self.next()).event == "snapshot"


@asynccontextmanager
async def following(
    api: Api, query: str = "", headers: dict[str, str] | None = None
) -> AsyncIterator[Reader]:
    async with api.get(f"/events{query}", headers=headers) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/event-stream"
        yield Reader(response)


async def test_events_arrive_live_with_their_type_and_id(api: Api) -> None:
    async with following(api) as reader:
        await reader.opened()
        account_id = await api.create()
        told = await reader.next()

    assert told.event == told.data["type"] == "status"
    assert told.data["accountId"] == account_id
    assert told.last_event_id == str(told.data["id"])


async def test_a_code_has_no_id_and_leaves_the_last_one(api: Api) -> None:
    account_id = await api.create()
    async with following(api) as reader:
        await reader.opened()
        await api.show_qr(account_id, "2@live")
        shown = await reader.until("status")
        while shown.data["data"]["status"] != "QR_READY":
            shown = await reader.until("status")
        code = await reader.until("qr")

    assert code.data["data"]["qr"] == "2@live"
    assert code.last_event_id == str(shown.data["id"])


@pytest.mark.parametrize("by", ["Last-Event-ID", "since"])
async def test_a_client_that_comes_back_gets_what_it_missed(api: Api, by: str) -> None:
    await api.create("before")
    await api.recorded()
    async with following(api) as reader:
        # Nothing has happened yet, and still it is known where to go on.
        await reader.opened()
        last = reader.last_event_id
    missed = await api.create("missed")
    await api.recorded()

    headers = {"Last-Event-ID": last} if by == "Last-Event-ID" else {}
    query = "" if by == "Last-Event-ID" else f"?since={last}"
    async with following(api, query, headers) as reader:
        await reader.opened()
        told = await reader.next()

    assert told.data["accountId"] == missed


async def test_the_last_event_id_goes_before_since(api: Api) -> None:
    """An `EventSource` connects again to the address that it was made with."""
    for _ in range(3):
        await api.create()
    await api.recorded()
    async with following(api, "?since=0", {"Last-Event-ID": "2"}) as reader:
        await reader.opened()
        assert (await reader.next()).last_event_id == "3"


async def test_a_client_that_breaks_off_before_the_replay_ends_misses_nothing(api: Api) -> None:
    for _ in range(3):
        await api.create()
    await api.recorded()
    async with following(api, "?since=1") as reader:
        await reader.opened()
    assert reader.last_event_id == "1"


async def test_the_stream_is_of_the_accounts_and_types_asked_for(api: Api) -> None:
    first, second = await api.create(), await api.create()
    async with following(api, f"?accounts={second}&types=qr") as reader:
        await reader.opened()
        await api.show_qr(first)
        await api.show_qr(second)
        told = await reader.next()
    assert (told.event, told.data["accountId"]) == ("qr", second)


async def test_a_trimmed_log_is_told_as_a_gap(api: Api) -> None:
    await api.create()
    await api.create()
    await api.recorded()
    oldest = await api.trim_log(keep=1)
    async with following(api, headers={"Last-Event-ID": "0"}) as reader:
        await reader.opened()
        gap, event = await reader.next(), await reader.next()
    assert gap.event == "gap"
    assert event.last_event_id == str(oldest)


async def test_a_log_that_is_trimmed_before_it_was_told_is_told_as_a_gap_to_who_comes_back(
    api: Api,
) -> None:
    async with following(api) as reader:
        await reader.opened()
        last = await api.trimmed_elsewhere()
        api.publish(last)
        with pytest.raises(EOFError):
            await reader.next()
    async with following(api, headers={"Last-Event-ID": reader.last_event_id}) as again:
        await again.opened()
        gap, event = await again.next(), await again.next()
    assert gap.event == "gap"
    assert event.data["id"] == last.id


@pytest.mark.parametrize("keep", [0, 2])
async def test_a_gap_is_told_once_also_where_nothing_is_told_after_it(api: Api, keep: int) -> None:
    account_id = await api.create()
    for _ in range(3):
        await api.create()
    await api.recorded()
    await (api.trim_log(keep) if keep else api.empty_log())
    async with following(api, "?types=qr", {"Last-Event-ID": "1"}) as reader:
        await reader.opened()
        assert (await reader.next()).event == "gap"
    last = {"Last-Event-ID": reader.last_event_id}

    async with following(api, "?types=qr", last) as reader:
        await reader.opened()
        await api.show_qr(account_id)
        assert (await reader.next()).event == "qr"
    async with following(api, headers=last) as reader:
        await reader.opened()
        told = [(await reader.next()).last_event_id for _ in range(keep + 1)]

    # Whatever is kept is told, and then what happened since.
    assert told == [str(4 - keep + number) for number in range(1, keep + 2)]


async def test_a_gap_to_another_log_is_told_once(api: Api) -> None:
    account_id = await api.create()
    await api.recorded()
    async with following(api, headers={"Last-Event-ID": "999999"}) as reader:
        await reader.opened()
        assert (await reader.next()).event == "gap"
    assert reader.last_event_id == "1"

    async with following(api, headers={"Last-Event-ID": "1"}) as reader:
        await reader.opened()
        await api.start(account_id)
        assert (await reader.next()).event == "status"


@pytest.mark.parametrize("last", ["-1", "x", "1.5", "9" * 19, "9" * 5000, "\u0661"])
async def test_an_id_that_is_none_is_400(api: Api, last: str) -> None:
    answer = await api.get("/events", headers={"Last-Event-ID": last})
    assert answer.status == 400
    assert "Last-Event-ID" in (await answer.json())["detail"]


async def test_a_silent_stream_is_kept_open_with_comments(
    start_api: Callable[[Settings], Awaitable[Api]], settings: Settings
) -> None:
    api = await start_api(settings.model_copy(update={"websocket_ping_seconds": 0.01}))
    async with following(api) as reader:
        await reader.opened()
        async with asyncio.timeout(10):
            assert await reader.response.content.readline() == b": ping\n"


async def test_a_client_that_goes_away_is_forgotten(
    start_api: Callable[[Settings], Awaitable[Api]], settings: Settings
) -> None:
    api = await start_api(settings.model_copy(update={"websocket_ping_seconds": 0.01}))
    async with following(api) as reader:
        await reader.opened()
        assert api.streams == 1
        reader.response.close()
    await until(lambda: api.streams == 0)


async def test_a_client_that_stopped_reading_is_cut_off(
    start_api: Callable[[Settings], Awaitable[Api]],
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("api.streams.sse.SEND_SECONDS", 0.2)
    api = await start_api(settings.model_copy(update={"websocket_queue": 10}))
    _, writer = await asyncio.open_connection("127.0.0.1", api.port)
    writer.write(f"GET /events HTTP/1.1\r\nHost: x\r\nX-Api-Key: {KEY}\r\n\r\n".encode())
    await until(lambda: api.streams == 1)

    await api.flood()

    writer.close()


async def test_a_client_that_does_not_read_the_end_is_cut_off(
    start_api: Callable[[Settings], Awaitable[Api]],
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("api.streams.sse.SEND_SECONDS", 0.2)
    api = await start_api(settings.model_copy(update={"websocket_queue": 10}))
    with socket.socket() as client:
        # Next to nothing is on its way for a client that does not read.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        client.setblocking(False)
        await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", api.port))
        client.send(f"GET /events HTTP/1.1\r\nHost: x\r\nX-Api-Key: {KEY}\r\n\r\n".encode())
        await until(lambda: api.streams == 1)
        (transport,) = api.transports()
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)

        # Too little for aiohttp to wait for the client, and enough to make the end wait for it.
        transport.set_write_buffer_limits(1)
        api.publish(Event("qr", "a", datetime.now(UTC), {"qr": "x" * 50_000}))
        await until(lambda: transport.get_write_buffer_size() > 10_000)
        for _ in range(20):
            api.publish(Event("qr", "a", datetime.now(UTC), {"qr": "x"}))
        await until(transport.is_closing)
    await until(lambda: api.streams == 0)


async def test_the_stream_ends_when_the_server_stops(api: Api) -> None:
    async with following(api) as reader:
        await reader.opened()
        closing = asyncio.create_task(api.server.close())
        with pytest.raises(EOFError):
            await reader.until("never")
        await closing


async def test_without_a_database_the_stream_ends_and_is_to_be_tried_again(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away() -> int:
        raise DatabaseAway

    monkeypatch.setattr("api.streams.frames.event_log.newest_id", away)
    async with following(api) as reader:
        with pytest.raises(EOFError):
            await reader.next()


async def test_an_event_source_is_told_to_come_back_to_a_server_that_stops(api: Api) -> None:
    """Any answer but a stream would end it for ever; others get the 503 that says why."""
    api.begin_stopping()

    answer = await api.get("/events", headers={"Accept": "text/event-stream"})
    refused = await api.get("/events")

    assert (answer.status, await answer.text()) == (200, "retry: 5000\n\n")
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert refused.status == 503


async def test_a_head_request_does_not_wait_for_the_stream(api: Api) -> None:
    async with asyncio.timeout(5), api.head("/events") as answer:
        assert answer.status == 405


async def test_the_stream_needs_the_key(api: Api) -> None:
    answer = await api.get("/events", headers={"Authorization": "Bearer wrong"})
    assert answer.status == 401
