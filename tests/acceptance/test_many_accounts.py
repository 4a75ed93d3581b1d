"""Ten accounts at once: connecting, coming back, and the server's own end."""

import asyncio
import signal

import psutil
import pytest

from tests.harness import Phones, ServerProcess, until

COUNT = 10


async def linked(server: ServerProcess, phones: Phones, count: int) -> dict[str, str]:
    """Create and link accounts, all at once; give the number of each."""
    ids = [await server.create(f"Account {index}") for index in range(count)]
    accounts = {account_id: f"4917000001{index:02d}" for index, account_id in enumerate(ids)}
    links = (phones.link(server, account_id, number) for account_id, number in accounts.items())
    await asyncio.gather(*links)
    return accounts


async def all_connected(server: ServerProcess, accounts: dict[str, str]) -> None:
    await asyncio.gather(*(server.reaches(account_id, "CONNECTED") for account_id in accounts))


async def test_ten_accounts_connect_in_parallel_and_come_back_without_a_scan(
    server: ServerProcess, phones: Phones
) -> None:
    accounts = await linked(server, phones, COUNT)
    assert len({server.browser_of(account_id).pid for account_id in accounts}) == COUNT

    # At this moment the youngest of them has only just become CONNECTED.
    await server.end(signal.SIGKILL)
    await server.no_chromium_is_left()

    await server.start()
    await all_connected(server, accounts)
    for account_id in accounts:
        assert await server.scans(account_id) == 1


async def test_a_connect_is_answered_while_ten_others_start(
    server: ServerProcess, phones: Phones
) -> None:
    # As long as this lasts, none of the ten can be done with its start.
    await phones.call("POST", "faults", {"kind": "slow-load", "seconds": 60})
    others = [await server.create(f"Account {index}") for index in range(COUNT)]
    one = await server.create("One")
    await asyncio.gather(*(server.connect(account_id) for account_id in others))
    await asyncio.gather(*(server.reaches(account_id, "CONNECTING") for account_id in others))
    answer = await server.connect(one)
    page = await server.call("GET", "/accounts")
    starting = [item["id"] for item in page["items"] if item["status"] == "CONNECTING"]
    assert answer["desired"] == "connected"
    assert set(others) <= set(starting)


@pytest.mark.sqlite
async def test_one_killed_browser_leaves_the_others_and_the_server_well(
    server: ServerProcess, phones: Phones
) -> None:
    accounts = await linked(server, phones, 3)
    victim, *others = accounts
    pids = {account_id: server.browser_of(account_id).pid for account_id in others}
    server.browser_of(victim).send_signal(signal.SIGKILL)
    async with server.listen() as listener:
        await listener.status(victim, "CONNECTED")
    assert {account_id: server.browser_of(account_id).pid for account_id in others} == pids
    for account_id in others:
        assert (await server.account(account_id))["status"] == "CONNECTED"


@pytest.mark.sqlite
async def test_no_chromium_opens_a_tcp_port(server: ServerProcess, phones: Phones) -> None:
    await linked(server, phones, 2)
    listening = [
        connection
        for process in server.chromiums()
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening == []


@pytest.mark.sqlite
async def test_no_zombie_is_left_by_browsers_that_were_closed(
    server: ServerProcess, phones: Phones
) -> None:
    accounts = await linked(server, phones, 2)
    for account_id in accounts:
        await server.call("POST", f"/accounts/{account_id}/disconnect", expect=202)
        await server.reaches(account_id, "DISCONNECTED")
    assert server.process is not None

    async def childless() -> bool:
        assert server.process is not None
        return psutil.Process(server.process.pid).children(recursive=True) == []

    await until(childless, "the server has no children left")


@pytest.mark.sqlite
async def test_a_queue_bounds_the_starts_and_says_the_place(
    server: ServerProcess, phones: Phones
) -> None:
    accounts = await linked(server, phones, 3)
    await server.end()
    server.environment |= {"WA_STARTS_AT_ONCE": "1"}
    await server.start()
    await all_connected(server, accounts)
    waits = [
        event["data"]["detail"]
        for account_id in accounts
        for event in (await server.events(account_id))[-6:]
        if event["data"]["cause"] == "queued"
    ]
    assert sorted(wait["place"] for wait in waits) == [0, 1]
    assert {wait["waitsFor"] for wait in waits} == {"other starts"}
