"""What is: accounts, browsers, the parts of the server."""

from collections.abc import Awaitable, Callable

from aiohttp.test_utils import TestServer

from actors.browser.reports import ActionKind, ActionRequired
from actors.monitor.sampler import Usage
from api.app import init_app
from api.app_keys import BUS
from api.lifetime import LIFETIME
from api.settings import Settings
from store.status import Status
from tests.api.metrics.scrape import scrape
from tests.api.told import BEARER, Api
from tests.redis_server import RedisServer
from tests.told import ToldManager, until

MB = 1 << 20


async def test_accounts_are_counted_by_status(api: Api) -> None:
    linked, *_ = [await api.create() for _ in range(3)]
    await api.link(linked)
    shown = await scrape(api)
    counted = {status: shown.value("wa_accounts", status=status.value) for status in Status}
    assert counted.pop(Status.CONNECTED) == 1
    assert counted.pop(Status.DISCONNECTED) == 2
    assert set(counted.values()) == {0}
    assert shown.value("wa_accounts_desired") == 1


async def test_each_account_has_its_one_status(api: Api) -> None:
    account_id = await api.create()
    assert (await scrape(api)).value("wa_account_status", account=account_id) == 1
    await api.link(account_id)
    (shown,) = [s for s in (await scrape(api)).samples if s.name == "wa_account_status"]
    assert shown.labels == {"account": account_id, "status": "CONNECTED"}


async def test_accounts_that_need_a_human_are_named_and_counted(api: Api) -> None:
    needy, other = await api.create(), await api.create()
    run = await api.link(needy)
    assert (await scrape(api)).value("wa_accounts_need_human") == 0
    run.report(ActionRequired(ActionKind.TERMS, "Accept the terms"))
    await api.until(needy, Status.ACTION_REQUIRED)
    shown = await scrape(api)
    assert shown.value("wa_accounts_need_human") == 1
    assert shown.value("wa_account_needs_human", account=needy) == 1
    assert shown.value("wa_account_needs_human", account=other) == 0


async def test_a_deleted_account_has_no_figures_left(api: Api) -> None:
    deleted, kept = await api.create(), await api.create()
    await until(lambda: api.manager.figures)
    api.manager.show_usage([deleted, kept], Usage(pss_mb=200), profile_mb=30)
    assert len((await scrape(api)).of_account(deleted)) == 10
    async with api.delete(f"/accounts/{deleted}") as answer:
        assert answer.status == 200
    shown = await scrape(api)
    assert shown.of_account(deleted) == set()
    assert len(shown.of_account(kept)) == 10


async def test_what_a_browser_takes_is_shown_in_base_units(api: Api) -> None:
    account_id = await api.create()
    await until(lambda: api.manager.figures)
    usage = Usage(pss_mb=200, cpu_seconds=12.5, cpu_percent=3, processes=4, threads=40)
    api.manager.show_usage([account_id], usage, profile_mb=30)
    shown = await scrape(api)
    assert shown.value("wa_account_memory_bytes", account=account_id) == 200 * MB
    assert shown.value("wa_account_cpu_seconds_total", account=account_id) == 12.5
    assert shown.value("wa_account_processes", account=account_id) == 4
    assert shown.value("wa_account_threads", account=account_id) == 40
    assert shown.value("wa_account_profile_bytes", account=account_id) == 30 * MB


async def test_the_server_shows_its_parts(api: Api) -> None:
    await api.create()
    await api.recorded()
    await until(lambda: api.manager.figures and api.part(BUS).state.published)
    shown = await scrape(api)
    assert shown.value("process_resident_memory_bytes") > MB
    assert shown.value("wa_disk_free_bytes") > shown.value("wa_disk_needed_bytes") > MB
    assert shown.value("wa_memory_available_bytes") > shown.value("wa_memory_needed_bytes") > MB
    assert shown.value("wa_events_recorded_total") == 1
    assert shown.value("wa_events_published_total") >= 1
    for idle in (
        "wa_starts_waiting",
        "wa_starts_under_way",
        "wa_events_pending",
        "wa_events_oldest_pending_seconds",
        "wa_events_lost_total",
        "wa_bus_pending",
        "wa_bus_dropped_total",
        "wa_accounts_elsewhere",
        "wa_browsers",
    ):
        assert shown.value(idle) == 0, idle
    assert shown.value("wa_serving") == 1
    assert shown.value("wa_store_up") == shown.value("wa_bus_up") == 1


async def test_a_redis_that_is_away_is_shown_with_what_waits_for_it(
    start_api: Callable[[Settings], Awaitable[Api]], settings: Settings, redis_server: RedisServer
) -> None:
    api = await start_api(settings.model_copy(update={"redis_url": redis_server.url}))
    await api.create()
    await api.recorded()
    assert (await scrape(api)).value("wa_bus_up") == 1

    redis_server.stop()
    await until(lambda: not api.part(BUS).state.ok)
    await api.create()
    await api.recorded()
    away = await scrape(api)
    assert away.value("wa_bus_up") == 0
    assert away.value("wa_bus_pending") >= 1
    assert away.value("wa_events_recorded_total") == 2

    redis_server.start()
    await until(lambda: api.part(BUS).state.ok)
    back = await scrape(api)
    assert back.value("wa_bus_pending") == 0
    assert back.value("wa_events_published_total") >= 2


async def test_a_server_that_stops_still_shows_its_figures(api: Api) -> None:
    api.begin_stopping()
    shown = await scrape(api)
    assert shown.value("wa_serving") == 0
    assert shown.value("wa_store_up") == 1


async def test_a_server_that_waits_for_its_database_shows_that(settings: Settings) -> None:
    async with Api(TestServer(init_app(settings, ToldManager)), headers=BEARER) as starting:
        starting.part(LIFETIME).wait_for("the database is locked")
        shown = await scrape(starting)
    assert shown.value("wa_serving") == 0
    assert shown.value("wa_store_up") == 0
