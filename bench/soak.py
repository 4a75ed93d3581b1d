"""What the server keeps of accounts that come and go: it should be nothing.

    make bench ARGS="soak --accounts 3 --cycles 100"

The accounts are linked once, then connected and disconnected over and over, and every ten cycles it
is printed what the server's process holds: memory of its own (RssAnon), threads, descriptors.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import aiohttp

from api.outside import Server, Watcher, call
from bench.restore import link_all
from simulator.server import Simulator
from simulator.settings import SimulatorSettings

SHOW_EVERY = 10


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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what can be set."""
    parser.add_argument("--accounts", type=int, default=1, metavar="N")
    parser.add_argument("--cycles", type=int, default=100, metavar="N")


async def run(arguments: argparse.Namespace) -> None:
    """Measure, and print."""
    with tempfile.TemporaryDirectory(prefix="wa-manager-bench-") as folder:
        async with Simulator(SimulatorSettings()) as simulator:
            server = Server(Path(folder), simulator.url)
            try:
                await server.start()
                accounts = await link_all(server, simulator.url, arguments.accounts)
                await _soak(server, accounts, arguments.cycles)
            finally:
                await server.stop()


async def _soak(server: Server, accounts: Sequence[str], cycles: int) -> None:
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
    if len(seen) > 1:
        first, last = seen[0], seen[-1]
        print(
            f"from cycle {SHOW_EVERY} on: {last.memory_kb - first.memory_kb:+,} kB, "
            f"{last.threads - first.threads:+} threads, "
            f"{last.descriptors - first.descriptors:+} descriptors"
        )


async def _have_all(
    api: aiohttp.ClientSession, watcher: Watcher, accounts: Sequence[str], verb: str, status: str
) -> None:
    await asyncio.gather(*(call(api, "POST", f"/accounts/{each}/{verb}") for each in accounts))
    await watcher.until_all(accounts, status)
