"""How a server bears that all its clients come back at once, as they do when it was restarted.

    make bench ARGS="storm --accounts 500 --clients 500 --missed 1000 --rate 50"

Every client connects in the same moment with the id of the last event that it knows, and gets the
snapshot of all accounts and what it missed, while other events go on. One that is refused comes
again after a second. A process of its own asks for the list of accounts meanwhile, over and over.
"""

import argparse
import asyncio
import contextlib
import http.client
import json
import multiprocessing
import secrets
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

import aiohttp

from bench.streams_server import running
from common.tasks import abandon

FAST = 5_000.0
"""How many events a second are recorded before the storm."""
RETRY_SECONDS = 1.0
"""When a client that was refused comes again."""
PATIENCE = 120.0
"""Seconds that the storm may take."""
QUIET_SECONDS = 3.0
"""How long answers are measured before it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what can be set."""
    parser.add_argument("--accounts", type=int, default=500, metavar="N")
    parser.add_argument("--clients", type=int, default=500, metavar="N")
    parser.add_argument("--missed", type=int, default=1000, metavar="EVENTS")
    parser.add_argument("--rate", type=float, default=50.0, metavar="EVENTS_PER_SECOND")
    parser.add_argument(
        "--places",
        type=int,
        default=1,
        metavar="N",
        help="at how many different places of the log the clients were; %(default)s",
    )


@dataclass
class _Storm:
    """What the clients went through."""

    clients: int
    newest: int
    """The last event that all of them missed."""
    over: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when all have what they missed."""
    began: float = field(default_factory=time.monotonic)
    snapshots: list[float] = field(default_factory=list)
    """Seconds until each had its first snapshot, the times that it was refused included."""
    caught_up: list[float] = field(default_factory=list)
    """Seconds until each had all that it missed."""
    refused: int = 0

    async def client(self, session: aiohttp.ClientSession, last: int) -> None:
        """Follow the stream, and come again when it is lost."""
        shown = behind = False
        while True:
            async with session.ws_connect(f"/ws?since={last}", max_msg_size=0) as connection:
                async for message in connection:
                    # Not read as JSON: that would keep the other clients waiting.
                    if not message.data.startswith('{"type": "snapshot"'):
                        last = json.loads(message.data).get("id", last)
                    elif not shown:
                        shown = behind = True
                        self.snapshots.append(self._seconds)
                    if behind and last >= self.newest:
                        behind = False
                        self.caught_up.append(self._seconds)
                        if len(self.caught_up) == self.clients:
                            self.over.set()
            self.refused += 1
            await asyncio.sleep(RETRY_SECONDS)

    @property
    def _seconds(self) -> float:
        return time.monotonic() - self.began


@dataclass
class _Answers:
    """What became of questions for the list of accounts."""

    seconds: list[float] = field(default_factory=list)
    refused: int = 0

    def __str__(self) -> str:
        """Say it in a few words."""
        return f"{_in_short(self.seconds)}; {self.refused} refused"


async def run(arguments: argparse.Namespace) -> None:
    """Measure, and print."""
    key = secrets.token_hex(16)
    missed, places = arguments.missed, arguments.places
    async with (
        running(
            key,
            events=missed,
            rate=FAST,
            accounts=arguments.accounts,
            after=arguments.rate,
        ) as server,
        aiohttp.ClientSession(
            f"http://127.0.0.1:{server.port}",
            headers={"X-Api-Key": key},
            connector=aiohttp.TCPConnector(limit=0),
        ) as session,
    ):
        server.record()
        await server.recorded()
        async with _asked(server.port, key) as quiet:
            await asyncio.sleep(QUIET_SECONDS)
        async with session.ws_connect("/ws") as connection:
            hello = await connection.receive_json()
            storm = _Storm(arguments.clients, newest=hello["data"]["newest"])
        async with _asked(server.port, key) as answers:
            storm.began = time.monotonic()
            clients = [
                asyncio.create_task(storm.client(session, storm.newest - missed + number % places))
                for number in range(arguments.clients)
            ]
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await storm.over.wait()
            await abandon(*clients)
    print(
        f"{arguments.accounts} accounts, {arguments.clients} clients at once that missed "
        f"{missed} events, {arguments.rate:g} more a second:\n"
        f"  had the snapshot: {_in_short(storm.snapshots)}\n"
        f"  had what they missed: {_in_short(storm.caught_up)}\n"
        f"  clients refused or cut off: {storm.refused} times\n"
        f"  GET /accounts?limit=100 meanwhile: {answers}\n"
        f"  and before: {quiet}",
        flush=True,
    )


def _in_short(seconds: Sequence[float]) -> str:
    if not seconds:
        return "none"
    median, longest = statistics.median(seconds), max(seconds)
    return f"{len(seconds)}, median {median:.3f} s, longest {longest:.3f} s"


@contextlib.asynccontextmanager
async def _asked(port: int, key: str) -> AsyncIterator[_Answers]:
    """Ask for the list of accounts while the context lasts; at its end it is known what came."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_ask, args=(port, key, theirs))
    process.start()
    answers = _Answers()
    await asyncio.to_thread(ours.recv)
    yield answers
    ours.send(None)
    answers.seconds, answers.refused = await asyncio.to_thread(ours.recv)
    await asyncio.to_thread(process.join)


def _ask(port: int, key: str, told: Connection) -> None:
    """Ask for the list of accounts until something is said, and tell what became of it."""
    seconds: list[float] = []
    refused = 0
    server = http.client.HTTPConnection("127.0.0.1", port)
    told.send(None)
    while not told.poll(0.05):
        asked = time.monotonic()
        server.request("GET", "/accounts?limit=100", headers={"X-Api-Key": key})
        response = server.getresponse()
        response.read()
        if response.status == 200:
            seconds.append(time.monotonic() - asked)
        else:
            refused += 1
    told.send((seconds, refused))
