"""All that a chaos run attacks and looks at: servers, browsers, phones, Redis, the stream.

What is done to it is in the files of faults; what it should come to, in `model.py` and
`promises.py`.
"""

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

from api.settings import Settings
from store.status import Status
from tests.chaos import promises
from tests.chaos.account import Account
from tests.chaos.clock import Clock
from tests.chaos.holding import Holding, too_much
from tests.chaos.processes import (
    Process,
    all_processes,
    browsers,
    descendants,
    reap,
    session_leaders,
)
from tests.chaos.stream import Stream
from tests.chaos.violation import Violation
from tests.harness import ServerProcess
from tests.redis_server import RedisServer

T = TypeVar("T")

SETTINGS = {
    "WA_AUTHENTICATING_SECONDS": "30",
    "WA_BACKOFF_FIRST_SECONDS": "0.2",
    "WA_BACKOFF_MAX_SECONDS": "2",
    "WA_CALL_SECONDS": "5",
    "WA_CLOSE_SECONDS": "3",
    "WA_CONNECTING_SECONDS": "30",
    "WA_LOCK_RETRY_SECONDS": "0.5",
    "WA_PAGE_LOAD_SECONDS": "15",
    "WA_PROBE_SECONDS": "2",
    "WA_PROBE_TIMEOUT_SECONDS": "3",
    "WA_SHUTDOWN_SECONDS": "10",
    "WA_START_MEMORY_MB": "50",
}
"""Shorter times than a server's own, so that a run shows in minutes what takes hours."""

LOOK_EVERY = 0.25
"""Seconds between two looks whether all is well. Each reads every account and its history."""
WATCH_EVERY = 0.02
"""Seconds between two looks for a second browser. Each takes about a millisecond of a core."""
MAX_FAILURES: int = Settings.model_fields["max_failures"].default
CALM_LOOKS = 2
"""How often in a row all must be well: what was just broken may not have been noticed yet."""


class World:
    """Everything that runs. The first of the servers is the one that is used."""

    def __init__(
        self,
        folder: Path,
        web_url: str,
        redis: RedisServer,
        seed: int,
        clock: Clock | None = None,
    ) -> None:
        self._clock = clock
        self.random = random.Random(seed)
        self.redis = redis
        self.accounts: list[Account] = []
        self._folder, self._web_url = folder, web_url
        self.servers = [self._new_server()]
        self.phones = aiohttp.ClientSession(web_url)
        self.stream = Stream(lambda: self.server)
        self.seen_browsers: set[int] = set()
        self.commands_met: Counter[tuple[Status, str]] = Counter()
        """How often a status met a command that was meant for it."""
        self.deadline = 60.0
        self.look_every = LOOK_EVERY
        self._harmed_at: float | None = None
        self._decks: dict[str, list[Any]] = {}
        self._tasks: list[asyncio.Future[None]] = []

    @property
    def server(self) -> ServerProcess:
        return self.servers[0]

    @property
    def clock(self) -> Clock:
        """The servers' wall clock, in a run that was given one."""
        assert self._clock is not None
        return self._clock

    @property
    def profiles(self) -> Path:
        return self.server.data / "profiles"

    @property
    def database(self) -> Path:
        return self.server.data / "wa-manager.sqlite3"

    def deal(self, deck: str, cards: Collection[T]) -> T:
        """Return a random card of a deck, and every card once before any comes again."""
        hand: list[T] = self._decks.setdefault(deck, [])
        if not hand:
            hand.extend(cards)
            self.random.shuffle(hand)
        return hand.pop()

    # What a fault does, and what follows.

    async def suffer(self, fault: Callable[["World"], Awaitable[T]]) -> tuple[T, float]:
        """Have a fault do its harm, and wait until all is as it should be.

        Returns:
            What the fault gave, and the seconds from the end of its harm.
        """
        self._harmed_at = None
        try:
            done = await fault(self)
            self._harmed_at = harmed_at = self._harmed_at or time.monotonic()
            await self.settle()
            return done, time.monotonic() - harmed_at
        finally:
            self._harmed_at = None

    def harmed(self) -> None:
        """Note that a fault has done its harm: the seconds of recovery count from here.

        A fault that only then waits for anything, or has the run's humans do something about it,
        calls this itself; for all others it is done at their end.
        """
        self._harmed_at = time.monotonic()

    def _time_is_up(self) -> float:
        """Return the time at which a wait that begins now is over; a recovery has one for all."""
        began = time.monotonic() if self._harmed_at is None else self._harmed_at
        return began + self.deadline

    # From start to end.

    async def start(self, accounts: int, *others: Callable[["World"], Awaitable[None]]) -> None:
        """Start a server, and have all its accounts connected.

        Args:
            accounts: How many.
            others: Who else is at work all the time.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        await self.server.start()
        for index in range(accounts):
            account_id = await self.server.create(f"Account {index}")
            self.accounts.append(Account(account_id, f"4917000002{index:02d}"))
        for work in (
            self._watch_browsers(),
            self.stream.follow(),
            reap(),
            *(other(self) for other in others),
        ):
            self._tasks.append(asyncio.ensure_future(work))
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

    async def add_server(self, **environment: str) -> ServerProcess:
        """Start one more server on the same data directory.

        Args:
            environment: Settings in which it differs from the first; without any it uses the same
                database and Redis.
        """
        server = self._new_server()
        server.environment |= environment
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
        if self._clock is not None:
            server.environment |= self._clock.environment
        return server

    # What users and phones do.

    async def command(self, account: Account, verb: str) -> None:
        """Command an account as a client does: again, while the server says to come back."""
        deadline = self._time_is_up()
        while (answer := await self._try_command(account, verb)) is not None:
            if time.monotonic() > deadline:
                raise Violation(f"{verb} of {account.id} is refused: {answer}")
            await asyncio.sleep(self.look_every)
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

    # What is seen.

    async def statuses(self) -> dict[str, Status]:
        """Return the status of every account, as the server that is used says it."""
        return {item["id"]: Status(item["status"]) for item in await self.shown()}

    async def shown(self) -> list[dict[str, Any]]:
        """Return all accounts, as the server that is used shows them; none where it cannot."""
        async with self.server.client.get("/accounts?limit=500") as response:
            items: list[dict[str, Any]] = []
            return (await response.json())["items"] if response.status == 200 else items

    async def cause(self, account: Account) -> str:
        """Return the cause of an account's status, as the server that is used says it."""
        return str((await self.server.account(account.id))["cause"])

    def browsers(self) -> dict[str, list[Process]]:
        """Return the main processes of all browsers, by account."""
        return browsers(session_leaders(), self.profiles)

    async def _watch_browsers(self) -> None:
        """See at every moment, whatever else goes on, that no profile has two browsers."""
        while True:
            found = self.browsers()
            self.seen_browsers |= {process.pid for each in found.values() for process in each}
            promises.one_browser_each(found)
            await asyncio.sleep(WATCH_EVERY)

    def browser(self, account: Account) -> int:
        """Return the process id of an account's browser, which is open."""
        return self.browsers()[account.id][0].pid

    async def _phones_with_devices(self) -> set[str]:
        async with self.phones.get("/sim/phones") as response:
            return {
                phone["number"] for phone in (await response.json())["items"] if phone["linked"]
            }

    async def reaches(self, account: Account, *wanted: Status) -> None:
        """Wait until an account has one of these statuses."""

        async def complaints() -> list[str]:
            status = (await self.statuses()).get(account.id)
            return [] if status in wanted else [f"{account.id} is {status}, not {wanted}"]

        await self.well(complaints, calm_looks=1)

    async def settle(self) -> None:
        """Wait until all is as it should be.

        Raises:
            Violation: It is not, within the deadline, or something is wrong that never may be.
        """
        await self.well(self._complaints, calm_looks=CALM_LOOKS)
        statuses = await self.statuses()
        for account in self.accounts:
            account.expected.settled(statuses[account.id])

    async def well(self, complaints: Callable[[], Any], *, calm_looks: int) -> None:
        """Look until there have been no complaints for some looks in a row."""
        deadline, calm = self._time_is_up(), 0
        while True:
            self._raise_what_was_seen()
            try:
                found = await complaints()
            except (aiohttp.ClientError, ConnectionError, TimeoutError) as error:
                found = [f"the server does not answer: {error!r}"]
            calm = 0 if found else calm + 1
            if calm == calm_looks:
                return
            if time.monotonic() > deadline:
                raise Violation(f"not within {self.deadline:g} s:\n  " + "\n  ".join(found))
            await asyncio.sleep(self.look_every)

    def _raise_what_was_seen(self) -> None:
        for task in self._tasks:
            if task.done():
                # It goes on for ever, so it failed.
                task.result()

    async def _complaints(self) -> list[str]:
        processes = all_processes()
        found = browsers(processes, self.profiles)
        mains = {process.pid for each in found.values() for process in each}
        descended = descendants(processes, os.getpid())
        statuses = await self.statuses()
        return [
            *promises.wrong_statuses(self.accounts, statuses),
            *promises.wrong_browsers(self.accounts, found, statuses),
            *promises.left_behind(descended, mains, os.getsid(0)),
            *[text for account in self.accounts for text in await self._missed(account)],
            *promises.wrong_devices(self.accounts, statuses, await self._phones_with_devices()),
            *too_much(self._holding(), len(mains), len(self.accounts)),
        ]

    def left(self) -> list[str]:
        """Complain of whatever is there of any browser that ever ran."""
        return promises.left_behind(descendants(all_processes(), os.getpid()), [], os.getsid(0))

    async def read_log(self, account: Account) -> None:
        """Read on in an account's log; see `promises.read_on`."""
        path = f"/accounts/{account.id}/events?limit=500&since={account.newest_id}"
        async with self.server.client.get(path) as response:
            items = (await response.json())["items"] if response.status == 200 else []
        promises.read_on(account, items, MAX_FAILURES)

    async def _missed(self, account: Account) -> list[str]:
        """Read on in an account's log, and see what did not reach it or the stream."""
        await self.read_log(account)
        missing = self.stream.missing(account.id, account.newest_seq)
        unheard = [f"{account.id}: the stream did not bring {missing}"] if missing else []
        return [*unheard, *promises.missing_texts(account)]

    def _holding(self) -> Holding | None:
        assert self.server.process is not None
        try:
            return Holding.of(self.server.process.pid, self.server.port, self.redis.port)
        except OSError:
            return None
