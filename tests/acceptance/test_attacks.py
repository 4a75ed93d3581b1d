"""What strangers without a key can do to a running server: not much."""

import asyncio
import contextlib
import gzip
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import aiohttp
import psutil
import pytest

from simulator.server import Simulator
from tests.alive import stays_alive
from tests.harness import KEY, PATIENCE, Phones, ServerProcess, until
from tests.surroundings import Surroundings

ZEROS = gzip.compress(bytes(800_000_000), compresslevel=9)
NUMBER = "491700000001"
FEW_FILES = 200


class Wire:
    """A connection on which anything can be written."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def write(self, data: bytes) -> None:
        with contextlib.suppress(ConnectionError):
            self._writer.write(data)

    def close(self) -> None:
        self._writer.transport.abort()

    async def read_to_its_end(self) -> bytes:
        """Wait until the server closes it, and give what it wrote."""
        read = b""
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(PATIENCE):
                while chunk := await self._reader.read(65536):
                    read += chunk
        return read

    async def answer(self) -> bytes:
        """Read the head of an answer."""
        async with asyncio.timeout(PATIENCE):
            return await self._reader.readuntil(b"\r\n\r\n")


@contextlib.asynccontextmanager
async def wires(server: ServerProcess, count: int) -> AsyncIterator[list[Wire]]:
    """Open connections."""
    opened: list[Wire] = []
    try:
        while len(opened) < count:
            opened += [Wire(*await asyncio.open_connection("127.0.0.1", server.port))]
        yield opened
    finally:
        for wire in opened:
            wire.close()


def request(path: str, *headers: str, method: str = "GET") -> bytes:
    """Write the head of a request."""
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: a", *headers, "", ""]).encode()


async def is_closed(server: ServerProcess, port: int) -> bool:
    """Return whether the server has let go of the connection from a port."""
    assert server.process is not None
    connections = psutil.Process(server.process.pid).net_connections("tcp")
    return all(not each.raddr or each.raddr.port != port for each in connections)


async def are_done(tasks: list[asyncio.Task[int]], count: int) -> bool:
    """Return whether so many tasks are done."""
    return sum(task.done() for task in tasks) >= count


@pytest.fixture
async def cramped(
    simulator: Simulator, tmp_path: Path, surroundings: Surroundings
) -> AsyncIterator[ServerProcess]:
    """A server that may have few files open."""
    running = ServerProcess(tmp_path, simulator.url, surroundings)
    limited = f'ulimit -n {FEW_FILES} && exec "$@"'
    running.command = ["sh", "-c", limited, "sh", *running.command]
    await running.start()
    yield running
    await running.close()
    await running.no_chromium_is_left()


@pytest.mark.sqlite
async def test_a_compressed_body_is_refused_before_it_is_read(server: ServerProcess) -> None:
    codings = ("gzip", "deflate", "br", "GZIP", "identity, gzip")
    async with wires(server, len(codings)) as opened:
        for wire, coding in zip(opened, codings, strict=True):
            announced = ("Content-Length: 1000000", f"Content-Encoding: {coding}")
            wire.write(request("/login", *announced, method="POST"))
        for wire in opened:
            head = await wire.answer()
            assert head.startswith(b"HTTP/1.1 415 ")
            assert b"Accept-Encoding: identity" in head


@pytest.mark.sqlite
async def test_compressed_bodies_stall_nobody(server: ServerProcess, phones: Phones) -> None:
    account_id = await server.create()
    await phones.link(server, account_id, NUMBER)

    async def attack(path: str, headers: dict[str, str]) -> None:
        async with (
            aiohttp.ClientSession(server.url, headers=headers) as session,
            session.post(path, data=ZEROS, headers={"Content-Encoding": "gzip"}) as answer,
        ):
            assert answer.status == 415

    for path, headers in (("/login", {}), ("/accounts", {}), ("/accounts", {"X-Api-Key": KEY})):
        with stays_alive(server.port):
            await asyncio.gather(*(attack(path, headers) for _ in range(3)))
    assert (await server.account(account_id))["status"] == "CONNECTED"


MALFORMED = {
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "noise": bytes(range(256)) * 16,
    "a line without end": b"GET /" + b"a" * 100_000,
    "a header without end": b"GET / HTTP/1.1\r\nHost: a\r\nX-Long: " + b"a" * 100_000,
    "headers without end": b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X-Many: a\r\n" * 10_000,
    "two lengths": request("/login", "Content-Length: 1", "Content-Length: 2", method="POST"),
    "a length and chunks": request(
        "/login", "Content-Length: 1", "Transfer-Encoding: chunked", method="POST"
    ),
    "a broken chunk": request("/login", "Transfer-Encoding: chunked", method="POST") + b"xyz\r\n",
}


@pytest.mark.sqlite
async def test_malformed_http_is_400_and_one_line_of_the_log(server: ServerProcess) -> None:
    with stays_alive(server.port):
        for _ in range(20):
            async with wires(server, len(MALFORMED)) as opened:
                for wire, attack in zip(opened, MALFORMED.values(), strict=True):
                    wire.write(attack)
                answers = await asyncio.gather(*(wire.answer() for wire in opened))
                assert {answer[8:13] for answer in answers} == {b" 400 "}

    lines = [line for line in server.log.splitlines() if "Malformed" in line]
    assert len(lines) == 1
    assert len(lines[0]) < 200
    assert "Traceback" not in server.log


@pytest.mark.sqlite
async def test_whoever_goes_in_the_midst_of_a_body_is_no_error(server: ServerProcess) -> None:
    async with wires(server, 20) as opened:
        for wire in opened:
            wire.write(request("/login", "Content-Length: 100", method="POST") + b"{")
        await server.account(await server.create())
    await server.create("Another")
    assert "ERROR" not in server.log


@pytest.mark.sqlite
async def test_a_websocket_inflates_nothing_and_takes_no_long_message(
    server: ServerProcess,
) -> None:
    upgrade = request(
        "/ws",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Extensions: permessage-deflate",
        f"X-Api-Key: {KEY}",
    )
    long = b"\x81\xff" + (10_000_000).to_bytes(8, "big") + bytes(4)
    compressed = b"\xc1\x85" + bytes(9)
    with stays_alive(server.port):
        async with wires(server, 2) as opened:
            for wire, frame in zip(opened, (long, compressed), strict=True):
                wire.write(upgrade)
                head = await wire.answer()
                assert head.startswith(b"HTTP/1.1 101 ")
                assert b"permessage-deflate" not in head
                wire.write(frame)
            await asyncio.gather(*(wire.read_to_its_end() for wire in opened))
    assert "Traceback" not in server.log


@pytest.mark.sqlite
async def test_more_connections_than_there_are_files_for_keep_nobody_out(
    cramped: ServerProcess, phones: Phones
) -> None:
    account_id = await cramped.create()
    await phones.link(cramped, account_id, NUMBER)
    login = request("/login", "Content-Length: 100", method="POST")

    async with cramped.client.ws_connect("/ws") as stream:
        assert (await stream.receive_json())["type"] == "hello"
        with stays_alive(cramped.port):
            async with wires(cramped, 350) as opened:
                for wire in opened[0::3]:
                    wire.write(b"GET /health HTTP/1.1\r\nX-Slow: ")
                for wire in opened[1::3]:
                    wire.write(login + b"{")
                await asyncio.gather(*(wire.read_to_its_end() for wire in opened[:250]))
                assert (await cramped.account(account_id))["status"] == "CONNECTED"
                await cramped.create("Another")
        assert (await stream.receive_json())["type"] == "snapshot"

    assert (await cramped.account(account_id))["status"] == "CONNECTED"
    assert "Traceback" not in cramped.log
    assert "Too many open files" not in cramped.log
    assert cramped.log.count("Closed connections") == 1


@pytest.mark.sqlite
async def test_half_requests_and_what_nobody_reads_end_in_their_time(
    server: ServerProcess,
) -> None:
    await server.end()
    server.command = [sys.executable, "-m", "tests.acceptance.hurried_server", "serve"]
    await server.start()
    half_head = b"GET /health HTTP/1.1\r\nX-Slow: "
    attacks = {
        "silence": b"",
        "half a head": half_head,
        "half a second head": request("/health/live") + half_head,
        "half a body": request("/login", "Content-Length: 100", method="POST") + b"{",
        "a body without end": request("/login", "Transfer-Encoding: chunked", method="POST")
        + b"1\r\n{\r\n",
    }
    with stays_alive(server.port):
        async with wires(server, len(attacks)) as opened:
            with socket.create_connection(("127.0.0.1", server.port)) as never_reads:
                never_reads.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    while True:
                        never_reads.send(request("/dashboard/app.js") * 100)
                for wire, attack in zip(opened, attacks.values(), strict=True):
                    wire.write(attack)
                ends = await asyncio.gather(*(wire.read_to_its_end() for wire in opened))
                await until(
                    partial(is_closed, server, never_reads.getsockname()[1]),
                    "the connection that nobody reads from is closed",
                )

    said = dict(zip(attacks, ends, strict=True))
    assert said["silence"] == b""
    assert said["half a head"].startswith(b"HTTP/1.1 408 ")
    assert said["half a second head"].startswith(b"HTTP/1.1 200 ")
    for body in ("half a body", "a body without end"):
        assert said[body].startswith(b"HTTP/1.1 408 ")
        assert b"urn:wa-manager:request-timeout" in said[body]
    assert "Traceback" not in server.log


@pytest.mark.sqlite
async def test_guessing_keys_is_slow_and_keeps_nobody_out(server: ServerProcess) -> None:
    async def guess(number: int) -> int:
        async with wires(server, 1) as [wire]:
            wire.write(request("/accounts", f"X-Api-Key: guess-{number}"))
            return int((await wire.answer())[9:12])

    with stays_alive(server.port):
        guesses = [asyncio.create_task(guess(number)) for number in range(300)]
        await until(partial(are_done, guesses, 270), "most guesses are turned away")
        await server.create()
        statuses = Counter(each.result() for each in guesses if each.done())
        for each in guesses:
            each.cancel()

    assert set(statuses) == {401, 429}
    assert statuses[429] > statuses[401]
    assert server.log.count("Wrong API key from 127.0.0.1") == 1
    assert "guess-" not in server.log


@pytest.mark.sqlite
async def test_when_all_room_is_taken_by_those_with_the_key_health_checks_are_answered(
    server: ServerProcess,
) -> None:
    await server.end()
    server.environment["WA_CONNECTIONS_MAX"] = "20"
    await server.start()
    async with contextlib.AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(server.listen()) for _ in range(20)]
        opened = await stack.enter_async_context(wires(server, 100))
        for wire in opened:
            wire.write(request("/login", "Content-Length: 100", method="POST") + b"{")
        with stays_alive(server.port):
            await server.create()
        for stream in streams:
            await stream.until(lambda event: event["type"] == "status")
