"""All that a chaos run attacks and looks at: servers, browsers, phones, Redis, the stream.

What is done to it is in `faults.py` and `page_faults.py`; what it should come to, in `model.py`.
"""

import asyncio
import itertools
import json
import random
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from store.status import Status
from tests.chaos.model import ONLINE, Expected, Session
from tests.chaos.processes import Process, all_processes, browsers
from tests.chaos.stream import Stream
from tests.chaos.violation import Violation
from tests.harness import ServerProcess
from tests.redis_server import RedisServer

SETTINGS = {
    "WA_AUTHENTICATING_SECONDS": "30",
    "WA_BACKOFF_FIRST_SECONDS": "0.2",
    "WA_BACKOFF_MAX_SECONDS": "2",
    "WA_CALL_SECONDS": "5",
    "WA_CLOSE_SECONDS": "3",
    "WA_CONNECTING_SECONDS": "30",
    "WA_LEASE_SECONDS": "20",
    "WA_LOCK_RETRY_SECONDS": "0.5",
    # So many failures of one account within minutes are this run's doing, and no reason to give up.
    "WA_MAX_FAILURES": "1000",
    "WA_PAGE_LOAD_SECONDS": "15",
    "WA_PROBE_SECONDS": "2",
    "WA_PROBE_TIMEOUT_SECONDS": "3",
    "WA_SHUTDOWN_SECONDS": "10",
    "WA_START_MEMORY_MB": "50",
}
"""Shorter times than a server's own, so that a run shows in minutes what takes hours."""

DESCRIPTORS_PER_BROWSER = 5
"""The profile's lock, two pipes to speak by, one for its stderr, and its pidfd."""
SPARE_DESCRIPTORS = 6
"""Connections of our own client, and files that are open for a moment."""
SPARE_THREADS = 6
"""The threads of asyncio's pool, which are started when they are needed first and then stay."""
LOOK_EVERY = 0.25
MESSAGE_EVERY = 1.0
FRIEND = "491700000077"
CALM_LOOKS = 2
"""How often in a row all must be well: what was just broken may not have been noticed yet."""


@dataclass
class Account:
    """One account, with the phone that belongs to it."""

    id: str
    number: str
    expected: Expected = field(default_factory=Expected)
    newest_id: int = 0
    newest_seq: int = 0
    awaited: set[str] = field(default_factory=set)
    """Texts that were sent to it and are not in its log yet."""


@dataclass(frozen=True)
class Holding:
    """What a server process holds."""

    server: int
    """Its process id."""
    descriptors: int
    """Without those of its browsers."""
    threads: int


class World:
    """Everything that runs. The first of the servers is the one that is used."""

    def __init__(self, folder: Path, web_url: str, redis: RedisServer, seed: int) -> None:
        self.random = random.Random(seed)
        self.redis = redis
        self.accounts: list[Account] = []
        self._folder, self._web_url = folder, web_url
        self.servers = [self._new_server()]
        self.phones = aiohttp.ClientSession(web_url)
        self.stream = Stream(lambda: self.server)
        self.sessions: set[int] = set()
        self.deadline = 60.0
        self._baseline: Holding | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def server(self) -> ServerProcess:
        return self.servers[0]

    @property
    def profiles(self) -> Path:
        return self.server.data / "profiles"

    # From start to end.

    async def start(self, accounts: int) -> None:
        """Start a server, and have all its accounts connected."""
        self._folder.mkdir(parents=True, exist_ok=True)
        await self.server.start()
        for index in range(accounts):
            account_id = await self.server.create(f"Account {index}")
            self.accounts.append(Account(account_id, f"4917000002{index:02d}"))
        for work in (self.stream.follow(), self._scan_codes(), self._write_messages()):
            self._tasks.append(asyncio.create_task(work))
        for account in self.accounts:
            await self.command(account, "connect")
        await self.settle()

    async def close(self) -> None:
        """End everything, by force where it must be."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for server in self.servers:
            await server.close()
        await self.phones.close()

    async def add_server(self) -> ServerProcess:
        """Start one more server on the same data directory and database."""
        server = self._new_server()
        self.servers.append(server)
        await server.start()
        return server

    async def remove_server(self, server: ServerProcess) -> None:
        """Forget a server whose process has ended."""
        self.servers.remove(server)
        await server.client.close()

    def _new_server(self) -> ServerProcess:
        server = ServerProcess(self._folder, self._web_url)
        server.environment |= {**SETTINGS, "WA_REDIS_URL": self.redis.url}
        return server

    # What users and phones do.

    async def command(self, account: Account, verb: str) -> None:
        """Command an account as a client does: again, while the server says to come back."""
        deadline = time.monotonic() + self.deadline
        while (answer := await self._try_command(account, verb)) is not None:
            if time.monotonic() > deadline:
                raise Violation(f"{verb} of {account.id} is refused: {answer}")
            await asyncio.sleep(LOOK_EVERY)
        expected = account.expected
        {
            "connect": expected.connect,
            "restart": expected.connect,
            "disconnect": expected.disconnect,
            "logout": expected.logout,
        }[verb]()

    async def _try_command(self, account: Account, verb: str) -> str | None:
        path = f"/accounts/{account.id}/{verb}"
        try:
            async with self.server.client.post(path) as response:
                if response.status == 202:
                    return None
                text = await response.text()
                if response.status not in (409, 503):
                    raise Violation(f"{path}: {response.status} {text}")
                return text
        except aiohttp.ClientError as error:
            return repr(error)

    async def fault(self, kind: str, **parameters: Any) -> int:
        """Begin a fault of the simulated WhatsApp; give its id."""
        async with self.phones.post("/sim/faults", json={"kind": kind, **parameters}) as response:
            assert response.status == 201, await response.text()
            return int((await response.json())["id"])

    async def end_fault(self, fault: int) -> None:
        """End a fault that lasts."""
        async with self.phones.delete(f"/sim/faults/{fault}") as response:
            assert response.status == 204, await response.text()

    async def phone(self, account: Account, what: str, body: dict[str, object]) -> bool:
        """Do something with the account's phone; tell whether it was possible."""
        path = f"/sim/phones/{account.number}/{what}"
        async with self.phones.post(path, json=body) as response:
            return response.status < 300

    async def _scan_codes(self) -> None:
        """Be the humans: scan every code of an account that is wanted."""
        while True:
            with suppress(aiohttp.ClientError, ConnectionError, TimeoutError):
                statuses = await self.statuses()
                for account in self.accounts:
                    if statuses.get(account.id) is Status.QR_READY and account.expected.asked:
                        await self._scan(account)
            await asyncio.sleep(LOOK_EVERY)

    async def _write_messages(self) -> None:
        """Be a friend who writes to accounts again and again, whatever happens to them."""
        for number in itertools.count(1):
            await asyncio.sleep(MESSAGE_EVERY)
            linked = [a for a in self.accounts if a.expected.session is Session.KEPT]
            if linked:
                await self.send(self.random.choice(linked), f"Message {number}")

    async def send(self, account: Account, text: str) -> None:
        """Send a text to an account that is linked; it may not get lost."""
        account.awaited.add(text)
        if not await self.phone(account, "messages", {"from": FRIEND, "body": text}):
            account.awaited.discard(text)

    async def _scan(self, account: Account) -> None:
        async with self.server.client.get(f"/accounts/{account.id}/qr?format=json") as response:
            if response.status != 200:
                return
            code = json.loads(await response.text())["qr"]
        if await self.phone(account, "scan", {"code": code}):
            account.expected.scanned()

    # What is seen.

    async def statuses(self) -> dict[str, Status]:
        """Give the status of every account, as the server that is used says it."""
        async with self.server.client.get("/accounts?limit=500") as response:
            items = (await response.json())["items"] if response.status == 200 else []
        return {item["id"]: Status(item["status"]) for item in items}

    def browsers(self) -> dict[str, list[Process]]:
        """Give the main processes of all browsers, by account."""
        return browsers(list(all_processes()), self.profiles)

    def browser(self, account: Account) -> int:
        """Give the process id of an account's browser, which is open."""
        return self.browsers()[account.id][0].pid

    async def reaches(self, account: Account, *wanted: Status) -> None:
        """Wait until an account has one of these statuses."""

        async def complaints() -> list[str]:
            status = (await self.statuses()).get(account.id)
            return [] if status in wanted else [f"{account.id} is {status}, not {wanted}"]

        await self.well(complaints, calm_looks=1)

    async def settle(self) -> float:
        """Wait until all is as it should be; give the seconds it took.

        Raises:
            Violation: It is not, within the deadline, or something is wrong that never may be.
        """
        began = time.monotonic()
        await self.well(self._complaints, calm_looks=CALM_LOOKS)
        statuses = await self.statuses()
        for account in self.accounts:
            account.expected.settled(statuses[account.id])
        self._note_baseline()
        return time.monotonic() - began

    async def well(self, complaints: Callable[[], Any], *, calm_looks: int) -> None:
        """Look until there have been no complaints for some looks in a row."""
        deadline, calm = time.monotonic() + self.deadline, 0
        while True:
            try:
                found = await complaints()
            except (aiohttp.ClientError, ConnectionError, TimeoutError) as error:
                found = [f"the server does not answer: {error!r}"]
            calm = 0 if found else calm + 1
            if calm == calm_looks:
                return
            if time.monotonic() > deadline:
                raise Violation(f"not within {self.deadline:g} s:\n  " + "\n  ".join(found))
            await asyncio.sleep(LOOK_EVERY)

    async def _complaints(self) -> list[str]:
        processes = list(all_processes())
        found = browsers(processes, self.profiles)
        statuses = await self.statuses()
        return [
            *self._wrong_statuses(statuses),
            *self._wrong_browsers(found, statuses),
            *self._left_behind(processes, found),
            *[text for account in self.accounts for text in await self._missed_events(account)],
            *self._grown(sum(map(len, found.values()))),
        ]

    def _wrong_statuses(self, statuses: dict[str, Status]) -> list[str]:
        return [
            f"{account.id} is {statuses.get(account.id)}, not {sorted(account.expected.goals)}"
            f" ({account.expected})"
            for account in self.accounts
            if statuses.get(account.id) not in account.expected.goals
        ]

    def _wrong_browsers(
        self, found: dict[str, list[Process]], statuses: dict[str, Status]
    ) -> list[str]:
        complaints = []
        for account in self.accounts:
            mains = found.get(account.id, [])
            self.sessions |= {process.pid for process in mains}
            if len(mains) > 1:
                raise Violation(f"{account.id} has {len(mains)} browsers: {mains}")
            status = statuses.get(account.id)
            if status is not None and len(mains) != status.has_browser:
                complaints.append(f"{account.id} is {status} with {len(mains)} browsers")
        return complaints

    def left(self) -> list[Process]:
        """Give what is there of any browser that ever ran."""
        return [process for process in all_processes() if process.session in self.sessions]

    def _left_behind(
        self, processes: Collection[Process], found: dict[str, list[Process]]
    ) -> list[str]:
        alive = {process.pid for mains in found.values() for process in mains}
        servers = {server.process.pid for server in self.servers if server.process}
        return [
            f"left behind: {process}"
            for process in processes
            if (process.session in self.sessions and process.session not in alive)
            or (process.zombie and process.parent in servers)
        ]

    async def _missed_events(self, account: Account) -> list[str]:
        """Read on in an account's log, which has no gap, and see what the stream did not bring."""
        path = f"/accounts/{account.id}/events?limit=500&since={account.newest_id}"
        async with self.server.client.get(path) as response:
            items = (await response.json())["items"] if response.status == 200 else []
        for event in items:
            if event["seq"] != account.newest_seq + 1:
                raise Violation(f"{account.id}: {account.newest_seq} is followed by {event}")
            account.newest_id, account.newest_seq = event["id"], event["seq"]
            account.awaited.discard(event["data"].get("text"))
        if account.expected.session is not Session.KEPT:
            # Whoever links anew gets what was written before as history.
            account.awaited.clear()
        missing = self.stream.missing(account.id, account.newest_seq)
        return [
            *([f"{account.id}: the stream did not bring {missing}"] if missing else []),
            *([f"{account.id} did not get {account.awaited}"] if self._is_due(account) else []),
        ]

    @staticmethod
    def _is_due(account: Account) -> bool:
        return bool(account.awaited) and account.expected.goals == ONLINE

    def _grown(self, open_browsers: int) -> list[str]:
        """Compare what the server holds with what it held when all was well first."""
        held, first = self._holding(open_browsers), self._baseline
        if held is None:
            return ["the server is gone"]
        if first is None or first.server != held.server:
            return []
        complaints = []
        if held.descriptors > first.descriptors + SPARE_DESCRIPTORS:
            complaints.append(f"descriptors: {held.descriptors}, at first {first.descriptors}")
        if held.threads > first.threads + SPARE_THREADS:
            complaints.append(f"threads: {held.threads}, at first {first.threads}")
        return complaints

    def _note_baseline(self) -> None:
        held = self._holding(sum(map(len, self.browsers().values())))
        if held and (self._baseline is None or self._baseline.server != held.server):
            self._baseline = held

    def _holding(self, open_browsers: int) -> Holding | None:
        assert self.server.process is not None
        try:
            process = psutil.Process(self.server.process.pid)
            descriptors = process.num_fds() - DESCRIPTORS_PER_BROWSER * open_browsers
            return Holding(process.pid, descriptors, process.num_threads())
        except psutil.Error:
            return None
