"""Pictures that are kept with events, as clients get them."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from actors.browser.reports import ActionKind, ActionRequired
from tests.api.told import Api
from tests.told import until

PNG = b"\x89PNG\r\n\x1a\n"


async def test_an_event_leads_to_its_picture(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.evidence.DRAWING_SECONDS", 0.0)
    account_id = await api.create()
    run = await api.start(account_id)
    run.report(ActionRequired(ActionKind.TERMS, "WhatsApp wants its terms accepted."))
    await until(lambda: detail(api, account_id))
    path = detail(api, account_id)["screenshot"]

    async def shown() -> bool:
        async with api.get(path) as response:
            return response.status == 200

    async with asyncio.timeout(10):
        while not await shown():
            await asyncio.sleep(0.01)
    async with api.get(path) as response:
        assert response.content_type == "image/png"
        assert response.headers["Cache-Control"] == "no-store"
        assert await response.read() == PNG


def detail(api: Api, account_id: str) -> Mapping[str, Any]:
    view = api.manager.view(account_id)
    return {} if view is None else view.detail or {}


@pytest.mark.parametrize("name", ["1.png", "999999999999999999.png"])
async def test_an_event_without_a_picture_is_told_as_such(api: Api, name: str) -> None:
    account_id = await api.create()

    async with api.get(f"/accounts/{account_id}/evidence/{name}") as response:
        assert response.status == 404
        assert (await response.json())["type"] == "urn:wa-manager:unknown-evidence"


@pytest.mark.parametrize("name", ["api-key", "..%2Fapi-key", "1", "-1.png", "1.png.png"])
async def test_nothing_but_a_picture_is_shown(api: Api, name: str) -> None:
    async with api.get(f"/accounts/ada/evidence/{name}") as response:
        assert response.status == 404


async def test_a_picture_is_for_those_with_the_key_alone(api: Api) -> None:
    async with api.get(
        "/accounts/ada/evidence/1.png", headers={"Authorization": "Bearer wrong"}
    ) as response:
        assert response.status == 401
