"""`GET /metrics` as a whole: who may read it, in which form, and how large it can become."""

from collections import Counter
from datetime import UTC, datetime

import aiohttp
import pytest
from prometheus_client import generate_latest

from actors.account.view import View
from actors.monitor.sampler import Usage
from api.app import init_app
from api.metrics.metrics import METRICS
from api.settings import Settings
from store.status import Cause, Desired, Status
from tests.api.metrics.scrape import Scrape, scrape
from tests.api.told import Api
from tests.told import until

OF_AN_ACCOUNT = {
    "wa_account_info",
    "wa_account_status",
    "wa_account_needs_human",
    "wa_account_away_seconds",
    "wa_account_restarts_total",
    "wa_account_memory_bytes",
    "wa_account_cpu_seconds_total",
    "wa_account_processes",
    "wa_account_threads",
    "wa_account_profile_bytes",
}


async def test_figures_need_the_key(api: Api, stranger: aiohttp.ClientSession) -> None:
    async with stranger.get("/metrics") as refused:
        assert refused.status == 401
    assert (await api.get("/metrics")).status == 200


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("text/plain", "text/plain"),
        ("application/openmetrics-text; version=1.0.0", "application/openmetrics-text"),
        ("nonsense;;q=,", "text/plain"),
    ],
)
async def test_the_form_is_the_one_asked_for(api: Api, accept: str, content_type: str) -> None:
    async with api.get("/metrics", headers={"Accept": accept}) as answer:
        assert answer.status == 200
        assert answer.content_type == content_type


async def test_names_and_labels_are_unique_and_explained(api: Api) -> None:
    await api.link(await api.create())
    shown = await scrape(api)
    assert max(Counter(family.name for family in shown.families).values()) == 1
    assert max(Counter((s.name, *sorted(s.labels.items())) for s in shown.samples).values()) == 1
    assert all(family.documentation for family in shown.families)


async def test_each_further_account_adds_ten_samples(api: Api) -> None:
    await until(lambda: api.manager.figures)
    before = await scrape(api)

    ids = [f"account-{number}" for number in range(500)]
    statuses = list(Status)
    for number, account_id in enumerate(ids):
        status = statuses[number % len(statuses)]
        now = datetime.now(UTC)
        view = View(account_id, status, Cause.READY, now, Desired.CONNECTED, restarts=number)
        api.manager.show_view(view)
    api.manager.show_usage(ids, Usage(pss_mb=200), profile_mb=30)
    after = await scrape(api)

    per_name = Counter(each.name for each in after.samples if "account" in each.labels)
    assert per_name == dict.fromkeys(OF_AN_ACCOUNT, 500)
    # The rest are the classes of requests that were there only after the first scrape.
    assert len(after.samples) - len(before.samples) - 10 * 500 < 20


async def test_a_renamed_account_has_one_name_in_the_figures(api: Api) -> None:
    account_id = await api.create('"Support"')
    await until(lambda: api.manager.name_of(account_id))
    await api.patch(f"/accounts/{account_id}", json={"name": "Sales"})
    await until(lambda: api.manager.name_of(account_id) == "Sales")
    shown = await scrape(api)
    names = [each.labels["name"] for each in shown.samples if each.name == "wa_account_info"]
    assert names == ["Sales"]


def test_two_applications_in_one_process_keep_apart(settings: Settings) -> None:
    busy, idle = [init_app(settings)[METRICS] for _ in range(2)]
    busy.accounts.happened(Status.CONNECTED, Cause.READY)
    ready = {"status": "CONNECTED", "cause": "ready"}
    shown = [Scrape(generate_latest(each.registry).decode()) for each in (busy, idle)]
    assert [each.value("wa_transitions_total", **ready) for each in shown] == [1, 0]
