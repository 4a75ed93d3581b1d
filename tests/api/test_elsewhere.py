"""What the front says of accounts that another server owns."""

import pytest

from api.settings import Settings, SettingsError
from store import leases
from store.leases import Server
from tests.api.told import Api

OTHER = Server("other", "another-host", 4711, lease_seconds=30.0)


async def elsewhere(api: Api) -> str:
    """Create an account, and have another server take it."""
    account_id = await api.create()
    await api.recorded()
    assert await leases.claim(await leases.all_leases(), OTHER) == {account_id: 2}
    api.manager._keeper.refused(account_id, 1)
    return account_id


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/connect", None),
        ("POST", "/disconnect", None),
        ("POST", "/restart", None),
        ("POST", "/logout", None),
        ("POST", "/messages", {"to": "491700000002", "text": "Hello"}),
        ("POST", "/pairing-code", {"phone": "491700000001"}),
        ("GET", "/qr", None),
        ("GET", "/screenshot", None),
        ("PATCH", "", {"name": "Sales"}),
        ("DELETE", "", None),
    ],
)
async def test_what_only_the_owner_can_do_is_refused_and_the_owner_is_named(
    api: Api, method: str, path: str, body: object
) -> None:
    account_id = await elsewhere(api)
    answer = await api.request(method, f"/accounts/{account_id}{path}", json=body)
    problem = await answer.json()
    assert (answer.status, problem["type"]) == (409, "urn:wa-manager:account-elsewhere")
    assert problem["owner"] == {"host": "another-host", "pid": 4711}
    assert "process 4711 on another-host" in problem["detail"]


async def test_reading_works_everywhere(api: Api) -> None:
    account_id = await elsewhere(api)
    for path in ("", "/events"):
        assert (await api.get(f"/accounts/{account_id}{path}")).status == 200


async def test_health_counts_what_is_elsewhere_and_lists_what_is_ours(api: Api) -> None:
    await elsewhere(api)
    ours = await api.create()
    await api.link(ours)
    await api.manager._keeper.look()
    health = await (await api.get("/health")).json()
    assert [client["accountId"] for client in health["clients"]] == [ours]
    assert (health["activeClients"], health["elsewhere"]) == (1, 1)


def test_a_lease_must_leave_browsers_time_to_close() -> None:
    assert Settings.load({"lease_seconds": "34"}).lease_margin == 17
    with pytest.raises(SettingsError, match="--lease-seconds: must be at least 34"):
        Settings.load({"lease_seconds": "33"})
