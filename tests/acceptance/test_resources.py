"""What real browsers take, as users see it, and what a limit does to one."""

import pytest

from tests.harness import Phones, ServerProcess, until

NUMBER = "491700000001"


@pytest.mark.sqlite
async def test_each_browser_is_measured_and_a_hard_limit_says_why_it_was_ended(
    server: ServerProcess, phones: Phones
) -> None:
    await server.end()
    server.environment |= {"WA_RESOURCES_SECONDS": "0.5", "WA_MAX_FAILURES": "100"}
    await server.start()
    account_id = await server.create()
    await phones.link(server, account_id, NUMBER)

    async def measured() -> bool:
        [client] = (await server.call("GET", "/health"))["clients"]
        return client["memory"] is not None

    await until(measured, "the browser is measured")
    [client] = (await server.call("GET", "/health"))["clients"]
    # A browser of one light page: neither a single process's memory nor a whole fleet's.
    assert 50 < client["memory"]["pssMb"] < 500
    assert 2 <= client["processes"] <= 10
    assert client["threads"] > client["processes"]
    async with server.client.get("/metrics") as response:
        assert f'wa_account_memory_bytes{{account="{account_id}"}}' in await response.text()

    await server.end()
    server.environment |= {"WA_MEMORY_HARD_MB": "10"}
    await server.start()

    async def restarted() -> bool:
        return bool((await server.account(account_id))["restarts"])

    await until(restarted, "the hard limit ends the browser", lambda: server.log[-2000:])
    account = await server.account(account_id)
    assert account["lastRestart"]["cause"] == "memory_hard"
    [event, *_] = [
        event
        for event in await server.events(account_id)
        if event["data"].get("cause") == "memory_hard"
    ]
    assert "the hard limit is 10" in event["data"]["detail"]["message"]
