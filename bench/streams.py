"""How long an event takes to reach many websocket clients, and whether all of them get it.

    make bench ARGS="streams --clients 500 --rate 50 --seconds 20"

Server and clients are a process each. Latency is from the moment at which an event is handed to the
server's recorder until a client has read it: with the commit to the disk, and the client's own
part. Some clients more never read what they are sent.
"""

import argparse
import asyncio
import contextlib
import json
import secrets
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import aiohttp

from bench.streams_server import ACCOUNTS

PATIENCE = 120.0
"""Seconds that the last event may take to arrive."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what can be set."""
    parser.add_argument("--clients", type=int, default=500, metavar="N")
    parser.add_argument("--stalled", type=int, default=1, metavar="N")
    parser.add_argument("--rate", type=float, default=50.0, metavar="EVENTS_PER_SECOND")
    parser.add_argument("--seconds", type=float, default=20.0)


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
    """Measure, and print."""
    count = round(arguments.rate * arguments.seconds / ACCOUNTS) * ACCOUNTS
    clients = [_Client() for _ in range(arguments.clients)]
    key = secrets.token_hex(16)
    async with (
        _server(arguments, count, key) as (server, port),
        contextlib.AsyncExitStack() as all_,
    ):
        session = await all_.enter_async_context(
            aiohttp.ClientSession(
                f"http://127.0.0.1:{port}",
                headers={"X-Api-Key": key},
                connector=aiohttp.TCPConnector(limit=0),
            )
        )
        for _ in range(arguments.stalled):
            all_.enter_context(_stalled(port, key))
        connections = [await all_.enter_async_context(session.ws_connect("/ws")) for _ in clients]
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(b"go\n")
        async with asyncio.timeout(arguments.seconds + PATIENCE), asyncio.TaskGroup() as reading:
            for client, connection in zip(clients, connections, strict=True):
                reading.create_task(client.read(connection, count))
        load = float(await server.stdout.readline())
    latencies = sorted(latency for client in clients for latency in client.latencies)
    print(
        f"{arguments.clients} clients, {arguments.stalled} more that never read, "
        f"{count} events at {arguments.rate:g} a second: {len(latencies)} received, none missing; "
        f"latency median {1000 * statistics.median(latencies):.1f} ms, "
        f"99 % {1000 * latencies[len(latencies) * 99 // 100]:.1f} ms, "
        f"longest {1000 * latencies[-1]:.1f} ms; the server's process took {load:.0%} of a core"
    )


@contextlib.asynccontextmanager
async def _server(
    arguments: argparse.Namespace, count: int, key: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    with tempfile.TemporaryDirectory(prefix="wa-manager-bench-") as folder:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.streams_server", "--data-dir", folder, "--key", key),
            *("--events", str(count), "--rate", str(arguments.rate)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process, int(await process.stdout.readline())
        finally:
            process.stdin.close()
            await process.wait()


@contextlib.contextmanager
def _stalled(port: int, key: str) -> Iterator[None]:
    """Open a websocket, and never read from it."""
    with socket.socket() as connection:
        # A small window, so that the server notices soon.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", port))
        request = (
            f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-Api-Key: {key}\r\n"
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        connection.sendall(request.encode())
        yield
