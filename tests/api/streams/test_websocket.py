"""The stream over the websocket: hello, snapshot, replay, live; and how it ends."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse, WSCloseCode, WSMsgType

from actors.browser.reports import ActionKind, ActionRequired
from api.app import stop_working
from api.settings import Settings
from api.streams.websocket import ROOM, WebsocketClient
from store.accounts import AccountRow
from store.errors import DatabaseAway
from store.events import event_log
from store.events.event_log import Event
from store.status import Status
from tests.api.told import KEY, Api
from tests.told import until

Frame = dict[str, Any]


async def opened(socket: ClientWebSocketResponse) -> tuple[Frame, Frame]:
    """Read hello and snapshot."""
    hello, snapshot = await socket.receive_json(timeout=10), await socket.receive_json(timeout=10)
    assert (hello["type"], snapshot["type"]) == ("hello", "snapshot")
    return hello, snapshot


async def read_until(
    socket: ClientWebSocketResponse, matches: Callable[[Frame], bool]
) -> list[Frame]:
    frames: list[Frame] = []
    while not frames or not matches(frames[-1]):
        frames.append(await socket.receive_json(timeout=10))
    return frames


def is_status(status: str) -> Callable[[Frame], bool]:
    return lambda frame: frame["type"] == "status" and frame["data"]["status"] == status


async def close_code(socket: ClientWebSocketResponse) -> int | None:
    async with asyncio.timeout(20):
        async for _ in socket:
            pass
    return socket.close_code


async def test_hello_tells_the_newest_event(api: Api) -> None:
    account_id = await api.create()
    await api.recorded()
    history = await (await api.get(f"/accounts/{account_id}/events")).json()
    async with api.ws_connect("/ws") as socket:
        hello, _ = await opened(socket)
    assert hello["data"] == {"newest": history["items"][-1]["id"]}
    assert hello["at"].endswith("Z")


async def test_the_snapshot_shows_every_account_as_it_is(api: Api) -> None:
    linked, waiting = await api.create("Linked"), await api.create("Waiting")
    run = await api.link(linked)
    run.report(ActionRequired(ActionKind.TERMS, "Accept the terms"))
    await api.until(linked, Status.ACTION_REQUIRED)
    await api.show_qr(waiting, "2@code")
    shown = (await (await api.get("/accounts")).json())["items"]

    async with api.ws_connect("/ws") as socket:
        _, snapshot = await opened(socket)

    accounts = snapshot["data"]["accounts"]
    codes = [(account.pop("qr"), account.pop("pairingCode")) for account in accounts]
    assert accounts == shown
    assert accounts[0]["detail"]["message"] == "Accept the terms"
    assert codes[0] == (None, None)
    assert codes[1][0]["qr"] == "2@code"


async def test_events_arrive_live(api: Api) -> None:
    async with api.ws_connect("/ws") as socket:
        await opened(socket)
        account_id = await api.create()
        await api.link(account_id)
        frames = await read_until(socket, is_status("CONNECTED"))
    assert {frame["accountId"] for frame in frames} == {account_id}
    assert [frame["seq"] for frame in frames] == list(range(1, len(frames) + 1))


async def test_a_code_arrives_live_and_without_a_number(api: Api) -> None:
    account_id = await api.create()
    async with api.ws_connect("/ws") as socket:
        await opened(socket)
        await api.show_qr(account_id, "2@live")
        code = (await read_until(socket, lambda frame: frame["type"] == "qr"))[-1]
    assert code["data"]["qr"] == "2@live"
    assert "id" not in code
    assert "seq" not in code


async def test_since_brings_what_was_missed_then_what_happens(api: Api) -> None:
    account_id = await api.create()
    await api.recorded()
    async with api.ws_connect("/ws") as socket:
        hello, _ = await opened(socket)
    await api.link(account_id)
    await api.recorded()

    async with api.ws_connect(f"/ws?since={hello['data']['newest']}") as socket:
        await opened(socket)
        missed = await read_until(socket, is_status("CONNECTED"))
        await api.post(f"/accounts/{account_id}/disconnect")
        live = await read_until(socket, is_status("DISCONNECTED"))

    numbers = [frame["seq"] for frame in missed + live]
    assert numbers == list(range(2, len(numbers) + 2))


async def test_a_replay_longer_than_a_page_is_whole(api: Api) -> None:
    for number in range(1, 1203):
        api.record(Event("status", "a", datetime.now(UTC), {"status": "CONNECTED"}, seq=number))
    await api.recorded()
    async with api.ws_connect("/ws?since=0") as socket:
        await opened(socket)
        frames = await read_until(socket, lambda frame: frame["seq"] == 1202)
    assert [frame["seq"] for frame in frames] == list(range(1, 1203))


async def test_replay_and_live_meet_without_hole_or_double(api: Api) -> None:
    """A writer never pauses while clients come again and again, each where it left off."""
    last = 2_000

    async def write() -> None:
        for number in range(1, last + 1):
            api.record(Event("status", "a", datetime.now(UTC), {"status": "CONNECTED"}, seq=number))
            if number % 20 == 0:
                await asyncio.sleep(0.001)

    writer = asyncio.create_task(write())
    seen: list[int] = []
    since = 0
    while not seen or seen[-1] < last:
        async with api.ws_connect(f"/ws?since={since}") as socket:
            await opened(socket)
            for _ in range(min(137, last - len(seen))):
                frame = await socket.receive_json(timeout=10)
                seen.append(frame["seq"])
                since = frame["id"]
    await writer
    assert seen == list(range(1, last + 1))


async def test_a_trimmed_log_is_told_as_a_gap(api: Api) -> None:
    await api.create()
    await api.create()
    await api.recorded()
    oldest = await api.trim_log(keep=1)
    async with api.ws_connect("/ws?since=0") as socket:
        await opened(socket)
        gap, event = await socket.receive_json(timeout=10), await socket.receive_json(timeout=10)
    assert gap["type"] == "gap"
    assert gap["data"] == {"since": 0, "oldest": oldest, "newest": oldest}
    assert event["id"] == oldest


async def test_a_client_that_has_seen_all_of_an_emptied_log_has_no_gap(api: Api) -> None:
    await api.create()
    await api.recorded()
    newest = await api.empty_log()
    async with api.ws_connect(f"/ws?since={newest}") as socket:
        hello, _ = await opened(socket)
        await api.create()
        first = await socket.receive_json(timeout=10)
    assert hello["data"]["newest"] == newest
    assert (first["type"], first["id"]) == ("status", newest + 1)


async def test_a_log_that_is_trimmed_while_it_is_replayed_is_told_as_a_gap(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.streams.frames.REPLAY_PAGE", 2)
    for number in range(1, 9):
        api.record(Event("status", "a", datetime.now(UTC), {}, seq=number))
    await api.recorded()
    read = event_log.page

    async def page(since: int, *rest: Any) -> event_log.EventPage:
        found = await read(since, *rest)
        if since == 0:
            await api.trim_log(keep=3)
        return found

    monkeypatch.setattr("api.streams.frames.event_log.page", page)
    async with api.ws_connect("/ws?since=0") as socket:
        await opened(socket)
        frames = await read_until(socket, lambda frame: frame.get("seq") == 8)
    told = [frame.get("seq", frame["type"]) for frame in frames]
    # What had been read before it was trimmed is told nevertheless.
    assert told == ["gap", 1, 2, 6, 7, 8]


async def test_a_log_that_is_trimmed_before_it_was_told_is_told_as_a_gap_to_who_comes_back(
    api: Api,
) -> None:
    async with api.ws_connect("/ws") as socket:
        hello, _ = await opened(socket)
        last = await api.trimmed_elsewhere()
        api.publish(last)
        assert await close_code(socket) == WSCloseCode.TRY_AGAIN_LATER
    known = hello["data"]["newest"]
    async with api.ws_connect(f"/ws?since={known}") as again:
        await opened(again)
        gap, event = await again.receive_json(timeout=10), await again.receive_json(timeout=10)
    assert gap["type"] == "gap"
    assert gap["data"] == {"since": known, "oldest": last.id, "newest": last.id}
    assert event["id"] == last.id


async def test_what_happens_while_much_is_replayed_waits_in_the_log(
    start_api: Callable[[Settings], Awaitable[Api]],
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """More happens meanwhile than may wait for a client, and it is not too slow for that."""
    monkeypatch.setattr("api.streams.frames.REPLAY_PAGE", 10)
    api = await start_api(settings.model_copy(update={"websocket_queue": 10}))
    numbers = iter(range(1, 131))

    async def happen(count: int) -> None:
        for number in islice(numbers, count):
            api.record(Event("status", "a", datetime.now(UTC), {}, seq=number))
        await api.recorded()

    await happen(100)
    read = event_log.page

    async def page(since: int, *rest: Any) -> event_log.EventPage:
        await happen(5)
        return await read(since, *rest)

    monkeypatch.setattr("api.streams.frames.event_log.page", page)
    async with api.ws_connect("/ws?since=0") as socket:
        await opened(socket)
        frames = await read_until(socket, lambda frame: frame["seq"] == 130)
        account_id = await api.create()
        live = await socket.receive_json(timeout=10)
    assert [frame["seq"] for frame in frames] == list(range(1, 131))
    assert live["accountId"] == account_id


async def test_an_id_from_another_log_is_told_as_a_gap(api: Api) -> None:
    account_id = await api.create()
    await api.recorded()
    async with api.ws_connect("/ws?since=999999") as socket:
        hello, _ = await opened(socket)
        gap = await socket.receive_json(timeout=10)
        await api.link(account_id)
        live = await read_until(socket, is_status("CONNECTED"))
    assert gap["type"] == "gap"
    assert gap["data"]["since"] == 999_999
    assert live[0]["id"] > hello["data"]["newest"]


async def test_nothing_missed_is_no_gap(api: Api) -> None:
    account_id = await api.create()
    await api.recorded()
    async with api.ws_connect("/ws?since=0") as socket:
        await opened(socket)
        first = await socket.receive_json(timeout=10)
    assert (first["type"], first["accountId"]) == ("status", account_id)


async def test_the_stream_is_of_the_accounts_asked_for(api: Api) -> None:
    first, second, third = [await api.create() for _ in range(3)]
    await api.recorded()
    async with api.ws_connect(f"/ws?since=0&accounts={first},{third}") as socket:
        _, snapshot = await opened(socket)
        await api.link(second)
        await api.link(third)
        frames = await read_until(socket, is_status("CONNECTED"))
    assert [account["id"] for account in snapshot["data"]["accounts"]] == [first, third]
    assert {frame["accountId"] for frame in frames} == {first, third}


async def test_for_some_accounts_no_others_are_read(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def too_many() -> list[AccountRow]:
        raise AssertionError

    monkeypatch.setattr("api.streams.frames.accounts.all_rows", too_many)
    _, second = await api.create(), await api.create()
    async with api.ws_connect(f"/ws?accounts={second}") as socket:
        _, snapshot = await opened(socket)
    assert [account["id"] for account in snapshot["data"]["accounts"]] == [second]


async def test_the_stream_is_of_the_types_asked_for(api: Api) -> None:
    account_id = await api.create()
    async with api.ws_connect("/ws?types=qr,message&since=0") as socket:
        await opened(socket)
        await api.show_qr(account_id)
        frame = await socket.receive_json(timeout=10)
    assert frame["type"] == "qr"


@pytest.mark.parametrize("query", ["accounts=a.b", "accounts=", "types=QR", "types=a;b"])
async def test_a_filter_that_can_match_nothing_is_400(api: Api, query: str) -> None:
    answer = await api.get(f"/ws?{query}")
    assert answer.status == 400
    assert (await answer.json())["errors"][0]["field"].startswith(query.partition("=")[0])


async def test_what_a_client_sends_means_nothing(api: Api) -> None:
    async with api.ws_connect("/ws") as socket:
        await opened(socket)
        await socket.send_str('{"type": "status"}')
        await socket.send_bytes(b"\x00")
        account_id = await api.create()
        frame = await socket.receive_json(timeout=10)
    assert frame["accountId"] == account_id


async def test_a_client_that_does_not_read_is_closed_with_1013_and_resumes(
    start_api: Callable[[Settings], Awaitable[Api]], settings: Settings
) -> None:
    api = await start_api(settings.model_copy(update={"websocket_queue": 10}))
    async with api.ws_connect("/ws") as slow, api.ws_connect("/ws?types=status") as other:
        hello, _ = await opened(slow)
        await opened(other)
        # More than fits into the queue, in one turn of the loop: no reader could keep up.
        for number in range(100):
            api.publish(Event("qr", "a", datetime.now(UTC), {"qr": str(number)}))
        assert await close_code(slow) == WSCloseCode.TRY_AGAIN_LATER

        account_id = await api.create()
        assert (await other.receive_json(timeout=10))["accountId"] == account_id
    await api.recorded()
    async with api.ws_connect(f"/ws?since={hello['data']['newest']}") as again:
        await opened(again)
        assert (await again.receive_json(timeout=10))["accountId"] == account_id


@pytest.mark.parametrize("size", [1_000_000, ROOM - 1000])
async def test_a_client_that_stopped_reading_is_cut_off(
    start_api: Callable[[Settings], Awaitable[Api]],
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    size: int,
) -> None:
    monkeypatch.setattr("api.streams.websocket.SEND_SECONDS", 0.2)
    monkeypatch.setattr("api.streams.websocket.CLOSE_SECONDS", 0.2)
    api = await start_api(settings.model_copy(update={"websocket_queue": 10}))
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    request = (
        f"GET /ws HTTP/1.1\r\nHost: x\r\nX-Api-Key: {KEY}\r\n"
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    writer.write(request.encode())
    await reader.readuntil(b"\r\n\r\n")
    await until(lambda: api.streams == 1)

    await api.flood(size)

    writer.close()


async def test_a_client_that_goes_away_is_forgotten(api: Api) -> None:
    async with api.ws_connect("/ws") as socket:
        await opened(socket)
        assert api.streams == 1
    await until(lambda: api.streams == 0)


@pytest.mark.parametrize("path", ["/ws", "/events"])
async def test_a_client_that_is_gone_before_the_answer_is_no_error(
    api: Api, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    upgrade = (
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    )
    for _ in range(50):
        _, writer = await asyncio.open_connection("127.0.0.1", api.port)
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: x\r\nX-Api-Key: {KEY}\r\n{upgrade}\r\n".encode()
        )
        writer.transport.abort()
        await asyncio.sleep(0)
    # Answered after all of them, so that they are over by now.
    assert (await api.get("/accounts")).status == 200
    await until(lambda: api.streams == 0)

    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_client_that_answers_no_ping_is_forgotten(
    start_api: Callable[[Settings], Awaitable[Api]], settings: Settings
) -> None:
    api = await start_api(settings.model_copy(update={"websocket_ping_seconds": 0.1}))
    async with api.ws_connect("/ws", autoping=False) as socket:
        await opened(socket)
        assert (await socket.receive(timeout=10)).type is WSMsgType.PING
        await until(lambda: api.streams == 0)


async def test_clients_are_told_that_the_server_goes_away(api: Api) -> None:
    async with api.ws_connect("/ws") as socket:
        await opened(socket)
        closing = asyncio.create_task(close_code(socket))
        await api.server.close()
        assert await closing == WSCloseCode.GOING_AWAY


async def test_a_client_that_cannot_be_told_leaves_no_browser_open(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: WebsocketClient) -> None:
        raise RuntimeError("there is a defect")

    monkeypatch.setattr(WebsocketClient, "say_goodbye", fail)
    run = await api.link(await api.create())
    async with api.ws_connect("/ws") as socket:
        await opened(socket)
        assert api.app is not None
        await stop_working(api.app)
        assert run.stopped


async def test_without_a_database_the_stream_is_to_be_tried_again(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away() -> int:
        raise DatabaseAway

    monkeypatch.setattr("api.streams.frames.event_log.newest_id", away)
    async with api.ws_connect("/ws") as socket:
        assert await close_code(socket) == WSCloseCode.TRY_AGAIN_LATER
