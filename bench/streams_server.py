"""The server that `streams` and `storm` measure: the whole application, and who records events.

It listens twice: as a server does, and with so small a buffer for what is sent that a client which
does not read is noticed soon. On one machine the kernel would keep megabytes for it.
"""

import argparse
import asyncio
import contextlib
import itertools
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web

from api.app import init_app, open_parts
from api.app_keys import MANAGER, RECORDER
from api.server.file_limit import raise_limit
from api.settings import Settings
from common.tasks import abandon
from store.events.event_log import Event
from store.events.recorder import Recorder

SENDERS = 10
"""Of so many accounts there are events; the server knows nothing else of them."""


@dataclass(frozen=True)
class Process:
    """The server as a process of its own, as whoever started it sees it."""

    port: int
    narrow_port: int
    """Where little is kept for a client that does not read."""
    _process: asyncio.subprocess.Process

    def record(self) -> None:
        """Have it begin to record events."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"go\n")

    async def recorded(self) -> float:
        """Wait until all are recorded, and give what that took of a core."""
        assert self._process.stdout is not None
        return float(await self._process.stdout.readline())


@contextlib.asynccontextmanager
async def running(
    key: str, *, events: int, rate: float, accounts: int = 0, after: float = 0.0
) -> AsyncIterator[Process]:
    """Run the server with a database of its own.

    Args:
        key: Its API key.
        events: How many events it records once it is told to.
        rate: How many of them in a second.
        accounts: How many accounts it has; none of them does anything.
        after: How many events it records in a second when it has recorded these.
    """
    with tempfile.TemporaryDirectory(prefix="wa-manager-bench-") as folder:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.streams_server", "--data-dir", folder, "--key", key),
            *("--events", str(events), "--rate", str(rate)),
            *("--accounts", str(accounts), "--after", str(after)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            port, narrow_port = map(int, (await process.stdout.readline()).split())
            yield Process(port, narrow_port, process)
        finally:
            process.stdin.close()
            await process.wait()


def main() -> None:
    """Serve, say the ports, wait for a line, record, and serve on until the input is closed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--accounts", type=int, required=True)
    parser.add_argument("--after", type=float, required=True)
    asyncio.run(_serve(parser.parse_args()))


async def _serve(arguments: argparse.Namespace) -> None:
    raise_limit()
    settings = Settings.load({"data_dir": str(arguments.data_dir), "api_key": arguments.key})
    app = init_app(settings)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    with socket.socket() as narrow:
        narrow.bind(("127.0.0.1", 0))
        # Whoever is accepted inherits it.
        narrow.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        await web.SockSite(runner, narrow).start()
        await open_parts(app)
        for number in range(arguments.accounts):
            await app[MANAGER].create(f"Account {number + 1}")
        print(*(address[1] for address in runner.addresses), flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        recorder, numbers = app[RECORDER], itertools.count()
        processor, began = time.process_time(), time.monotonic()
        await _record(recorder, itertools.islice(numbers, arguments.events), arguments.rate)
        await recorder.flush(60)
        load = (time.process_time() - processor) / (time.monotonic() - began)
        print(f"{load:.3f}", flush=True)
        going_on = asyncio.create_task(_record(recorder, numbers, arguments.after))
        await asyncio.to_thread(sys.stdin.read)
        await abandon(going_on)
        await runner.cleanup()


async def _record(recorder: Recorder, numbers: Iterator[int], rate: float) -> None:
    """Record events at an even pace, each with the moment at which it was handed over."""
    if not rate:
        return
    loop = asyncio.get_running_loop()
    began = loop.time()
    for place, number in enumerate(numbers):
        await asyncio.sleep(max(0.0, began + place / rate - loop.time()))
        data = {
            "status": "CONNECTED",
            "previous": "CONNECTING",
            "cause": "ready",
            "attempt": 1,
            "detail": {"recordedAt": time.time()},
        }
        account_id, seq = f"account-{number % SENDERS}", number // SENDERS + 1
        recorder.record(Event("status", account_id, datetime.now(UTC), data, seq=seq))


if __name__ == "__main__":
    main()
