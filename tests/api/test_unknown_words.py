"""A server on a database with words of a newer version serves all of it, and its accounts work."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from api.app_keys import RECORDER
from api.settings import Settings
from store.events.event_log import Event
from tests.api.told import Api
from tests.surroundings import Surroundings

Start = Callable[[Settings], Awaitable[Api]]


@pytest.fixture
async def newer(api: Api, surroundings: Surroundings) -> str:
    """An account of which a newer version has written; its server has stopped."""
    account_id = await api.create()
    await api.link(account_id)
    assert api.app is not None
    now = datetime.now(UTC)
    data = {"status": "HIBERNATED", "previous": "CONNECTED", "cause": "moon", "attempt": 1}
    await api.manager.stop(5)
    seq = len((await (await api.get(f"/accounts/{account_id}/events")).json())["items"])
    api.app[RECORDER].record(Event("status", account_id, now, data, seq=seq + 1), {})
    api.app[RECORDER].record(Event("weather", account_id, now, {"rain": True}, seq=seq + 2), {})
    assert await api.app[RECORDER].flush(5)
    await api.close()
    surroundings.sql(
        "UPDATE accounts SET status = 'HIBERNATED', cause = 'moon', desired = 'asleep', "
        "restart_cause = 'tide', restarts = 1, restarted_at = created_at;\nSELECT 1"
    )
    return account_id


async def event_of(api: Api, account_id: str, cause: str) -> Any:
    """Wait for the last event with a cause that follows what the newer version wrote."""
    async with asyncio.timeout(10):
        while True:
            history = (await (await api.get(f"/accounts/{account_id}/events")).json())["items"]
            newest = [each["data"] for each in history if each["data"].get("cause") == cause]
            if newest and newest[-1]["previous"] == "HIBERNATED":
                return newest[-1]
            await asyncio.sleep(0.01)


async def test_unknown_words_are_shown_and_the_account_can_be_connected(
    newer: str, start_api: Start, settings: Settings
) -> None:
    api = await start_api(settings)
    [account] = (await (await api.get("/accounts")).json())["items"]
    words = [account[name] for name in ("id", "status", "cause", "desired")]
    assert words == [newer, "HIBERNATED", "moon", "asleep"]
    assert account["lastRestart"]["cause"] == "tide"

    history = (await (await api.get(f"/accounts/{newer}/events")).json())["items"]
    assert [event["type"] for event in history[-2:]] == ["status", "weather"]
    async with api.ws_connect("/ws?since=0") as stream:
        told = [await stream.receive_json() for _ in range(2 + len(history))]
    assert told[1]["data"]["accounts"][0]["status"] == "HIBERNATED"
    assert told[2:] == history

    assert (await api.get("/health")).status == 200
    figures = await (await api.get("/metrics")).text()
    assert 'wa_accounts{status="HIBERNATED"} 1.0' in figures
    assert 'wa_accounts{status="CONNECTED"} 0.0' in figures

    assert (await api.post(f"/accounts/{newer}/connect")).status == 202
    connected = await event_of(api, newer, "user_connect")
    assert (connected["status"], connected["previous"]) == ("CONNECTING", "HIBERNATED")


async def test_an_account_that_is_wanted_comes_back_whatever_its_status_was_called(
    newer: str, start_api: Start, settings: Settings, surroundings: Surroundings
) -> None:
    surroundings.sql("UPDATE accounts SET desired = 'connected';\nSELECT 1")
    api = await start_api(settings)
    restored = await event_of(api, newer, "restore")
    assert (restored["status"], restored["previous"]) == ("CONNECTING", "HIBERNATED")
