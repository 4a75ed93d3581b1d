"""The connection over a pipe, with a peer at its other end whose every byte is ours."""

import asyncio
import json
import logging
import os
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pyppeteer.errors import NetworkError

from actors.browser.process import connection
from actors.browser.process.connection import ConnectionLost, PipeConnection
from tests.browser.watched import until


class Peer:
    """Chromium's end of the pipe."""

    def __init__(self) -> None:
        self._in, their_out = os.pipe()
        their_in, self._out = os.pipe()
        self.connection = PipeConnection(their_in, their_out)
        self._open = {self._in, self._out}

    async def received(self) -> dict[str, Any]:
        data = b""
        while not data.endswith(b"\0"):
            data += await asyncio.to_thread(os.read, self._in, 1 << 16)
        message: dict[str, Any] = json.loads(data[:-1])
        return message

    def answer(self, **message: Any) -> None:
        self.write(json.dumps(message).encode() + b"\0")

    def write(self, data: bytes) -> None:
        os.write(self._out, data)

    def end(self) -> None:
        for fd in self._open:
            os.close(fd)
        self._open.clear()

    async def session(self) -> Any:
        """Let the connection attach to a target."""
        attaching = asyncio.create_task(
            self.connection.createSession({"targetId": "t", "type": "page"})
        )
        request = await self.received()
        self.answer(id=request["id"], result={"sessionId": "s"})
        return await attaching


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    peer = Peer()
    yield peer
    peer.connection.close()
    peer.end()


async def test_a_call_is_answered(peer: Peer) -> None:
    call = peer.connection.send("Browser.getVersion", {"a": 1})
    request = await peer.received()
    peer.answer(id=request["id"], result={"product": "Chromium"})

    assert (request["method"], request["params"]) == ("Browser.getVersion", {"a": 1})
    assert await call == {"product": "Chromium"}


async def test_an_error_is_an_error_of_its_call_alone(peer: Peer) -> None:
    failing, working = peer.connection.send("No.such"), peer.connection.send("Some.thing")
    peer.answer(id=1, error={"message": "not found"})
    peer.answer(id=2, result={})

    with pytest.raises(NetworkError, match="not found"):
        await failing
    assert await working == {}


async def test_messages_may_come_in_any_pieces(peer: Peer) -> None:
    calls = [peer.connection.send(f"Call.{number}") for number in range(3)]
    replies = b"".join(
        json.dumps({"id": number + 1, "result": {"text": "ä" * number}}).encode() + b"\0"
        for number in range(3)
    )

    for place in range(0, len(replies), 7):
        peer.write(replies[place : place + 7])
        await asyncio.sleep(0)

    assert [await call for call in calls] == [{"text": "ä" * number} for number in range(3)]


async def test_a_message_larger_than_the_pipe_goes_through(peer: Peer) -> None:
    text = "x" * 500_000

    peer.connection.send("Large", {"text": text})

    assert (await peer.received())["params"]["text"] == text


async def test_a_late_reply_to_a_call_that_was_given_up_harms_nothing(peer: Peer) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(peer.connection.send("Slow"), 0.01)
    after = peer.connection.send("Quick")

    peer.answer(id=1, result={})
    peer.answer(id=2, result={"fine": True})

    assert await after == {"fine": True}


async def test_a_handler_that_raises_harms_nothing(
    peer: Peer, caplog: pytest.LogCaptureFixture
) -> None:
    peer.connection.on("Some.event", lambda _: 1 / 0)
    after = peer.connection.send("Quick")

    peer.answer(method="Some.event", params={})
    peer.answer(id=1, result={})

    assert await after == {}
    assert "A handler of Some.event failed" in caplog.text


@pytest.mark.parametrize("frame", [b'{"id": ', b"\xff", b"[]", b"7", b"{}", b'{"id": []}'])
async def test_a_message_that_cannot_be_read_harms_no_other_that_came_with_it(
    peer: Peer, caplog: pytest.LogCaptureFixture, frame: bytes
) -> None:
    calls = [peer.connection.send(f"Call.{number}") for number in range(3)]
    first, second, third = (
        json.dumps({"id": number + 1, "result": {"n": number}}).encode() + b"\0"
        for number in range(3)
    )

    peer.write(first + frame + b"\0" + second + third[:9])
    assert await asyncio.wait_for(calls[1], 1) == {"n": 1}
    peer.write(third[9:])

    assert await asyncio.wait_for(calls[2], 1) == {"n": 2}
    assert "A message of the browser cannot be read" in caplog.text


async def test_pending_calls_fail_at_once_when_the_browser_ends(peer: Peer) -> None:
    call = peer.connection.send("Slow")

    peer.end()

    with pytest.raises(ConnectionLost, match="Slow: the browser is gone"):
        await asyncio.wait_for(call, 1)
    with pytest.raises(ConnectionLost, match="Later: the browser is gone"):
        await peer.connection.send("Later")


async def test_a_page_that_goes_fails_its_own_calls_and_no_other(peer: Peer) -> None:
    session = await peer.session()
    gone: list[bool] = []
    session.on("detached", lambda: gone.append(True))
    of_page, of_browser = session.send("Slow"), peer.connection.send("Quick")

    peer.answer(method="Target.detachedFromTarget", params={"sessionId": "s"})
    peer.answer(id=3, result={})

    with pytest.raises(ConnectionLost, match="Slow: the page is gone"):
        await of_page
    assert await of_browser == {}
    assert gone == [True]
    with pytest.raises(ConnectionLost):
        await session.send("Later")


async def test_events_reach_the_session_they_are_for(peer: Peer) -> None:
    session = await peer.session()
    heard: list[Any] = []
    session.on("Page.event", heard.append)
    peer.connection.on("Page.event", lambda _: heard.append("wrong"))

    peer.answer(method="Page.event", params={"n": 1}, sessionId="s")
    peer.answer(method="Page.event", params={"n": 2}, sessionId="unknown")

    await until(lambda: heard, "the event was heard")
    assert heard == [{"n": 1}]


async def test_an_error_that_nobody_awaits_is_not_complained_about(
    peer: Peer, caplog: pytest.LogCaptureFixture
) -> None:
    peer.connection.send("Forgotten")

    peer.end()

    await until(lambda: not peer.connection.connected, "the end was noticed")
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_a_message_that_is_too_long_is_lost_alone_and_takes_no_memory(
    peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "FRAME_BYTES", 1000)
    told: list[bool] = []
    peer.connection.on(connection.OVERSIZED, lambda: told.append(True))
    first, second = (peer.connection.send(f"Call.{number}") for number in range(2))

    peer.write(b'{"method": "' + b"x" * 20_000)
    await until(lambda: told, "it was noticed")
    peer.write(b"x" * 20_000)
    peer.write(b"\0")
    for number in (1, 2):
        peer.answer(id=number, result={"n": number})

    assert [await first, await second] == [{"n": 1}, {"n": 2}]
    assert told == [True]


async def test_a_browser_that_never_stops_talking_leaves_time_to_others(peer: Peer) -> None:
    loop, busy, stop = asyncio.get_running_loop(), 0.0, False

    def hear(_: object) -> None:
        nonlocal busy
        began = loop.time()
        time.sleep(0.002)
        busy += loop.time() - began

    peer.connection.on("Some.event", hear)
    frame = json.dumps({"method": "Some.event", "params": {"x": 500 * "x"}}).encode() + b"\0"

    def talk() -> None:
        while not stop:
            os.write(peer._out, frame * 100)

    talking = loop.run_in_executor(None, talk)
    began = loop.time()
    await asyncio.sleep(3)
    share = busy / (loop.time() - began)
    stop = True
    await until(talking.done, "it could write its last words")

    assert share < 0.6
