"""The health check: the seed's shape, and what it says of the parts."""

from tests.api.told import Api


async def test_health_has_the_shape_that_scripts_rely_on(api: Api) -> None:
    answer = await api.get("/health")
    health = await answer.json()

    assert answer.status == 200
    assert health["status"] == "ok"
    assert isinstance(health["uptime"], int)
    assert health["timestamp"].endswith("Z")
    assert health["activeClients"] == 0
    assert health["clients"] == []
    assert set(health["memory"]) == {"heapUsed", "heapTotal", "rss"}
    assert all(isinstance(figure, int) and figure > 0 for figure in health["memory"].values())
    assert health["memory"]["heapUsed"] <= health["memory"]["heapTotal"]
    assert "reason" not in health


async def test_health_lists_the_accounts_that_are_active(api: Api) -> None:
    linked, waiting, _ = [await api.create() for _ in range(3)]
    await api.link(linked)
    await api.show_qr(waiting)

    health = await (await api.get("/health")).json()

    told = {client["accountId"]: client for client in health["clients"]}
    assert health["activeClients"] == 2
    assert set(told) == {linked, waiting}
    assert (told[linked]["status"], told[linked]["hasPhone"]) == ("CONNECTED", True)
    assert (told[waiting]["status"], told[waiting]["hasPhone"]) == ("QR_READY", False)
    assert told[linked]["since"].endswith("Z")


async def test_health_names_its_parts(api: Api) -> None:
    components = (await (await api.get("/health")).json())["components"]
    assert components == {
        "store": {"status": "ok", "pending": 0},
        "bus": {"status": "ok"},
        "browsers": {"status": "ok", "running": 0},
    }


async def test_health_and_readiness_say_that_the_server_stops(api: Api) -> None:
    api.begin_stopping()
    health, ready, live = [await api.get(f"/health{path}") for path in ("", "/ready", "/live")]
    assert (await health.json())["status"] == "shutting_down"
    assert (await health.json())["reason"]
    assert (health.status, ready.status, live.status) == (503, 503, 200)


async def test_all_else_is_refused_while_the_server_stops(api: Api) -> None:
    account_id = await api.create()
    api.begin_stopping()
    answer = await api.post(f"/accounts/{account_id}/connect")
    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.content_type == "application/problem+json"
