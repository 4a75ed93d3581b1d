"""Accounts over HTTP: what each route answers."""

import re
from datetime import datetime

import pytest

from actors.browser.reports import WentOffline
from store.status import Status
from tests.api.told import PHONE, Api
from tests.told import until


async def test_a_new_account_is_shown_and_located(api: Api) -> None:
    created = await api.post("/accounts", json={"name": " Support "})
    account = await created.json()

    assert created.status == 201
    assert created.headers["Location"] == f"/accounts/{account['id']}"
    assert re.fullmatch(r"[A-Za-z0-9_-]+", account.pop("id"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", account.pop("since"))
    assert datetime.fromisoformat(account.pop("createdAt"))
    assert account == {
        "name": "Support",
        "phone": None,
        "desired": "disconnected",
        "status": "DISCONNECTED",
        "cause": "created",
        "detail": None,
        "restarts": 0,
        "lastRestart": None,
    }


async def test_an_account_is_shown_by_its_id(api: Api) -> None:
    account_id = await api.create("Sales")
    shown = await (await api.get(f"/accounts/{account_id}")).json()
    assert (shown["id"], shown["name"]) == (account_id, "Sales")


async def test_names_are_kept_in_every_script(api: Api) -> None:
    name = "مي‌خواهم 👨‍👩‍👧 Büro"
    account_id = await api.create(name)
    assert (await (await api.get(f"/accounts/{account_id}")).json())["name"] == name


async def test_accounts_are_listed_in_pages(api: Api) -> None:
    created = [await api.create(f"Account {number}") for number in range(5)]

    listed, after = [], ""
    while after is not None:
        page = await (await api.get(f"/accounts?limit=2{after and f'&after={after}'}")).json()
        listed.append([account["id"] for account in page["items"]])
        after = page["next"]

    assert listed == [created[:2], created[2:4], created[4:]]


async def test_a_rename_is_seen_at_once_by_whoever_names_the_account(api: Api) -> None:
    account_id = await api.create("Support")
    await until(lambda: api.manager.name_of(account_id) == "Support")
    assert (await api.patch(f"/accounts/{account_id}", json={"name": "Sales"})).status == 200
    await until(lambda: api.manager.name_of(account_id) == "Sales")


async def test_a_rename_is_an_event_and_the_same_name_is_none(api: Api) -> None:
    account_id = await api.create("Support")
    for name in ("Sales", "Sales"):
        await api.patch(f"/accounts/{account_id}", json={"name": name})
    await api.post(f"/accounts/{account_id}/connect")
    await api.until(account_id, Status.CONNECTING)
    await api.recorded()
    page = await (await api.get(f"/accounts/{account_id}/events")).json()
    told = [(event["type"], event["seq"]) for event in page["items"]]
    assert told == [("status", 1), ("account", 2), ("status", 3)]
    assert page["items"][1]["data"] == {"name": "Sales", "previous": "Support"}


async def test_an_account_is_renamed(api: Api) -> None:
    account_id = await api.create("Support")
    answer = await api.patch(f"/accounts/{account_id}", json={"name": "Sales"})
    assert answer.status == 200
    assert (await answer.json())["name"] == "Sales"
    assert (await (await api.get(f"/accounts/{account_id}")).json())["name"] == "Sales"


async def test_a_deleted_account_is_unknown(api: Api) -> None:
    account_id = await api.create()
    answer = await api.delete(f"/accounts/{account_id}")
    assert answer.status == 200
    assert await answer.json() == {
        "id": account_id,
        "stillListed": False,
        "message": "The account is forgotten here. It had no linked device.",
    }
    assert (await api.get(f"/accounts/{account_id}")).status == 404
    assert (await api.delete(f"/accounts/{account_id}")).status == 404


async def test_a_deletion_leaves_the_phone_alone_and_says_so(api: Api) -> None:
    account_id = await api.create()
    run = await api.link(account_id)
    deleted = await (await api.delete(f"/accounts/{account_id}")).json()
    assert deleted["stillListed"]
    assert "The phone still lists this device: remove it there" in deleted["message"]
    assert run.stopped
    assert not run.unlinked


@pytest.mark.parametrize("word", ["true", "True"])
async def test_a_deletion_logs_out_first_if_it_is_told_to(api: Api, word: str) -> None:
    account_id = await api.create()
    run = await api.link(account_id)
    deleted = await (await api.delete(f"/accounts/{account_id}?logout={word}")).json()
    assert not deleted["stillListed"]
    assert run.unlinked
    assert (await api.get(f"/accounts/{account_id}")).status == 404


async def test_an_account_whose_page_cannot_log_out_is_not_deleted_with_logout(api: Api) -> None:
    account_id = await api.create()
    run = await api.link(account_id)
    run.report(WentOffline("TIMEOUT"))
    await api.until(account_id, Status.CONNECTING)
    answer = await api.delete(f"/accounts/{account_id}?logout=true")
    problem = await answer.json()
    assert (answer.status, problem["type"]) == (409, "urn:wa-manager:wrong-status")
    assert "is CONNECTING; a logout needs CONNECTED. Connect it first, or" in problem["detail"]
    account = await (await api.get(f"/accounts/{account_id}")).json()
    assert account["desired"] == "connected"
    assert not run.stopped


async def test_an_account_whose_logout_was_not_told_is_kept_and_the_answer_says_so(
    api: Api,
) -> None:
    account_id = await api.create()
    run = await api.link(account_id)
    run.hung = True
    answer = await api.delete(f"/accounts/{account_id}?logout=true")
    problem = await answer.json()
    assert (answer.status, problem["type"]) == (502, "urn:wa-manager:not-logged-out")
    assert "Remove the device on the phone" in problem["detail"]
    account = await (await api.get(f"/accounts/{account_id}")).json()
    assert (account["status"], account["desired"]) == ("LOGGED_OUT", "disconnected")

    # Nor is that forgotten: there is no page any more that could do it.
    assert (await api.delete(f"/accounts/{account_id}?logout=true")).status == 409
    deleted = await (await api.delete(f"/accounts/{account_id}")).json()
    assert deleted["stillListed"]


@pytest.mark.parametrize("query", ["?logout=yes", "?logout=", "?logot=true", "?logout"])
async def test_a_deletion_that_is_misspelt_deletes_nothing(api: Api, query: str) -> None:
    account_id = await api.create()
    assert (await api.delete(f"/accounts/{account_id}{query}")).status == 400
    assert (await api.get(f"/accounts/{account_id}")).status == 200


async def test_a_deletion_takes_no_body_for_its_query(api: Api) -> None:
    account_id = await api.create()
    answer = await api.delete(f"/accounts/{account_id}", json={"logout": True})
    assert answer.status == 400
    assert "?logout=true" in (await answer.json())["detail"]
    assert (await api.get(f"/accounts/{account_id}")).status == 200


async def test_connect_is_answered_before_the_browser_starts(api: Api) -> None:
    account_id = await api.create()
    answer = await api.post(f"/accounts/{account_id}/connect")
    assert answer.status == 202
    assert (await answer.json())["desired"] == "connected"


async def test_a_second_connect_changes_nothing(api: Api) -> None:
    account_id = await api.create()
    run = await api.link(account_id)

    answer = await api.post(f"/accounts/{account_id}/connect")

    assert answer.status == 202
    assert (await answer.json())["status"] == "CONNECTED"
    assert api.manager.runs[account_id] is run


async def test_a_linked_account_shows_its_phone(api: Api) -> None:
    account_id = await api.create()
    await api.link(account_id)
    shown = await (await api.get(f"/accounts/{account_id}")).json()
    assert (shown["status"], shown["phone"]) == ("CONNECTED", PHONE)


async def test_disconnect_brings_an_account_to_rest(api: Api) -> None:
    account_id = await api.create()
    await api.link(account_id)
    answer = await api.post(f"/accounts/{account_id}/disconnect")
    assert answer.status == 202
    assert (await answer.json())["desired"] == "disconnected"
    await api.until(account_id, Status.DISCONNECTED)


async def test_logout_unlinks_an_account(api: Api) -> None:
    account_id = await api.create()
    await api.link(account_id)
    assert (await api.post(f"/accounts/{account_id}/logout")).status == 202
    await api.until(account_id, Status.LOGGED_OUT)


async def test_restart_brings_a_fresh_browser(api: Api) -> None:
    account_id = await api.create()
    run = await api.link(account_id)
    assert (await api.post(f"/accounts/{account_id}/restart")).status == 202
    await until(lambda: api.manager.runs[account_id] is not run)
    assert run.stopped


async def test_an_interrupted_account_says_why(api: Api) -> None:
    account_id = await api.create()
    run = await api.link(account_id)
    run.report(WentOffline("TIMEOUT"))
    await api.until(account_id, Status.CONNECTING)
    shown = await (await api.get(f"/accounts/{account_id}")).json()
    assert (shown["cause"], shown["detail"]) == ("offline", {"message": "TIMEOUT"})


async def test_a_screenshot_is_an_image(api: Api) -> None:
    account_id = await api.create()
    await api.link(account_id)
    answer = await api.get(f"/accounts/{account_id}/screenshot")
    assert answer.content_type == "image/png"
    assert (await answer.read()).startswith(b"\x89PNG")


async def test_an_account_at_rest_has_no_screenshot(api: Api) -> None:
    account_id = await api.create()
    answer = await api.get(f"/accounts/{account_id}/screenshot")
    assert answer.status == 409
    assert (await answer.json())["accountStatus"] == "DISCONNECTED"
