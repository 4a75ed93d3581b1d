"""Two server processes on one data directory, as a mistake of whoever started the second."""

import asyncio
import signal
from collections.abc import AsyncIterator

import pytest

from simulator.server import Simulator
from tests.harness import Phones, ServerProcess, until
from tests.surroundings import Surroundings


async def takes_over(server: ServerProcess, account_id: str) -> None:
    """Wait until a server has brought an account back."""

    async def brought_back() -> bool:
        causes = [event["data"].get("cause") for event in await server.events(account_id)]
        return "restore" in causes and causes[-1] == "ready"

    await until(brought_back, f"{account_id} is taken over", lambda: server.log[-3000:])


@pytest.fixture
async def second(
    server: ServerProcess, simulator: Simulator, surroundings: Surroundings
) -> AsyncIterator[ServerProcess]:
    """A second server, on the data directory and the database of the first."""
    other = ServerProcess(server.data.parent, simulator.url, surroundings)
    other.log_file = server.data.parent / "second.log"
    await other.start()
    yield other
    await other.close()


async def test_the_second_server_refuses_what_it_does_not_own_and_succeeds_a_killed_first(
    server: ServerProcess, second: ServerProcess, phones: Phones
) -> None:
    theirs, ours = await server.create("First's"), await second.create("Second's")
    await asyncio.gather(
        phones.link(server, theirs, "491700000001"), phones.link(second, ours, "491700000002")
    )
    assert server.process is not None

    refusal = await second.call("POST", f"/accounts/{theirs}/restart", expect=409)
    shown = await second.account(theirs)
    assert refusal["type"] == "urn:wa-manager:account-elsewhere"
    assert refusal["owner"]["pid"] == server.process.pid
    assert (shown["status"], shown["phone"]) == ("CONNECTED", "491700000001")
    for each, mine in ((server, theirs), (second, ours)):
        health = await each.call("GET", "/health")
        assert [client["accountId"] for client in health["clients"]] == [mine]

    await server.end(signal.SIGKILL)

    await takes_over(second, theirs)
    assert (await second.account(ours))["status"] == "CONNECTED"
    for account_id in (theirs, ours):
        seqs = [event["seq"] for event in await second.events(account_id)]
        assert seqs == list(range(1, len(seqs) + 1))
        assert second.browser_of(account_id).is_running()


async def test_a_second_start_leaves_the_locks_of_living_browsers_alone(
    server: ServerProcess, second: ServerProcess, phones: Phones
) -> None:
    account_id = await server.create()
    await phones.link(server, account_id, "491700000001")
    browser = server.browser_of(account_id)
    await second.end(signal.SIGTERM)
    await second.start()
    assert "✅ Lock files cleaned" in second.log
    assert server.browser_of(account_id) == browser
    assert (await server.account(account_id))["status"] == "CONNECTED"


async def test_an_orderly_stop_hands_accounts_to_the_other_server(
    server: ServerProcess, second: ServerProcess, phones: Phones
) -> None:
    account_id = await server.create()
    await phones.link(server, account_id, "491700000001")
    await server.end(signal.SIGTERM)

    await takes_over(second, account_id)
