"""The server that `streams` measures: the whole application, and somebody who records events.

It has no accounts, so that nothing but the streams is measured.
"""

import argparse
import asyncio
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web

from api.app import init_app, open_parts
from api.descriptors import raise_limit
from api.keys import RECORDER
from api.settings import Settings
from store.events import Event
from store.recorder import Recorder

ACCOUNTS = 10


def main() -> None:
    """Serve, say the port, wait for a line, record, and serve on until the input is closed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True)
    asyncio.run(_serve(parser.parse_args()))


async def _serve(arguments: argparse.Namespace) -> None:
    raise_limit()
    settings = Settings.load({"data_dir": str(arguments.data_dir), "api_key": arguments.key})
    app = init_app(settings)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    await open_parts(app)
    print(runner.addresses[0][1], flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    processor, began = time.process_time(), time.monotonic()
    await _record(app[RECORDER], arguments.events, arguments.rate)
    load = (time.process_time() - processor) / (time.monotonic() - began)
    print(f"{load:.3f}", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


async def _record(recorder: Recorder, count: int, rate: float) -> None:
    """Record events at an even pace, each with the moment at which it was handed over."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    for number in range(count):
        await asyncio.sleep(max(0.0, began + number / rate - loop.time()))
        data = {
            "status": "CONNECTED",
            "previous": "CONNECTING",
            "cause": "ready",
            "attempt": 1,
            "detail": {"recordedAt": time.time()},
        }
        account_id, seq = f"account-{number % ACCOUNTS}", number // ACCOUNTS + 1
        recorder.record(Event("status", account_id, datetime.now(UTC), data, seq=seq))
    await recorder.flush(60)


if __name__ == "__main__":
    main()
