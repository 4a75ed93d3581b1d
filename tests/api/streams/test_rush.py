"""Many clients come at once, as they do after a restart: each is served, and none is refused."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, TCPConnector
from aiohttp.web import WebSocketResponse

from api.streams.coalescing import SENDS_A_ROUND
from common.tasks import abandon
from store import accounts, models
from store.accounts import AccountRow
from store.events.event_log import Event
from tests.api.told import BEARER, Api
from tests.told import until

CLIENTS = 100
ACCOUNTS = 300
MUCH = 10 * SENDS_A_ROUND
"""What one client has to be told."""

Connect = Callable[[str], Awaitable[ClientWebSocketResponse]]


class HeldReads:
    """Reads of all accounts: each reads at once, and its answer is late until they are let go."""

    def __init__(self) -> None:
        self.begun = 0
        self._read = accounts.all_rows
        self._let_go = asyncio.Event()

    async def __call__(self) -> list[AccountRow]:
        rows = await self._read()
        self.begun += 1
        await self._let_go.wait()
        return rows

    def let_go(self) -> None:
        self._let_go.set()


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> HeldReads:
    reads = HeldReads()
    monkeypatch.setattr("api.streams.frames.accounts.all_rows", reads)
    return reads


class Sends:
    """Counts what websockets are sent in one round of the loop."""

    def __init__(self) -> None:
        self.most_in_a_round = 0
        self._now = 0
        self._send = WebSocketResponse.send_str

    def counted(self) -> Callable[[WebSocketResponse, str], Awaitable[None]]:
        async def send(socket: WebSocketResponse, text: str) -> None:
            self._now += 1
            self.most_in_a_round = max(self.most_in_a_round, self._now)
            await self._send(socket, text)

        return send

    async def count(self) -> None:
        while True:
            self._now = 0
            await asyncio.sleep(0)


@pytest.fixture
async def sends(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sends]:
    sends = Sends()
    monkeypatch.setattr(WebSocketResponse, "send_str", sends.counted())
    counting = asyncio.create_task(sends.count())
    yield sends
    await abandon(counting)


@pytest.fixture
async def connect(api: Api) -> AsyncIterator[Connect]:
    """Connect a client, of which there may be many."""
    async with AsyncExitStack() as opened:
        connector = TCPConnector(limit=0)
        session = ClientSession(api.make_url("/"), connector=connector, headers=BEARER)
        await opened.enter_async_context(session)

        async def one(address: str) -> ClientWebSocketResponse:
            opening = session.ws_connect(address, max_msg_size=0)
            return await opened.enter_async_context(opening)

        yield one


async def heard(socket: ClientWebSocketResponse, type_: str) -> Any:
    frame = await socket.receive_json(timeout=20)
    assert frame["type"] == type_
    return frame["data"]


async def test_many_clients_at_once_all_get_all_accounts_and_few_reads_are_enough(
    api: Api, connect: Connect, held: HeldReads
) -> None:
    now = datetime.now(UTC)
    words = {"desired": "disconnected", "status": "DISCONNECTED", "cause": "created"}
    rows = [
        models.Account(id=f"a{number}", name="A", since=now, created_at=now, **words)
        for number in range(ACCOUNTS)
    ]
    await models.Account.bulk_create(rows)
    for number in range(1, 101):
        api.record(Event("status", "a1", now, {}, seq=number))
    await api.recorded()

    clients = await asyncio.gather(*(connect("/ws?since=1") for _ in range(CLIENTS)))
    for client in clients:
        await heard(client, "hello")
    held.let_go()

    for client in clients:
        assert len((await heard(client, "snapshot"))["accounts"]) == ACCOUNTS
    for client in clients:
        told = [await client.receive_json(timeout=20) for _ in range(99)]
        assert [frame["seq"] for frame in told] == list(range(2, 101))
    # Those under way when the others came, and one for these.
    assert held.begun <= 3


async def test_a_client_is_shown_no_accounts_that_were_read_before_it_came(
    api: Api, connect: Connect, held: HeldReads
) -> None:
    first = await connect("/ws")
    await until(lambda: held.begun == 1)
    account_id = await api.create()
    await api.recorded()

    second = await connect("/ws")
    newest = (await heard(second, "hello"))["newest"]
    held.let_go()
    shown = (await heard(second, "snapshot"))["accounts"]

    # Its first event is not told to the second client: it is as old as `newest`.
    assert newest == 1
    assert [account["id"] for account in shown] == [account_id]
    # To the first one it is.
    assert (await heard(first, "hello"))["newest"] == 0
    assert (await heard(first, "snapshot"))["accounts"] == []
    assert (await first.receive_json(timeout=20))["id"] == newest


async def test_while_much_is_replayed_others_get_the_loop(
    api: Api, connect: Connect, sends: Sends
) -> None:
    for number in range(1, MUCH + 1):
        api.record(Event("status", "a", datetime.now(UTC), {}, seq=number))
    await api.recorded()
    client = await connect("/ws?since=0")
    while "id" not in (frame := await client.receive_json(timeout=20)) or frame["id"] < MUCH:
        pass
    assert SENDS_A_ROUND <= sends.most_in_a_round <= 2 * SENDS_A_ROUND


async def test_while_much_waits_for_a_client_others_get_the_loop(
    api: Api, connect: Connect, sends: Sends
) -> None:
    client = await connect("/ws")
    await heard(client, "hello")
    await heard(client, "snapshot")
    for number in range(MUCH):
        api.publish(Event("qr", "a", datetime.now(UTC), {"qr": str(number)}))
    for number in range(MUCH):
        assert (await heard(client, "qr"))["qr"] == str(number)
    assert SENDS_A_ROUND <= sends.most_in_a_round <= 2 * SENDS_A_ROUND
