"""How long a server takes to start that has many accounts, all at rest, in a database far away.

    make bench ARGS="start --accounts 1000 --delay 10"

From the start of its process until it is ready to serve, in seconds, start by start: with no
account, then with all of them; and how much of a processor that took, for a machine that others use
as well. The database is a Postgres of its own on this machine, behind a
proxy that holds each answer up by the delay, in milliseconds. The test programs are needed.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from api.client import Server
from bench.far import far
from store import models
from store.database.opening import open_database
from store.status import Cause, Desired, Status
from tests.postgres_server import PostgresServer

DATABASE = "bench"
NOWHERE = "http://127.0.0.1:1"
"""No account is connected, so no page is opened."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what can be set."""
    parser.add_argument("--accounts", type=int, default=1000, metavar="N")
    parser.add_argument("--delay", type=float, default=10.0, metavar="MS")
    parser.add_argument("--runs", type=int, default=3, metavar="N")


async def run(arguments: argparse.Namespace) -> None:
    """Measure, and print."""
    postgres = PostgresServer()
    await asyncio.to_thread(postgres.start)
    try:
        await asyncio.to_thread(postgres.create, DATABASE)
        print(f"start on a Postgres {arguments.delay:g} ms away, seconds from process to ready:")
        async with far(postgres.port, arguments.delay) as port:
            address = urlsplit(postgres.url(DATABASE))
            credentials = address.netloc.rpartition("@")[0]
            url = address._replace(netloc=f"{credentials}@127.0.0.1:{port}").geturl()
            await _measure(url, 0, arguments.runs)
            async with open_database(postgres.url(DATABASE)):
                await models.Account.bulk_create(resting(arguments.accounts))
            await _measure(url, arguments.accounts, arguments.runs)
    finally:
        await asyncio.to_thread(postgres.remove)


def resting(count: int) -> list[models.Account]:
    """Return accounts at rest, as users made them one after the other."""
    now = datetime.now(UTC)
    return [
        models.Account(
            id=f"{number:016x}",
            name=f"Account {number}",
            desired=Desired.DISCONNECTED.value,
            status=Status.DISCONNECTED.value,
            cause=Cause.CREATED.value,
            since=now,
            created_at=now + timedelta(milliseconds=number),
        )
        for number in range(1, count + 1)
    ]


async def _measure(url: str, accounts: int, runs: int) -> None:
    starts = [await _start(url) for _ in range(runs)]
    seconds = [wall for wall, _ in starts]
    print(
        f"  {accounts:5} accounts: median {statistics.median(seconds):5.2f}, "
        f"longest {max(seconds):5.2f} ({'  '.join(f'{value:.2f}' for value in seconds)}); "
        f"processor: median {statistics.median(cpu for _, cpu in starts):.2f}",
        flush=True,
    )


async def _start(url: str) -> tuple[float, float]:
    """Return the seconds that a start took, and the processor time."""
    with tempfile.TemporaryDirectory(prefix="wa-manager-bench-") as folder:
        server = Server(Path(folder), NOWHERE, "--database-url", url)
        began = time.monotonic()
        try:
            await server.start()
            wall = time.monotonic() - began
            used = psutil.Process(server.pid).cpu_times()
            return wall, used.user + used.system
        finally:
            await server.stop()
