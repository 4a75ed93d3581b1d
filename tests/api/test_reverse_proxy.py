"""The page behind a real nginx, under a path of its own there."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest

from actors.browser.reports import ActionKind, ActionRequired, QrShown
from api.auth import COOKIE
from store.status import Status
from tests.api.page import Page
from tests.api.told import KEY, Api
from tests.nginx_server import PASSED_ON, NginxServer
from tests.told import until

Start = Callable[..., NginxServer]


@pytest.fixture
def start_nginx(tmp_path: Path) -> Iterator[Start]:
    """Start an nginx in front of servers, each under a path."""
    started: list[NginxServer] = []

    def start(targets: dict[str, Api], passed_on: tuple[str, ...] = PASSED_ON) -> NginxServer:
        folder = tmp_path / f"nginx{len(started)}"
        folder.mkdir()
        addresses = {path: str(api.make_url("/")).rstrip("/") for path, api in targets.items()}
        started.append(NginxServer(folder, addresses, passed_on))
        started[-1].start()
        return started[-1]

    yield start
    for nginx in started:
        nginx.stop()


@pytest.fixture
async def browser() -> AsyncIterator[aiohttp.ClientSession]:
    """A client that keeps cookies as a browser does."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield session


async def test_the_page_works_under_a_sub_path_of_a_proxy(
    api: Api, start_nginx: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.evidence.DRAWING_SECONDS", 0.0)
    nginx = start_nginx({"/wa/": api})
    async with Page(f"{nginx.url}/wa/?key={KEY}") as page:
        await page.shows("Live")
        assert await page.until("location.pathname + location.search") == "/wa/"
        await page.submit("create", "Support")
        await page.shows("DISCONNECTED")
        account_id = api.manager.views()[0].account_id

        await page.press("connect")
        run = await api.start(account_id)
        run.report(QrShown("2@code", 1, 6, datetime.now(UTC) + timedelta(seconds=20)))
        await page.until(
            "(image => image?.complete && image.naturalWidth > 0)"
            "(document.querySelector('.qr:not([hidden])'))"
        )
        run.report(ActionRequired(ActionKind.TERMS, "Accept the new terms"))
        link = await page.until("document.querySelector('.picture:not([hidden])')?.pathname")
        assert link.startswith(f"/wa/accounts/{account_id}/evidence/")
        await page.until(
            f"window.kept || void fetch({json.dumps(link)})"
            ".then(answer => { window.kept = answer.status === 200; })"
        )
        await page.press("disconnect")
        await api.until(account_id, Status.DISCONNECTED)
        complaints = [text for text in page.values("complaint") if "404" not in text]
        assert complaints == []


async def test_the_key_is_asked_for_and_given_back_under_a_sub_path(
    api: Api, start_nginx: Start
) -> None:
    nginx = start_nginx({"/wa/": api})
    async with Page(f"{nginx.url}/wa/") as page:
        await page.submit("login", KEY)
        await page.shows("Live")
        await page.until("fetch('login', {method: 'DELETE'}).then(answer => answer.ok)")
        await page.until("fetch('accounts').then(answer => answer.status === 401)")


async def test_the_cookie_is_for_the_sub_path_alone(
    api: Api, start_nginx: Start, browser: aiohttp.ClientSession
) -> None:
    nginx = start_nginx({"/wa/": api, "/other/": api})
    for log_in in (
        browser.post(f"{nginx.url}/wa/login", json={"key": KEY}),
        browser.get(f"{nginx.url}/wa/?key={KEY}"),
    ):
        browser.cookie_jar.clear()
        async with log_in as answer:
            assert answer.status < 300
        assert [cookie["path"] for cookie in browser.cookie_jar] == ["/wa"]
        assert (await browser.get(f"{nginx.url}/wa/accounts")).status == 200
        assert (await browser.get(f"{nginx.url}/other/accounts")).status == 401


async def test_a_login_under_one_path_outlasts_the_one_under_another(
    api: Api, start_nginx: Start, browser: aiohttp.ClientSession
) -> None:
    nginx = start_nginx({"/": api, "/wa/": api})
    for path in ("", "/wa"):
        async with browser.post(f"{nginx.url}{path}/login", json={"key": KEY}) as answer:
            assert answer.status == 204
    assert (await browser.get(f"{nginx.url}/wa/accounts")).status == 200
    assert (await browser.delete(f"{nginx.url}/login")).status == 204
    assert (await browser.get(f"{nginx.url}/accounts")).status == 401
    assert (await browser.get(f"{nginx.url}/wa/accounts")).status == 200


@pytest.mark.parametrize("cookies", ["{other}; {own}", "{own}; {other}"])
async def test_of_several_cookies_one_of_ours_is_enough(
    api: Api, browser: aiohttp.ClientSession, cookies: str
) -> None:
    async with browser.post(api.make_url("/login"), json={"key": KEY}) as answer:
        own = f"{COOKIE}={answer.cookies[COOKIE].value}"
    browser.cookie_jar.clear()
    other = f"{COOKIE}=99999999999.{'0' * 64}"
    headers = {"Cookie": cookies.format(own=own, other=other)}
    assert (await browser.get(api.make_url("/accounts"), headers=headers)).status == 200


async def test_a_proxy_that_passes_on_no_host_is_named_as_the_reason(
    api: Api, start_nginx: Start
) -> None:
    without_host = tuple(line for line in PASSED_ON if "Host" not in line)
    nginx = start_nginx({"/wa/": api}, without_host)
    async with Page(f"{nginx.url}/wa/?key={KEY}") as page:
        await page.shows("A proxy in between must pass on the headers Upgrade and Host.")
        await page.submit("create", "Support")
        await until(lambda: len(api.manager.views()) == 1)


async def test_a_proxy_may_name_the_host_in_its_own_header(api: Api, start_nginx: Start) -> None:
    forwarded = tuple(line.replace(" Host ", " X-Forwarded-Host ") for line in PASSED_ON)
    nginx = start_nginx({"/wa/": api}, forwarded)
    async with Page(f"{nginx.url}/wa/?key={KEY}") as page:
        await page.shows("Live")
