"""How long a restarted server takes to bring all its accounts back.

    make bench ARGS="restore --accounts 20"

Each account is linked once; then the server is stopped and started, and the time from the start of
its process until the last account is CONNECTED is printed, run by run.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path

import aiohttp

from api.outside import Server, Watcher, call
from simulator.server import Simulator
from simulator.settings import SimulatorSettings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what can be set."""
    parser.add_argument("--accounts", type=int, default=20, metavar="N")
    parser.add_argument("--runs", type=int, default=5, metavar="N")


async def run(arguments: argparse.Namespace) -> None:
    """Measure, and print."""
    with tempfile.TemporaryDirectory(prefix="wa-manager-bench-") as folder:
        async with Simulator(SimulatorSettings()) as simulator:
            server = Server(Path(folder), simulator.url)
            try:
                await server.start()
                accounts = await _link(server, simulator.url, arguments.accounts)
                seconds = [await _restart(server, accounts) for _ in range(arguments.runs)]
            finally:
                await server.stop()
    print(f"restore of {arguments.accounts} accounts, seconds from process start to all CONNECTED:")
    print("  " + "  ".join(f"{value:.2f}" for value in seconds))
    print(f"  median {statistics.median(seconds):.2f}, longest {max(seconds):.2f}")


async def _link(server: Server, web_url: str, count: int) -> list[str]:
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


async def _restart(server: Server, accounts: list[str]) -> float:
    await server.stop()
    started = time.monotonic()
    await server.start()
    headers = {"X-Api-Key": server.key}
    async with (
        aiohttp.ClientSession(server.url, headers=headers) as api,
        api.ws_connect("/ws") as connection,
    ):
        await Watcher(connection).until_all(accounts, "CONNECTED")
    return time.monotonic() - started
