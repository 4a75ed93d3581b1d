"""What a server process holds: its descriptors by kind, and its threads.

All of it is known: what a server has once, what each open browser adds, and how many threads there
may be. So whatever is left behind shows by its name, the first time that it is.
"""

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

from common.threads import MOST

AT_REST = Counter(
    {
        "/dev/null": 1,
        "server.log": 2,
        "selector": 1,
        "local socket": 2,
        "listening socket": 1,
        "connection to Redis": 2,
        "database": 3,
        "sign of life": 1,
    }
)
"""What a server holds once. Its loop wakes itself by a pair of sockets. Redis has a connection to
publish on and one to listen on. SQLite has a file, its log, and the index of that."""
OF_A_BROWSER = Counter({"profile's lock": 1, "pidfd": 1, "pipe": 3})
"""Two pipes to speak by, and one for its stderr."""
THREADS = 5
"""The main one, the database's, the log's, the registry's and the monitor's. Each account's actor
adds one."""
POOL = MOST
"""How many there may be for calls that block; each starts when it is needed first."""

OF_THE_CLOCK = "faketime_"
"""What libfaketime holds in a server whose clock is set: it is none of the server's own."""

KINDS = {
    "anon_inode:[eventpoll]": "selector",
    "anon_inode:[pidfd]": "pidfd",
    "wa-manager.lock": "profile's lock",
    "server.log": "server.log",
    "wa-manager.sqlite3": "database",
    "wa-manager.sqlite3-wal": "database",
    "wa-manager.sqlite3-shm": "database",
}
"""By the last part of what a descriptor refers to."""


class Ends(NamedTuple):
    """The ports of a TCP socket."""

    local: int
    remote: int


@dataclass(frozen=True)
class Holding:
    """What a server process holds at a moment."""

    descriptors: Counter[str]
    """How many of each kind, but for connections of clients that are there."""
    threads: Counter[str]
    """By their names. Those that nobody has named are called as the main one."""

    @classmethod
    def of(cls, pid: int, port: int, redis_port: int) -> Self:
        """Look at a server.

        Args:
            pid: Its process.
            port: Where it serves clients, all of which are on this machine.
            redis_port: Where its Redis is.

        Raises:
            OSError: It is gone.
        """
        process = Path(f"/proc/{pid}")
        sockets = held_sockets((process / "net" / "tcp").read_text())
        # Of a client that is there, the kernel shows the other end as well.
        there = {(ends.remote, ends.local) for ends in sockets.values() if ends.remote == port}
        kinds = Counter[str]()
        for descriptor in (process / "fd").iterdir():
            with suppress(FileNotFoundError):
                target = descriptor.readlink()
                if target.name.startswith(OF_THE_CLOCK):
                    continue
                ends = sockets.get(target.name)
                if ends not in there:
                    kinds[_kind(target) if ends is None else _kind_of_socket(ends, redis_port)] += 1
        threads = Counter[str]()
        for thread in (process / "task").iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):
                # An account's has its id behind that.
                threads[(thread / "comm").read_text().split()[0]] += 1
        return cls(kinds, threads)


def held_sockets(table: str) -> dict[str, Ends]:
    """Return the TCP sockets that some process holds, by what its descriptor refers to.

    Args:
        table: As proc_net_tcp(5) has it.
    """
    rows = [line.split() for line in table.splitlines()[1:]]
    ports = {row[9]: Ends(*(int(row[n].rpartition(":")[2], 16) for n in (1, 2))) for row in rows}
    return {f"socket:[{inode}]": ends for inode, ends in ports.items() if inode != "0"}


def too_much(held: Holding | None, browsers: int, accounts: int) -> list[str]:
    """Say what a server holds that it should not; nothing if all is well.

    Args:
        held: What it holds; nothing if it is gone.
        browsers: How many of its browsers are open.
        accounts: How many accounts it owns.
    """
    if held is None:
        return ["the server is gone"]
    expected = AT_REST + Counter({kind: browsers * number for kind, number in OF_A_BROWSER.items()})
    complaints = []
    if more := held.descriptors - expected:
        complaints.append(f"too many descriptors, with {browsers} browsers: {dict(more)}")
    if (threads := held.threads.total()) > (most := THREADS + accounts + POOL):
        complaints.append(f"{threads} threads, and there may be {most}: {dict(held.threads)}")
    return complaints


def _kind(target: Path) -> str:
    if target.parent.name == "servers":
        return "sign of life"
    if target.name.startswith("pipe:"):
        return "pipe"
    if target.name.startswith("socket:"):
        return "local socket"
    return KINDS.get(target.name, str(target))


def _kind_of_socket(ends: Ends, redis_port: int) -> str:
    if ends.remote == 0:
        return "listening socket"
    if ends.remote == redis_port:
        return "connection to Redis"
    return f"connection from {ends.local} to {ends.remote}"
