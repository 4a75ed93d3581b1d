"""Accounts that come and go leave nothing behind in the server's process.

What they leave in memory is shown with told browsers, by `tests/actors/test_soak.py`, and in the
long run by `make bench ARGS=soak`.
"""

import asyncio
from collections.abc import Sequence

import psutil
import pytest

from tests.chaos.holding import POOL, THREADS
from tests.harness import Phones, ServerProcess, until

WARM_UP = 3
CYCLES = 8
"""Of two accounts: one thread more with each connect could not hide in the pool of a few cores."""


async def come_and_go(server: ServerProcess, accounts: Sequence[str], times: int) -> None:
    for _ in range(times):
        for verb, status in (("connect", "CONNECTED"), ("disconnect", "DISCONNECTED")):
            for account_id in accounts:
                await server.call("POST", f"/accounts/{account_id}/{verb}", expect=202)
            await asyncio.gather(*(server.reaches(each, status) for each in accounts))


@pytest.mark.sqlite
async def test_threads_and_descriptors_are_back_after_accounts_came_and_went(
    server: ServerProcess, phones: Phones
) -> None:
    accounts = [await server.create(), await server.create()]
    await asyncio.gather(
        phones.link(server, accounts[0], "491700000001"),
        phones.link(server, accounts[1], "491700000002"),
    )
    assert server.process is not None
    process = psutil.Process(server.process.pid)

    def descriptors() -> int:
        """Count them without the connections of our own client."""
        return process.num_fds() - len(process.net_connections("tcp"))

    await come_and_go(server, accounts, WARM_UP)
    before = descriptors()
    await come_and_go(server, accounts, CYCLES)

    async def back() -> bool:
        return descriptors() == before

    await until(back, f"{before} descriptors", lambda: f"{descriptors()} descriptors")
    assert process.num_threads() <= THREADS + len(accounts) + POOL
