"""The figures for Prometheus."""

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from actors.browser.reports import ActionKind, ActionRequired
from store.status import Status
from tests.api.told import Api

Samples = dict[tuple[str, str], float]


async def scrape(api: Api) -> Samples:
    """Read all samples, by name and by the value of their only label."""
    answer = await api.get("/metrics")
    assert answer.status == 200
    return {
        (sample.name, "".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(await answer.text())
        for sample in family.samples
    }


async def test_metrics_need_the_key(api: Api, stranger: aiohttp.ClientSession) -> None:
    async with stranger.get("/metrics") as refused:
        assert refused.status == 401
    assert (await api.get("/metrics")).status == 200


async def test_accounts_are_counted_by_status(api: Api) -> None:
    linked, *_ = [await api.create() for _ in range(3)]
    await api.link(linked)
    samples = await scrape(api)
    counted = {status: samples["wa_accounts", status.value] for status in Status}
    assert counted.pop(Status.CONNECTED) == 1
    assert counted.pop(Status.DISCONNECTED) == 2
    assert set(counted.values()) == {0}


async def test_accounts_that_need_a_human_are_counted(api: Api) -> None:
    account_id = await api.create()
    run = await api.link(account_id)
    assert (await scrape(api))["wa_accounts_need_human", ""] == 0
    run.report(ActionRequired(ActionKind.TERMS, "Accept the terms"))
    await api.until(account_id, Status.ACTION_REQUIRED)
    assert (await scrape(api))["wa_accounts_need_human", ""] == 1


async def test_a_deleted_account_has_no_metrics_left(api: Api) -> None:
    account_id = await api.create()
    assert (await scrape(api))["wa_account_restarts_total", account_id] == 0
    async with api.delete(f"/accounts/{account_id}") as answer:
        assert answer.status == 204
    assert not [name for name, label in await scrape(api) if label == account_id]


async def test_the_server_shows_its_parts(api: Api) -> None:
    await api.create()
    await api.recorded()
    samples = await scrape(api)
    assert samples["process_resident_memory_bytes", ""] > 1 << 20
    assert samples["wa_disk_free_bytes", ""] > 0
    assert samples["wa_events_recorded_total", ""] == 1
    for idle in ("wa_starts_waiting", "wa_starts_under_way", "wa_events_pending"):
        assert samples[idle, ""] == 0
    for part in ("wa_store_up", "wa_bus_up"):
        assert samples[part, ""] == 1
