"""WhatsApp goes out of reach under several accounts: their browsers wait, and then take turns."""

import contextlib
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from simulator.server import Simulator
from tests.acceptance.test_many_accounts import all_connected, linked
from tests.harness import Event, Phones, ServerProcess, until
from tests.surroundings import Surroundings

COUNT = 3
"""One that closes, one that starts, and one that waits."""
SHORT = {
    "WA_CONNECTING_SECONDS": "9",
    "WA_AUTHENTICATING_SECONDS": "9",
    "WA_BACKOFF_FIRST_SECONDS": "0.1",
    "WA_CLOSE_SECONDS": "3",
    "WA_PROBE_SECONDS": "0.5",
    "WA_PROBE_TIMEOUT_SECONDS": "4",
}
"""Deadlines that an outage outlasts, and pages that are asked often whether they answer."""

pytestmark = pytest.mark.sqlite


@pytest.fixture
async def server(
    simulator: Simulator, tmp_path: Path, surroundings: Surroundings
) -> AsyncIterator[ServerProcess]:
    running = ServerProcess(tmp_path, simulator.url, surroundings)
    running.environment |= SHORT
    await running.start()
    yield running
    await running.close()
    await running.no_chromium_is_left()


@asynccontextmanager
async def out_of_reach(phones: Phones) -> AsyncIterator[None]:
    """Have WhatsApp out of reach for all pages."""
    await phones.call("POST", "faults", {"kind": "offline"})
    yield
    await phones.call("DELETE", "faults")


def browsers(server: ServerProcess, accounts: dict[str, str]) -> dict[str, int]:
    return {account_id: server.browser_of(account_id).pid for account_id in accounts}


async def offline(server: ServerProcess, accounts: dict[str, str]) -> None:
    for account_id in accounts:
        await server.reaches(account_id, "CONNECTING", "offline")


async def outlast_a_deadline(server: ServerProcess) -> None:
    """Wait until an account that is begun now, and has no code to show, has used up its time."""
    account_id = await server.create("Clock")
    await server.connect(account_id)
    await has(server, account_id, "deadline")
    await server.call("DELETE", f"/accounts/{account_id}")


async def statuses(server: ServerProcess, accounts: dict[str, str]) -> list[Event]:
    """Return the events of a status of all accounts, in order."""
    found = [event for each in accounts for event in await server.events(each)]
    return sorted((e for e in found if e["type"] == "status"), key=lambda event: event["id"])


async def test_no_browser_is_restarted_in_an_outage_that_is_shorter_than_the_patience(
    server: ServerProcess, phones: Phones
) -> None:
    accounts = await linked(server, phones, COUNT)
    before = browsers(server, accounts)
    async with out_of_reach(phones):
        await offline(server, accounts)
        await outlast_a_deadline(server)
        assert browsers(server, accounts) == before
    await all_connected(server, accounts)
    assert browsers(server, accounts) == before

    # Those who come back in the middle of an outage have the same patience.
    async with out_of_reach(phones):
        await server.end(signal.SIGTERM)
        await server.start()
        await offline(server, accounts)
        before = browsers(server, accounts)
        await outlast_a_deadline(server)
        assert browsers(server, accounts) == before
        frozen = next(iter(accounts))
        freeze(server, frozen)
        await has(server, frozen, "unresponsive")
    await all_connected(server, accounts)
    others = [account_id for account_id in accounts if account_id != frozen]
    for account_id in others:
        assert server.browser_of(account_id).pid == before[account_id]
        assert (await server.account(account_id))["restarts"] == 0


async def test_browsers_are_replaced_one_after_another_when_the_patience_is_over(
    server: ServerProcess, phones: Phones
) -> None:
    accounts = await linked(server, phones, COUNT)
    await server.end(signal.SIGTERM)
    server.environment |= {"WA_OFFLINE_SECONDS": "1", "WA_MAX_FAILURES": "1"}
    await server.start()
    await all_connected(server, accounts)
    begun = (await statuses(server, accounts))[-1]["id"]

    async with out_of_reach(phones):

        async def all_replaced() -> bool:
            return all([(await server.account(each))["restarts"] for each in accounts])

        await until(all_replaced, "all are replaced", lambda: server.log[-3000:])
    await all_connected(server, accounts)

    being_replaced = None
    for event in await statuses(server, accounts):
        if event["id"] <= begun:
            continue
        account_id, data = event["accountId"], event["data"]
        assert data["cause"] in ("offline", "resuming", "syncing", "ready"), event
        if "replaced" in ((data["detail"] or {}).get("message") or ""):
            assert being_replaced is None, event
            being_replaced = account_id
        elif account_id == being_replaced:
            being_replaced = None


def freeze(server: ServerProcess, account_id: str) -> None:
    """Stop an account's page, and nothing else of its browser."""
    for process in server.browser_of(account_id).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "--type=renderer" in process.cmdline():
                process.suspend()


async def has(server: ServerProcess, account_id: str, cause: str) -> None:
    async def there() -> bool:
        return any(e["data"].get("cause") == cause for e in await server.events(account_id))

    await until(there, f"{account_id} has {cause}", lambda: server.log[-3000:])
