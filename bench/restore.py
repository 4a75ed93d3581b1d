"""How long a restarted server takes to bring all its accounts back.

    make bench ARGS="restore --accounts 20"
    make bench ARGS="restore --starts-at-once 2 4 8 12 20"

Each account is linked once; then the server is stopped and started, and the time from the start of
its process until the last account is CONNECTED is printed, run by run, and how long the list of
accounts took to come meanwhile, asked for over and over.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path

import aiohttp

from api.client import Server, Watcher, call
from api.settings import Settings
from simulator.server import Simulator
from simulator.settings import SimulatorSettings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what can be set."""
    parser.add_argument("--accounts", type=int, default=20, metavar="N")
    parser.add_argument("--runs", type=int, default=5, metavar="N")
    at_once = Settings.model_fields["starts_at_once"].default
    parser.add_argument("--starts-at-once", type=int, default=[at_once], nargs="+", metavar="N")


async def run(arguments: argparse.Namespace) -> None:
    """Measure, and print."""
    print(f"restore of {arguments.accounts} accounts, seconds from process start to all CONNECTED:")
    for at_once in arguments.starts_at_once:
        with tempfile.TemporaryDirectory(prefix="wa-manager-bench-") as folder:
            await _measure(Path(folder), arguments, at_once)


async def _measure(folder: Path, arguments: argparse.Namespace, at_once: int) -> None:
    answers: list[float] = []
    async with Simulator(SimulatorSettings()) as simulator:
        server = Server(folder, simulator.url, "--starts-at-once", str(at_once))
        try:
            await server.start()
            accounts = await link_all(server, simulator.url, arguments.accounts)
            seconds = [await _restart(server, accounts, answers) for _ in range(arguments.runs)]
        finally:
            await server.stop()
    print(
        f"  {at_once:3} at once: median {statistics.median(seconds):5.2f}, "
        f"longest {max(seconds):5.2f} ({'  '.join(f'{value:.2f}' for value in seconds)}); "
        f"answers: median {1000 * statistics.median(answers):.0f} ms, "
        f"99 % {1000 * statistics.quantiles(answers, n=100)[-1]:.0f} ms, "
        f"longest {1000 * max(answers):.0f} ms",
        flush=True,
    )


async def link_all(server: Server, web_url: str, count: int) -> list[str]:
    """Create accounts, and have each connected by a phone's scan."""
    headers = {"X-Api-Key": server.key}
    numbers: dict[str, str] = {}
    async with (
        aiohttp.ClientSession(server.url, headers=headers) as api,
        aiohttp.ClientSession(web_url) as phones,
        api.ws_connect("/ws") as connection,
    ):
        watcher = Watcher(connection)
        for index in range(count):
            account = await call(api, "POST", "/accounts", {"name": f"Account {index + 1}"})
            numbers[account["id"]] = f"49170{index:07d}"
        await asyncio.gather(*(call(api, "POST", f"/accounts/{one}/connect") for one in numbers))
        scanned: set[str] = set()
        while len(scanned) < count:
            event = await watcher.next()
            if event["type"] == "qr" and event["accountId"] not in scanned:
                scanned.add(event["accountId"])
                path = f"/sim/phones/{numbers[event['accountId']]}/scan"
                await call(phones, "POST", path, {"code": event["data"]["qr"]})
        await watcher.until_all(numbers, "CONNECTED")
    return list(numbers)


async def _restart(server: Server, accounts: list[str], answers: list[float]) -> float:
    await server.stop()
    started = time.monotonic()
    await server.start()
    headers = {"X-Api-Key": server.key}
    async with (
        aiohttp.ClientSession(server.url, headers=headers) as api,
        api.ws_connect("/ws") as connection,
    ):
        asking = asyncio.create_task(_ask(api, answers))
        await Watcher(connection).until_all(accounts, "CONNECTED")
        seconds = time.monotonic() - started
        asking.cancel()
    return seconds


async def _ask(api: aiohttp.ClientSession, answers: list[float]) -> None:
    while True:
        asked = time.monotonic()
        await call(api, "GET", "/accounts")
        answers.append(time.monotonic() - asked)
        await asyncio.sleep(0.05)
