"""A server without accounts whose test has it record events, for `test_streams_of_two_servers`.

Its settings come from the environment, the rest by arguments: name, number of events, seed. It
says its port, records once a line comes in, and serves until its input is closed.
"""

import asyncio
import random
import sys
from datetime import UTC, datetime

from aiohttp import web

from api.app import init_app, open_parts
from api.app_keys import RECORDER
from api.settings import Settings
from store.events.event_log import Event
from store.events.recorder import Recorder

ACCOUNTS = 3


async def main(name: str, count: int, seed: int) -> None:
    app = init_app(Settings.load({}))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    await open_parts(app)
    sys.stdout.write(f"{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.readline)
    await record(app[RECORDER], name, count, random.Random(seed))
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


async def record(recorder: Recorder, name: str, count: int, chance: random.Random) -> None:
    """Record events of some accounts, now singly, now many at a time."""
    seqs = dict.fromkeys((f"{name}-{number}" for number in range(ACCOUNTS)), 0)
    for _ in range(count):
        account_id = chance.choice(list(seqs))
        seqs[account_id] += 1
        now = datetime.now(UTC)
        recorder.record(Event("status", account_id, now, {"status": "X"}, seq=seqs[account_id]))
        if chance.random() < 0.2:
            await asyncio.sleep(chance.choice([0, 0.001, 0.02]))
    recorder.record(Event("status", f"{name}-end", datetime.now(UTC), seqs, seq=1))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
