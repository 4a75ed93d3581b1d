"""How long requests take: by the table of routes, whatever is asked for."""

from itertools import product

import aiohttp

from tests.api.metrics.scrape import Scrape, scrape
from tests.api.told import Api

COUNT = "wa_http_request_duration_seconds_count"


async def test_requests_are_counted_by_method_route_and_class_of_status(api: Api) -> None:
    account_id = await api.create()
    for path in (f"/accounts/{account_id}", "/accounts/nobody", "/accounts"):
        async with api.get(path) as answer:
            await answer.read()
    shown = await scrape(api)
    assert shown.value(COUNT, method="POST", route="/accounts", status="2xx") == 1
    assert shown.value(COUNT, method="GET", route="/accounts", status="2xx") == 1
    assert shown.value(COUNT, method="GET", route="/accounts/{id}", status="2xx") == 1
    assert shown.value(COUNT, method="GET", route="/accounts/{id}", status="4xx") == 1


async def test_requests_without_the_key_are_counted_too(
    api: Api, stranger: aiohttp.ClientSession
) -> None:
    async with stranger.get("/accounts") as answer:
        assert answer.status == 401
    shown = await scrape(api)
    assert shown.value(COUNT, method="GET", route="/accounts", status="4xx") == 1


async def test_a_stream_counts_when_it_opens_not_when_it_ends(api: Api) -> None:
    async with api.ws_connect("/ws") as socket:
        await socket.receive_json()
        shown = await scrape(api)
    assert shown.value(COUNT, method="GET", route="/ws", status="1xx") == 1


async def test_hostile_requests_add_one_route_and_one_method(api: Api) -> None:
    methods = ("GET", "PROPFIND", "OPTIONS", "REPORT")
    paths = ("/%2e%2e/etc/passwd", "/accounts/a/b/c", "/metrics/", "/" + "x" * 4000)
    for number, (method, path) in enumerate(product(methods, paths)):
        async with api.request(method, f"{path}{number}") as answer:
            assert answer.status == 404
    for number in range(50):
        async with api.get(f"/accounts/{number}") as answer:
            assert answer.status == 404
    async with api.request("PROPFIND", "/health") as answer:
        assert answer.status == 405

    assert http_labels(await scrape(api)) == {
        ("GET", "other", "4xx"),
        ("other", "other", "4xx"),
        ("GET", "/accounts/{id}", "4xx"),
    }


def http_labels(shown: Scrape) -> set[tuple[str, ...]]:
    names = ("method", "route", "status")
    return {tuple(s.labels[name] for name in names) for s in shown.samples if s.name == COUNT}
