"""What the server keeps of accounts that come and go: it should be nothing.

    make bench ARGS="soak --accounts 3 --cycles 100"

The accounts are linked once, then connected and disconnected over and over, and every ten cycles it
is printed what the server's process holds: memory of its own (RssAnon), threads, descriptors. The
first third of the cycles warms up. Then neither threads nor descriptors may grow, and memory by no
more than a bound; the last line says so, and the exit code is 1 if they did.
"""

import argparse
import asyncio
import itertools
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import aiohttp

from api.client import Server, Watcher, call
from bench.restore import link_all
from common.threads import MOST
from simulator.server import Simulator
from simulator.settings import SimulatorSettings

SHOW_EVERY = 10
THIRDS = 3
SPARE_THREADS = MOST
"""So many threads for calls that block may be started, each when it is needed first, and are kept.
One more with each cycle would be a leak."""
MEMORY_KB_PER_CONNECT = 3.0
"""What memory may grow by with each connect after warming up.

SQLite takes 1 kB of it: what is recorded fills its cache of pages, up to 2 MB. Python's own objects
do not become more.
"""


@dataclass(frozen=True)
class Holding:
    """What a process holds."""

    memory_kb: int
    threads: int
    descriptors: int

    @classmethod
    def of(cls, pid: int) -> Self:
        """Ask the kernel."""
        process = Path("/proc") / str(pid)
        lines = (process / "status").read_text().splitlines()
        status = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
        descriptors = sum(1 for _ in (process / "fd").iterdir())
        return cls(int(status["RssAnon"][0]), int(status["Threads"][0]), descriptors)

    def __str__(self) -> str:
        """Draw it up as a row of the table."""
        return f"{self.memory_kb:12,}{self.threads:10}{self.descriptors:13}"


def verdict(seen: Sequence[Holding], connects: int) -> list[str]:
    """Say what grew that must not; nothing if all is well.

    Args:
        seen: What was held, at equal intervals; three or more.
        connects: How many connects there were between two of them.

    Raises:
        ValueError: There is too little to judge.
    """
    third = len(seen) // THIRDS
    if third == 0:
        raise ValueError(f"at least {THIRDS} looks are needed to tell growth from warming up")
    first, later, last = seen[:third], seen[third:], seen[-third:]
    grown = []
    memory = pace([each.memory_kb for each in later]) / connects
    if memory > MEMORY_KB_PER_CONNECT:
        grown.append(f"memory by {memory:.1f} kB a connect")
    threads = max(each.threads for each in last) - max(each.threads for each in first)
    if threads > SPARE_THREADS:
        grown.append(f"threads by {threads}")
    descriptors = max(each.descriptors for each in last) - max(each.descriptors for each in first)
    if descriptors > 0:
        grown.append(f"descriptors by {descriptors}")
    return grown


def pace(values: Sequence[float]) -> float:
    """Return the growth from one value to the next, as the median of all pairs.

    A table that is doubled once is such a step.
    """
    pairs = itertools.combinations(enumerate(values), 2)
    return statistics.median((after - before) / (j - i) for (i, before), (j, after) in pairs)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what can be set."""
    parser.add_argument("--accounts", type=int, default=1, metavar="N")
    parser.add_argument("--cycles", type=_enough, default=100, metavar="N")


def _enough(text: str) -> int:
    cycles = int(text)
    if cycles < THIRDS * SHOW_EVERY:
        raise argparse.ArgumentTypeError(f"at least {THIRDS * SHOW_EVERY}, to be judged in thirds")
    return cycles


async def run(arguments: argparse.Namespace) -> None:
    """Measure, and print.

    Raises:
        SystemExit: Something grew.
    """
    with tempfile.TemporaryDirectory(prefix="wa-manager-bench-") as folder:
        async with Simulator(SimulatorSettings()) as simulator:
            server = Server(Path(folder), simulator.url)
            try:
                await server.start()
                accounts = await link_all(server, simulator.url, arguments.accounts)
                seen = await _soak(server, accounts, arguments.cycles)
            finally:
                await server.stop()
    if grown := verdict(seen, SHOW_EVERY * len(accounts)):
        raise SystemExit("It grew after warming up: " + ", ".join(grown))
    print("Nothing grew after warming up, beyond what is allowed.")


async def _soak(server: Server, accounts: Sequence[str], cycles: int) -> list[Holding]:
    print(f"cycles of {len(accounts)} account(s), and what the server then holds:")
    print(f"{'cycles':>8}{'RssAnon kB':>12}{'threads':>10}{'descriptors':>13}")
    seen: list[Holding] = []
    headers = {"X-Api-Key": server.key}
    async with (
        aiohttp.ClientSession(server.url, headers=headers) as api,
        api.ws_connect("/ws") as connection,
    ):
        watcher = Watcher(connection)
        await _have_all(api, watcher, accounts, "disconnect", "DISCONNECTED")
        for cycle in range(1, cycles + 1):
            await _have_all(api, watcher, accounts, "connect", "CONNECTED")
            await _have_all(api, watcher, accounts, "disconnect", "DISCONNECTED")
            if cycle % SHOW_EVERY == 0:
                seen.append(Holding.of(server.pid))
                print(f"{cycle:8}{seen[-1]}", flush=True)
    return seen


async def _have_all(
    api: aiohttp.ClientSession, watcher: Watcher, accounts: Sequence[str], verb: str, status: str
) -> None:
    await asyncio.gather(*(call(api, "POST", f"/accounts/{each}/{verb}") for each in accounts))
    await watcher.until_all(accounts, status)
