"""Threads for calls that block: a few for each subject, so that no subject waits for another.

What is left to asyncio's own pool are the names of hosts, which it looks up there. Beside these
there are the actors' threads, the database's, and the one that writes the log.
"""

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

LONGEST_NAME = 15
"""How many bytes of a thread's name the kernel keeps."""


def name_thread(name: str) -> None:
    """Have the kernel show the calling thread by a name, in `ps -L` or `top -H`."""
    short = name.encode()[:LONGEST_NAME]
    try:
        Path(f"/proc/self/task/{threading.get_native_id()}/comm").write_bytes(short)
    except OSError:
        # It is for people only.
        return


class Pool:
    """Threads for one subject, started when they are needed first."""

    def __init__(self, name: str, most: int) -> None:
        """Prepare it.

        Args:
            name: The subject; the kernel shows the threads by it.
            most: The greatest number of threads; more calls wait for their turn.
        """
        self.name = name
        self.most = most
        self.executor = ThreadPoolExecutor(
            most, thread_name_prefix=name, initializer=name_thread, initargs=(name,)
        )

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Await a call in one of the threads. A cancellation does not end it."""
        work = partial(contextvars.copy_context().run, call, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self.executor, work)


# As asyncio's own pool, they belong to the process, not to one of the parts.
FILES = Pool("profiles", 8)
"""For profiles, pictures, and all else on the disk that may be slow."""
PROCESSES = Pool("processes", 2)
"""For looks at processes, and for programs that are run for a moment."""
LIVENESS = Pool("liveness", 1)
"""For the signs of life of the servers on a data directory."""
POOLS = (FILES, PROCESSES, LIVENESS)
HOSTS = 4
"""So many threads look up the names of hosts."""
MEASURING = 1
"""So many measure the profiles, which may take minutes."""

MOST = sum(pool.most for pool in POOLS) + HOSTS + MEASURING
"""How many threads there may be in all for calls that block."""


def look_up_hosts_apart() -> None:
    """Have the running loop look up names in threads that are bounded and have a name."""
    # Its end is the loop's, so it is made for this loop alone.
    asyncio.get_running_loop().set_default_executor(Pool("hosts", HOSTS).executor)
