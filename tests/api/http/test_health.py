"""The health check: the seed's shape, and what it says of the parts."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from actors.browser.reports import (
    ActionKind,
    ActionRequired,
    Authenticated,
    Failure,
    LoggedOut,
    Ready,
    WentOffline,
)
from actors.startqueue import Room
from api.app import stop_working
from api.app_keys import RECORDER
from api.lifetime import LIFETIME
from api.settings import Settings
from store.status import Cause, Status
from tests.api.told import PHONE, Api
from tests.surroundings import Surroundings
from tests.told import until


async def health_of(api: Api) -> Any:
    async with api.get("/health") as answer:
        return await answer.json()


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
    await until(lambda: api.manager.figures)
    components = (await (await api.get("/health")).json())["components"]
    assert components.pop("disk").keys() == {"status", "freeMb"}
    assert components.pop("memory").keys() == {"status", "freeMb"}
    assert components == {
        "store": {"status": "ok", "pending": 0, "oldestPendingSeconds": 0},
        "bus": {"status": "ok"},
        "browsers": {"status": "ok", "running": 0},
        "accounts": {"status": "ok", "connected": 0, "away": 0},
    }


async def test_health_says_that_the_disk_is_full(
    start_api: Callable[[Settings], Awaitable[Api]], settings: Settings
) -> None:
    api = await start_api(settings.model_copy(update={"disk_min_mb": 10_000_000}))
    await until(lambda: api.manager.figures)
    answer = await api.get("/health")
    health = await answer.json()
    assert answer.status == 200
    assert health["status"] == "degraded"
    assert "disk: " in health["reason"]
    assert health["components"]["disk"]["status"] == "degraded"


async def test_health_says_that_memory_is_short_only_while_a_start_waits_for_it(api: Api) -> None:
    api.manager.room = Room(memory_mb=0, disk_mb=float("inf"))
    assert (await (await api.get("/health")).json())["status"] == "ok"

    account_id = await api.create()
    await api.post(f"/accounts/{account_id}/connect")
    await until(lambda: api.cause(account_id) is Cause.QUEUED)
    answer = await api.get("/health")
    health = await answer.json()
    assert (answer.status, health["status"]) == (200, "degraded")
    assert health["reason"].startswith("memory: ")
    assert health["reason"].endswith("starts from 300 MB; 1 account(s) wait")
    assert health["components"]["memory"]["status"] == "degraded"
    shown = await (await api.get(f"/accounts/{account_id}")).json()
    assert shown["detail"] == {"place": 0, "waitsFor": "memory"}

    await api.post(f"/accounts/{account_id}/disconnect")
    await until(lambda: not api.manager.starts.waiting)
    assert (await (await api.get("/health")).json())["status"] == "ok"


async def test_health_tells_what_each_browser_takes(
    start_api: Callable[[Settings], Awaitable[Api]], settings: Settings
) -> None:
    api = await start_api(settings.model_copy(update={"resources_seconds": 0.05}))
    account_id = await api.create()
    browser = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "input()"), start_new_session=True, stdin=asyncio.subprocess.PIPE
    )
    (await api.start(account_id)).pid = browser.pid
    await api.link(account_id)

    async def client() -> dict[str, Any]:
        [found] = (await (await api.get("/health")).json())["clients"]
        return dict(found)

    while not ((found := await client())["memory"] and found["memory"]["pssMb"]):
        await asyncio.sleep(0.01)
    assert (found["processes"], found["threads"]) == (1, 1)
    assert found["cpuPercent"] >= 0
    assert found["profileMb"] is None
    await browser.communicate(b"\n")


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


async def test_a_redis_that_is_away_is_degraded_and_accounts_go_on(
    start_api: Callable[[Settings], Awaitable[Api]], settings: Settings
) -> None:
    api = await start_api(settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"}))
    account_id = await api.create()
    await api.link(account_id)
    answer = await api.get("/health")
    health = await answer.json()
    assert (answer.status, health["status"]) == (200, "degraded")
    assert health["components"]["bus"]["status"] == "degraded"
    assert health["reason"].startswith("bus: ")


async def test_a_database_that_is_away_is_degraded_and_commands_are_refused(
    api: Api, surroundings: Surroundings
) -> None:
    account_id = await api.create()
    await api.link(account_id)
    await api.recorded()
    with closing(surroundings.held()) as held:
        held.hold()
        refused = await api.post(f"/accounts/{account_id}/disconnect")
        api.manager.runs[account_id].report(WentOffline("TIMEOUT"))
        await until(lambda: not api.part(RECORDER).healthy)
        health = await (await api.get("/health")).json()

    assert refused.status == 503
    assert int(refused.headers["Retry-After"]) > 0
    assert health["status"] == "degraded"
    assert health["components"]["store"]["pending"] == 1
    assert health["components"]["store"]["oldestPendingSeconds"] > 0
    assert health["clients"][0]["status"] == "CONNECTING"
    await api.recorded()
    assert (await (await api.get("/health")).json())["status"] == "ok"


async def test_a_database_that_is_away_is_degraded_also_while_nothing_happens(
    start_api: Callable[[Settings], Awaitable[Api]], settings: Settings, surroundings: Surroundings
) -> None:
    api = await start_api(settings.model_copy(update={"lease_seconds": 1.5}))
    with closing(surroundings.held()) as held:
        held.hold()
        await until(lambda: api.manager.trouble)
        health = await (await api.get("/health")).json()

    assert (health["status"], api.part(RECORDER).pending) == ("degraded", 0)
    assert health["reason"].startswith("store: ")
    await until(lambda: api.manager.trouble is None)
    assert (await (await api.get("/health")).json())["status"] == "ok"


async def test_who_stops_the_server_twice_waits_for_no_browser(api: Api) -> None:
    account_id = await api.create()
    run = await api.link(account_id)
    run.lingers = True
    assert api.app is not None
    stopping = asyncio.create_task(stop_working(api.app))
    await until(lambda: run.stopped)
    assert not stopping.done()
    api.part(LIFETIME).hurry.set()
    await asyncio.wait_for(stopping, timeout=5)
    run.end()


async def unlink_by_phone(api: Api, account_id: str) -> None:
    """Have the phone remove an account's device."""
    run = await api.link(account_id)
    run.report(LoggedOut("phone"))
    await api.until(account_id, Status.LOGGED_OUT)


async def need(api: Api) -> list[dict[str, str]]:
    """Return the accounts that need a human, as health tells them."""
    health = await (await api.get("/health")).json()
    return list(health["attention"])


def run_script(url: str) -> tuple[int, list[str]]:
    """Run the script for cron; give its exit code and its lines."""
    ran = subprocess.run(
        [Path(__file__).parents[3] / "compose/health-check.sh"],
        env={"PATH": os.environ["PATH"], "HEALTH_URL": url},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert ran.stderr == ""
    return ran.returncode, ran.stdout.splitlines()


async def test_health_names_the_accounts_that_need_a_human(api: Api) -> None:
    unlinked, refused, linked, waiting = [await api.create() for _ in range(4)]
    await unlink_by_phone(api, unlinked)
    (await api.link(refused)).report(ActionRequired(ActionKind.TERMS, "Accept the terms"))
    await api.until(refused, Status.ACTION_REQUIRED)
    await api.link(linked)
    await api.show_qr(waiting)

    needy = await need(api)
    code, lines = await asyncio.to_thread(run_script, str(api.make_url("/health")))

    assert all(account.pop("since").endswith("Z") for account in needy)
    human = {"needsHuman": True, "name": "Support"}
    assert needy == [
        {"accountId": unlinked, "status": "LOGGED_OUT", "cause": "unlinked", **human},
        {"accountId": refused, "status": "ACTION_REQUIRED", "cause": "terms", **human},
    ]
    assert code == 1
    assert lines == [
        f'⚠️ Account "Support" ({unlinked}) needs a human: LOGGED_OUT (unlinked)',
        f'⚠️ Account "Support" ({refused}) needs a human: ACTION_REQUIRED (terms)',
    ]


@pytest.mark.parametrize(
    "name", ['a "quoted" \\ name', "with ] and { in it", "Kundendienst 🏪", "客户服务"]
)
async def test_the_script_names_an_account_whatever_its_name_is(api: Api, name: str) -> None:
    account_id = await api.create(name)
    await unlink_by_phone(api, account_id)
    await need(api)
    _, lines = await asyncio.to_thread(run_script, str(api.make_url("/health")))
    shown = json.dumps(name, ensure_ascii=False)
    assert lines == [f"⚠️ Account {shown} ({account_id}) needs a human: LOGGED_OUT (unlinked)"]


async def only_one_that_needs(api: Api) -> Any:
    """Wait until one account needs attention, and return it."""
    async with asyncio.timeout(10):
        while len(needy := await need(api)) != 1:
            await asyncio.sleep(0.01)
    return needy[0]


async def test_who_is_away_for_too_long_is_named_and_all_of_them_degrade_the_server(
    start_api: Callable[[Settings], Awaitable[Api]], settings: Settings
) -> None:
    api = await start_api(settings.model_copy(update={"attention_seconds": 0.05}))
    away, other = await api.create("Support"), await api.create("Sales")
    run = await api.link(away)
    await api.link(other)
    assert (await health_of(api))["status"] == "ok"

    run.report(WentOffline("OFFLINE"))
    account = await only_one_that_needs(api)
    assert (account["accountId"], account["name"]) == (away, "Support")
    assert (account["cause"], account["needsHuman"]) == ("offline", False)
    assert (await health_of(api))["status"] == "ok"
    code, lines = await asyncio.to_thread(run_script, str(api.make_url("/health")))
    assert code == 1
    since = account["since"]
    assert lines == [
        f'⚠️ Account "Support" ({away}) is away from WhatsApp since {since}: CONNECTING (offline)'
    ]

    # Another step on its way does not begin it anew.
    run.report(Authenticated(fresh=False))
    await until(lambda: api.cause(away) is Cause.RESUMING)
    account = await only_one_that_needs(api)
    assert account["since"] == since

    await api.post(f"/accounts/{other}/disconnect")
    await api.until(other, Status.DISCONNECTED)
    report = await health_of(api)
    assert report["status"] == "degraded"
    assert "all 1 account(s)" in report["reason"]

    run.report(Ready(PHONE, "Support", "2.3000"))
    await api.until(away, Status.CONNECTED)
    report = await health_of(api)
    assert (report["status"], report["attention"]) == ("ok", [])


async def test_an_account_that_was_never_linked_is_not_away(
    start_api: Callable[[Settings], Awaitable[Api]], settings: Settings
) -> None:
    api = await start_api(settings.model_copy(update={"attention_seconds": 0.001}))
    account_id = await api.create()
    await api.show_qr(account_id)
    report = await health_of(api)
    assert (report["status"], report["attention"]) == ("ok", [])
    assert report["components"]["accounts"] == {"status": "ok", "connected": 0, "away": 0}


async def test_an_account_that_gave_up_needs_a_human(
    start_api: Callable[[Settings], Awaitable[Api]], settings: Settings
) -> None:
    quick = {"max_failures": 1, "backoff_first_seconds": 0.01}
    api = await start_api(settings.model_copy(update=quick))
    account_id = await api.create()
    first = await api.start(account_id)
    first.fail(Failure.BROWSER_EXITED, "it ended")
    await until(lambda: api.manager.runs[account_id] is not first)
    api.manager.runs[account_id].fail(Failure.BROWSER_EXITED, "it ended")
    await api.until(account_id, Status.FAILED)
    assert [account["accountId"] for account in await need(api)] == [account_id]


async def test_who_was_logged_out_by_a_user_needs_nobody(api: Api) -> None:
    by_user, by_phone = await api.create(), await api.create()
    await api.link(by_user)
    await api.post(f"/accounts/{by_user}/logout")
    await api.until(by_user, Status.LOGGED_OUT)
    await unlink_by_phone(api, by_phone)
    await api.post(f"/accounts/{by_phone}/disconnect")

    async with asyncio.timeout(10):
        while await need(api):
            await asyncio.sleep(0.005)
