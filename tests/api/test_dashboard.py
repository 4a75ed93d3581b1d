"""The page in a real browser: logging in, accounts live, codes, commands."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from actors.browser.reports import ActionKind, ActionRequired, Authenticated, QrShown, Ready
from api.streams.clients import close_streams
from store.status import Status
from tests.api.page import Page
from tests.api.told import KEY, PHONE, Api


@pytest.fixture
async def page(api: Api) -> AsyncIterator[Page]:
    """The page with its link, as the server prints it."""
    async with Page(f"{api.make_url('/')}?key={KEY}") as page:
        yield page


async def test_without_a_cookie_the_page_asks_for_the_key(api: Api) -> None:
    async with Page(str(api.make_url("/"))) as page:
        await page.submit("login", "wrong")
        await page.shows("A valid API key is required.")
        await page.submit("login", KEY)
        await page.shows("Live")


async def test_an_account_is_created_linked_and_disconnected_on_the_page(
    api: Api, page: Page
) -> None:
    await page.submit("create", "Support")
    await page.shows("DISCONNECTED")
    account_id = api.manager.views()[0].account_id

    await page.press("connect")
    run = await api.start(account_id)
    for number in (1, 2):
        expires = datetime.now(UTC) + timedelta(seconds=20 * number)
        run.report(QrShown(f"2@code{number}", number, 6, expires))
        await page.until(
            "(image => image?.complete && image.naturalWidth > 0"
            f" && decodeURIComponent(image.src).includes('{expires:%H:%M:%S}'))"
            "(document.querySelector('.qr:not([hidden])'))"
        )
    run.report(Authenticated(fresh=True))
    run.report(Ready(PHONE, "Support", "2.3000"))
    await page.shows(f"+{PHONE}")
    await page.until("document.querySelector('.qr').hidden")

    await page.press("disconnect")
    await api.until(account_id, Status.DISCONNECTED)
    await page.shows("user_disconnect")
    assert page.values("complaint") == []


async def test_what_others_do_shows_by_itself(api: Api, page: Page) -> None:
    await page.shows("Live")
    account_id = await api.create("Sales")
    await page.shows("Sales")
    await api.link(account_id)
    await page.shows("CONNECTED")
    await api.delete(f"/accounts/{account_id}")
    await page.until("document.querySelectorAll('#accounts li').length === 0")


async def test_why_an_account_needs_a_human_is_shown(api: Api, page: Page) -> None:
    account_id = await api.create()
    run = await api.link(account_id)
    run.report(ActionRequired(ActionKind.TERMS, "Accept the new terms"))
    await page.shows("Accept the new terms")
    run.report(Ready(PHONE, "Support", "2.3000"))
    await page.until("document.querySelector('.why').hidden")


async def test_the_picture_of_what_needs_a_human_is_one_press_away(api: Api, page: Page) -> None:
    account_id = await api.create()
    run = await api.link(account_id)
    run.report(ActionRequired(ActionKind.TERMS, "Accept the new terms"))
    link = await page.until("document.querySelector('.picture:not([hidden])')?.pathname")
    assert link.startswith(f"/accounts/{account_id}/evidence/")
    run.report(Ready(PHONE, "Support", "2.3000"))
    await page.until("document.querySelector('.picture').hidden")


async def test_only_what_makes_sense_can_be_pressed(api: Api, page: Page) -> None:
    account_id = await api.create()
    await page.offers("connect", "delete")
    await api.show_qr(account_id)
    await page.offers("disconnect", "delete")
    run = await api.link(account_id)
    await page.offers("disconnect", "logout", "delete", "logout-delete")
    await api.post(f"/accounts/{account_id}/disconnect")
    await page.offers("connect", "logout", "delete")
    await api.post(f"/accounts/{account_id}/logout")
    await page.offers("connect", "delete")
    assert run.stopped


async def test_a_deletion_asks_first_and_says_what_becomes_of_the_device(
    api: Api, page: Page
) -> None:
    account_id = await api.create("Sales")
    run = await api.link(account_id)
    await page.answers("false")
    await page.press("delete")
    asked = await page.until("window.asked")
    assert "Delete Sales? Its session is removed" in asked
    assert "The phone is not touched: if it is linked, it still lists this device" in asked
    await page.offers("disconnect", "logout", "delete", "logout-delete")

    await page.answers("true")
    await page.press("delete")
    await page.until("document.querySelectorAll('#accounts li').length === 0")
    await page.shows("The phone still lists this device: remove it there")
    assert not run.unlinked


async def test_an_account_is_logged_out_and_deleted_at_one_press(api: Api, page: Page) -> None:
    account_id = await api.create("Sales")
    run = await api.link(account_id)
    await page.answers("true")
    await page.press("logout-delete")
    assert "The phone will be unlinked" in await page.until("window.asked")
    await page.until("document.querySelectorAll('#accounts li').length === 0")
    assert run.unlinked


async def test_a_logout_asks_first(api: Api, page: Page) -> None:
    account_id = await api.create("Sales")
    run = await api.link(account_id)
    await page.answers("false")
    await page.press("logout")
    assert "Log out Sales? The phone will be unlinked" in await page.until("window.asked")
    await page.press("disconnect")
    await api.until(account_id, Status.DISCONNECTED)
    assert run.stopped

    await page.answers("true")
    await page.press("logout")
    await api.until(account_id, Status.LOGGED_OUT)


async def test_a_failed_request_is_told_also_when_the_server_is_gone(api: Api, page: Page) -> None:
    await page.submit("create", "\u202egnp.exe")
    await page.shows("must not contain control characters")
    await page.submit("create", "Support")
    await page.until("document.querySelector('#problem').textContent === ''")
    await page.offers("connect", "delete")

    await api.server.close()

    await page.press("connect")
    await page.shows("The server does not answer.")


async def test_why_there_is_no_stream_is_told_until_there_is_one(api: Api, page: Page) -> None:
    assert api.app is not None
    await page.shows("Live")
    api.begin_stopping()
    await close_streams(api.app)
    await page.shows("trying again: The server is stopping.")

    api.end_stopping()
    await page.shows("Live")
    await page.until("!document.body.innerText.includes('trying again')")


async def test_a_key_that_is_no_longer_good_is_asked_for(api: Api, page: Page) -> None:
    assert api.app is not None
    await page.shows("Live")
    await page.until("fetch('/login', {method: 'DELETE'}).then(answer => answer.ok)")
    await close_streams(api.app)
    await page.until("!document.querySelector('#login').hidden")
    await page.submit("login", KEY)
    await page.shows("Live")


async def test_a_name_is_shown_as_text_and_never_run(api: Api, page: Page) -> None:
    name = "<img src=x onerror=alert(1)>"
    await api.create(name)
    await page.shows(name)
    assert page.values("complaint") == []
