"""While the database does not answer, requests that need it are refused soon, and none hangs."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientTimeout, WSCloseCode

from tests.api.told import Api
from tests.surroundings import Surroundings

PATIENCE = 0.2
LIMIT = ClientTimeout(total=10)


@pytest.fixture
async def silent(
    api: Api, surroundings: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[str]:
    """An account that shows a code, while the database takes every question and answers none."""
    account_id = await api.create()
    await api.show_qr(account_id)
    await api.recorded()
    monkeypatch.setattr("store.database.opening.QUERY_SECONDS", PATIENCE)
    async with surroundings.silence():
        yield account_id


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/accounts", None),
        ("POST", "/accounts", {"name": "Sales"}),
        ("GET", "/accounts/{}", None),
        ("PATCH", "/accounts/{}", {"name": "Sales"}),
        ("DELETE", "/accounts/{}", None),
        ("GET", "/accounts/{}/events", None),
        ("POST", "/accounts/{}/connect", None),
        ("POST", "/accounts/{}/disconnect", None),
        ("POST", "/accounts/{}/restart", None),
        ("POST", "/accounts/{}/logout", None),
        ("GET", "/accounts/nobody/qr", None),
        ("POST", "/accounts/nobody/messages", {"to": "491700000002", "text": "Hello"}),
    ],
)
async def test_what_needs_the_database_is_refused_with_503(
    api: Api, silent: str, method: str, path: str, body: object
) -> None:
    answer = await api.request(method, path.format(silent), json=body, timeout=LIMIT)
    assert (answer.status, answer.content_type) == (503, "application/problem+json")
    assert int(answer.headers["Retry-After"]) > 0
    assert (await answer.json())["type"] == "urn:wa-manager:unavailable"
    assert not api.manager.runs[silent].stopped


async def test_health_answers_from_memory(api: Api, silent: str) -> None:
    answer = await api.get("/health", timeout=LIMIT)
    assert answer.status == 200
    [client] = (await answer.json())["clients"]
    assert (client["accountId"], client["status"]) == (silent, "QR_READY")


async def test_what_the_page_shows_needs_no_database(api: Api, silent: str) -> None:
    code = await api.get(f"/accounts/{silent}/qr?format=json", timeout=LIMIT)
    assert (code.status, (await code.json())["qr"]) == (200, "2@first")
    phone = {"phone": "491700000001"}
    pairing = await api.post(f"/accounts/{silent}/pairing-code", json=phone, timeout=LIMIT)
    assert pairing.status == 200
    picture = await api.get(f"/accounts/{silent}/screenshot", timeout=LIMIT)
    assert picture.status == 200


async def test_a_websocket_is_closed_so_that_its_client_comes_back(api: Api, silent: str) -> None:
    async with api.ws_connect("/ws?since=0") as stream:
        async for _ in stream:
            pass
        assert stream.close_code == WSCloseCode.TRY_AGAIN_LATER


async def test_a_stream_of_server_sent_events_ends_so_that_its_client_comes_back(
    api: Api, silent: str
) -> None:
    async with api.get("/events?since=0", timeout=LIMIT) as stream:
        assert "event:" not in await stream.text()
