"""The demonstration: a simulator, a server, and phones that scan; accounts outlive a restart.

It plays a user from outside: the server is a process of its own, spoken to over HTTP and websocket.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from api.client import Server, Unexpected, Watcher, call
from api.server.signals import Signals
from simulator.server import Simulator
from simulator.settings import SimulatorSettings

NAMES = ("Support", "Sales", "Bookings")
STEP_SECONDS = 60.0
"""How long any one step may take before the demonstration counts as failed."""


@dataclass
class Timeline:
    """Prints what happened, and when."""

    started: float = field(default_factory=time.monotonic)

    def note(self, text: str) -> None:
        """Print a line with the seconds since the start."""
        print(f"{time.monotonic() - self.started:6.1f} s  {text}", flush=True)


async def demo(count: int, signals: Signals, *, stay: bool) -> int:
    """Run the demonstration.

    Args:
        count: How many accounts.
        signals: Ends it at any moment, in good order.
        stay: Whether to stay up afterwards until a signal.

    Returns:
        The exit code: 0 only if everything happened.
    """
    shown = asyncio.Event()
    play = asyncio.create_task(_play(count, shown, stay=stay))
    # A server in the same process group has heard the signal as well, and hears each later one.
    signals.tell(lambda _: play.cancel(), lambda: None)
    try:
        await play
    except asyncio.CancelledError:
        return 0 if shown.is_set() else 130
    except Unexpected as error:
        print(f"The demonstration failed: {error}", file=sys.stderr)
        return 1
    return 0


async def _play(count: int, shown: asyncio.Event, *, stay: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="wa-manager-demo-") as folder:
        async with Simulator(SimulatorSettings()) as simulator:
            server = Server(Path(folder), simulator.url)
            try:
                await _show(count, server, simulator.url)
                shown.set()
                if stay:
                    print(f"\nDashboard: {server.link}\nCtrl-C ends it.", flush=True)
                    await asyncio.Event().wait()
            except Unexpected:
                print(server.log.read_text()[-4000:], file=sys.stderr)
                raise
            finally:
                await server.stop()


async def _show(count: int, server: Server, web_url: str) -> None:
    timeline = Timeline()
    async with _step("the server starts"):
        await server.start()
    # Before all else, so that whoever opens it can watch the rest.
    print(f"Dashboard: {server.link}\n", flush=True)
    timeline.note(f"simulated WhatsApp Web at {web_url}")
    timeline.note(f"server at {server.url}")
    headers = {"Authorization": f"Bearer {server.key}"}
    async with aiohttp.ClientSession(server.url, headers=headers) as api:
        accounts = await _link_phones(count, api, web_url, timeline)
        await _restart(server, api, accounts, timeline)
        if count > 1:
            await _send_text(api, accounts, timeline)


async def _link_phones(
    count: int, api: aiohttp.ClientSession, web_url: str, timeline: Timeline
) -> dict[str, str]:
    """Create and connect accounts, and scan the codes they show.

    Returns:
        The phone number of each account.
    """
    async with _watch(api) as watcher:
        accounts, names = {}, {}
        for index in range(count):
            name = NAMES[index % len(NAMES)] + (f" {index + 1}" if index >= len(NAMES) else "")
            created = await call(api, "POST", "/accounts", {"name": name})
            accounts[created["id"]] = f"4917000000{index + 1:02d}"
            names[created["id"]] = name
        await asyncio.gather(*(call(api, "POST", f"/accounts/{a}/connect") for a in accounts))
        timeline.note(f"{count} accounts created, Connect pressed on all of them at once")
        scanned: set[str] = set()
        async with _step("every account shows a code"), aiohttp.ClientSession(web_url) as phones:
            while scanned != set(accounts):
                event = await watcher.next()
                if event["type"] != "qr" or event["accountId"] in scanned:
                    continue
                account_id = event["accountId"]
                path = f"/sim/phones/{accounts[account_id]}/scan"
                await call(phones, "POST", path, {"code": event["data"]["qr"]})
                scanned.add(account_id)
                whose = f"{names[account_id]} ({account_id})"
                timeline.note(f"phone {accounts[account_id]} scanned the code of {whose}")
        async with _step("all accounts are CONNECTED"):
            await watcher.until_all(accounts, "CONNECTED")
        timeline.note("all CONNECTED")
    return accounts


async def _restart(
    server: Server, api: aiohttp.ClientSession, accounts: dict[str, str], timeline: Timeline
) -> None:
    async with _step("the server stops"):
        await server.stop()
    timeline.note("server stopped: every browser closed")
    async with _step("the server starts again"):
        await server.start()
    timeline.note("server started again")
    async with _watch(api) as watcher, _step("all accounts come back"):
        await watcher.until_all(accounts, "CONNECTED")
    timeline.note("all CONNECTED again, without a scan")


async def _send_text(
    api: aiohttp.ClientSession, accounts: dict[str, str], timeline: Timeline
) -> None:
    sender, receiver = list(accounts)[:2]
    body = {"to": accounts[receiver], "text": "Hello from the demonstration"}
    async with _watch(api) as watcher, _step("a text arrives"):
        await call(api, "POST", f"/accounts/{sender}/messages", body)
        while True:
            event = await watcher.next()
            if event["type"] == "message" and event["accountId"] == receiver:
                break
    if event["data"]["text"] != body["text"]:
        raise Unexpected(f"another text arrived: {event['data']['text']!r}")
    timeline.note(f"a text went from {accounts[sender]} to {accounts[receiver]}")


@asynccontextmanager
async def _watch(api: aiohttp.ClientSession) -> AsyncIterator[Watcher]:
    async with api.ws_connect("/ws") as connection:
        yield Watcher(connection)


@asynccontextmanager
async def _step(what: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(STEP_SECONDS):
            yield
    except TimeoutError as error:
        raise Unexpected(f"not within {STEP_SECONDS:g} s: {what}") from error
