"""A part in the background that dies is told of by name, and ends the server."""

import asyncio

import pytest

from api.app_keys import BACKGROUND
from tests.api.told import Api


@pytest.mark.parametrize(
    "name",
    [
        "recorder",
        "feed",
        "retention",
        "leases",
        "log",
        pytest.param("bus", marks=pytest.mark.postgres),
    ],
)
async def test_what_died_in_the_background_is_in_health_and_the_server_ends(
    api: Api, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    assert api.app is not None
    background = api.app[BACKGROUND]
    assert not background.broken.is_set()

    killed = next(task for task in asyncio.all_tasks() if task.get_name() == name)
    killed.cancel()

    await asyncio.wait_for(background.broken.wait(), 10)
    health = await (await api.get("/health")).json()
    assert health["status"] == "degraded"
    assert health["components"][name]["status"] == "degraded"
    assert f"{name}: it died, and the server ends: " in health["reason"]
    assert f"The {name} died; the server ends: " in caplog.text


async def test_a_stop_in_order_is_no_death(api: Api) -> None:
    assert api.app is not None
    background = api.app[BACKGROUND]
    await api.close()
    assert background.dead == {}
