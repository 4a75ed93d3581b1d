"""Sending and linking by code: what is asked of an account's page."""

import pytest

from actors.browser.errors import NoSuchNumber, PageError
from tests.api.told import Api


async def test_a_text_is_sent_to_a_number(api: Api) -> None:
    account_id = await api.create()
    run = await api.link(account_id)

    answer = await api.post(
        f"/accounts/{account_id}/messages", json={"to": "+49 170-0000002", "text": "Hello"}
    )

    assert answer.status == 201
    assert await answer.json() == {
        "id": "true_491700000002@c.us_3EB0",
        "to": "491700000002@c.us",
        "ack": 1,
    }
    assert run.sent == [("491700000002", "Hello")]


@pytest.mark.parametrize("number", ["+49 (170) 0000002", "49 170/0000002", "49-170-0000002"])
async def test_a_number_may_be_written_as_people_do(api: Api, number: str) -> None:
    account_id = await api.create()
    run = await api.link(account_id)
    body = {"to": number, "text": "Hello"}
    assert (await api.post(f"/accounts/{account_id}/messages", json=body)).status == 201
    assert run.sent == [("491700000002", "Hello")]


@pytest.mark.parametrize("chat", ["491700000002@c.us", "123456789012345@lid"])
async def test_a_text_is_sent_to_the_chat_of_an_event(api: Api, chat: str) -> None:
    account_id = await api.create()
    run = await api.link(account_id)
    body = {"to": chat, "text": "Hello"}
    assert (await api.post(f"/accounts/{account_id}/messages", json=body)).status == 201
    assert run.sent == [(chat, "Hello")]


async def test_an_account_that_is_not_connected_sends_nothing(api: Api) -> None:
    account_id = await api.create()
    body = {"to": "491700000002", "text": "Hello"}
    answer = await api.post(f"/accounts/{account_id}/messages", json=body)
    assert answer.status == 409
    assert (await answer.json())["accountStatus"] == "DISCONNECTED"


async def test_a_number_without_whatsapp_is_named(api: Api) -> None:
    account_id = await api.create()
    run = await api.link(account_id)
    run.refusal = NoSuchNumber()
    body = {"to": "491700000002", "text": "Hello"}
    answer = await api.post(f"/accounts/{account_id}/messages", json=body)
    assert answer.status == 422
    assert (await answer.json())["errors"][0]["field"] == "to"


async def test_an_error_of_the_page_is_told_in_its_words(api: Api) -> None:
    account_id = await api.create()
    run = await api.link(account_id)
    run.refusal = PageError("InvalidChat", "no such chat", "2.3000")
    body = {"to": "491700000002", "text": "Hello"}
    answer = await api.post(f"/accounts/{account_id}/messages", json=body)
    assert answer.status == 502
    page = (await answer.json())["page"]
    assert page == {"name": "InvalidChat", "message": "no such chat", "build": "2.3000"}


async def test_a_pairing_code_is_given_for_a_phone(api: Api) -> None:
    account_id = await api.create()
    await api.show_qr(account_id)
    body = {"phone": "+49 170 0000001"}
    answer = await api.post(f"/accounts/{account_id}/pairing-code", json=body)
    shown = await answer.json()
    assert answer.status == 200
    assert shown.pop("expiresAt").endswith("Z")
    assert shown == {"code": "ABCD1234", "phone": "491700000001"}


async def test_a_pairing_code_needs_an_account_that_waits_for_its_phone(api: Api) -> None:
    account_id = await api.create()
    body = {"phone": "491700000001"}
    answer = await api.post(f"/accounts/{account_id}/pairing-code", json=body)
    assert answer.status == 409
