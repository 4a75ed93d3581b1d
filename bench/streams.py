"""How long an event takes to reach many websocket clients, and whether all of them get it.

    make bench ARGS="streams --clients 500 --rate 50 --seconds 40"

Server and clients are a process each. Latency is from the moment at which an event is handed to the
server's recorder until a client has read it: with the commit to the disk, and the client's own
part. It is measured twice: without, and with some clients more that never read what they are sent,
and that the server has to cut off for it.
"""

import argparse
import asyncio
import contextlib
import json
import re
import secrets
import socket
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import aiohttp

from bench.streams_server import SENDERS, Process, running

PATIENCE = 120.0
"""Seconds that the last event may take to arrive."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what can be set."""
    parser.add_argument("--clients", type=int, default=500, metavar="N")
    parser.add_argument("--stalled", type=int, default=10, metavar="N")
    parser.add_argument("--rate", type=float, default=50.0, metavar="EVENTS_PER_SECOND")
    parser.add_argument("--seconds", type=float, default=40.0)


@dataclass
class _Client:
    """What one client has got."""

    latencies: list[float] = field(default_factory=list)
    seqs: dict[str, int] = field(default_factory=dict)

    async def read(self, connection: aiohttp.ClientWebSocketResponse, count: int) -> None:
        """Read so many events, and see that none is missing, doubled or out of order."""
        while len(self.latencies) < count:
            event = json.loads((await connection.receive()).data)
            if event["type"] != "status":
                continue
            self.latencies.append(time.time() - event["data"]["detail"]["recordedAt"])
            before = self.seqs.get(event["accountId"], 0)
            if event["seq"] != before + 1:
                raise RuntimeError(f"{event['accountId']}: {event['seq']} came after {before}")
            self.seqs[event["accountId"]] = event["seq"]


async def run(arguments: argparse.Namespace) -> None:
    """Measure, and print.

    Raises:
        RuntimeError: Events are missing.
        TimeoutError: A client that never reads was not cut off.
    """
    for stalled in (0, arguments.stalled):
        await _measure(arguments, stalled)


async def _measure(arguments: argparse.Namespace, stalled: int) -> None:
    count = round(arguments.rate * arguments.seconds / SENDERS) * SENDERS
    clients = [_Client() for _ in range(arguments.clients)]
    key = secrets.token_hex(16)
    async with (
        running(key, events=count, rate=arguments.rate) as server,
        contextlib.AsyncExitStack() as all_,
    ):
        session = await all_.enter_async_context(
            aiohttp.ClientSession(
                f"http://127.0.0.1:{server.port}",
                headers={"X-Api-Key": key},
                connector=aiohttp.TCPConnector(limit=0),
            )
        )
        for _ in range(stalled):
            all_.enter_context(_stalled(server, key))
        connections = [await all_.enter_async_context(session.ws_connect("/ws")) for _ in clients]
        for connection in connections:
            # It is told what happens from the first event on.
            await connection.receive()
        server.record()
        async with asyncio.timeout(arguments.seconds + PATIENCE), asyncio.TaskGroup() as reading:
            cut_off = reading.create_task(_cut_off(session, stalled))
            for client, connection in zip(clients, connections, strict=True):
                reading.create_task(client.read(connection, count))
        load = await server.recorded()
    latencies = sorted(latency for client in clients for latency in client.latencies)
    print(
        f"{arguments.clients} clients, {count} events at {arguments.rate:g} a second: "
        f"{len(latencies)} received, none missing; "
        f"{stalled} more never read, all cut off after {cut_off.result():.0f} s; "
        f"latency median {1000 * statistics.median(latencies):.1f} ms, "
        f"99 % {1000 * latencies[len(latencies) * 99 // 100]:.1f} ms, "
        f"longest {1000 * latencies[-1]:.1f} ms; the server's process took {load:.0%} of a core",
        flush=True,
    )


async def _cut_off(session: aiohttp.ClientSession, count: int) -> float:
    """Wait until the server has cut off so many clients as too slow, and tell after how long."""
    began = time.monotonic()
    while True:
        if await _too_slow(session) == count:
            return time.monotonic() - began
        await asyncio.sleep(1)


async def _too_slow(session: aiohttp.ClientSession) -> int:
    async with session.get("/metrics") as response:
        found = re.search(r'wa_stream_drops_total{reason="too_slow"} (\S+)', await response.text())
    assert found is not None
    return int(float(found[1]))


@contextlib.contextmanager
def _stalled(server: Process, key: str) -> Iterator[None]:
    """Open a websocket, and never read from it."""
    with socket.socket() as connection:
        # A small window, so that the server notices soon.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", server.narrow_port))
        request = (
            f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Api-Key: {key}\r\n"
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        connection.sendall(request.encode())
        yield
