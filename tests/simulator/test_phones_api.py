"""Phones over HTTP, with a page that is nothing but its websocket."""

from collections.abc import Callable

import pytest

from simulator import pages
from simulator.phones_api import MAX_BODY
from simulator.settings import SimulatorSettings
from tests.simulator.clients import Api, PageClient, Phone

OpenPage = Callable[[], PageClient]


async def test_a_phone_that_scans_links_the_page(alice: Phone, open_page: OpenPage) -> None:
    async with open_page() as page:
        await alice.scan(await page.code())

        assert (await page.event("linked"))["number"] == alice.number
        shown = await alice.shown()
        assert (shown["linked"], shown["online"]) == (True, True)
        assert [device["online"] for device in shown["devices"]] == [True]


async def test_a_phone_is_offline_while_its_page_is_away(alice: Phone, open_page: OpenPage) -> None:
    page = open_page()
    async with page:
        await page.link(alice)
    await page.connect()
    await page.event("welcome")
    assert (await alice.shown())["online"]

    await page.disconnect()
    await until_offline(alice)
    assert (await alice.shown())["linked"]


async def test_phones_are_listed(
    phones: Api, alice: Phone, bob: Phone, open_page: OpenPage
) -> None:
    async with open_page() as page:
        await page.link(alice)
        await alice.receive(bob.number, "hello")

        listed = (await phones.call("GET", ""))["items"]
        assert {phone["number"]: phone["linked"] for phone in listed} == {
            alice.number: True,
            bob.number: False,
        }


async def test_a_pairing_code_links_the_page(alice: Phone, open_page: OpenPage) -> None:
    async with open_page() as page:
        answer = await page.call("pairing-code", number=alice.number)

        await alice.enter_code(answer["result"]["code"])

        assert (await page.event("linked"))["number"] == alice.number


async def test_a_code_links_only_once(alice: Phone, bob: Phone, open_page: OpenPage) -> None:
    async with open_page() as page:
        code = await page.code()
        await alice.scan(code)

        refused = await bob.refused("POST", "/scan", {"code": code})

        assert refused == (409, "code-not-shown")


async def test_a_phone_links_four_pages_and_no_more(alice: Phone, open_page: OpenPage) -> None:
    for _ in range(4):
        async with open_page() as page:
            await page.link(alice)

    async with open_page() as fifth:
        refused = await alice.refused("POST", "/scan", {"code": await fifth.code()})
        assert refused == (409, "too-many-devices")
    assert len((await alice.shown())["devices"]) == 4


async def test_a_session_resumes_without_a_scan(alice: Phone, open_page: OpenPage) -> None:
    page = open_page()
    async with page:
        await page.link(alice)

    async with page:
        await page.event("welcome")


@pytest.mark.parametrize("half", ["token", "identity"])
async def test_a_session_resumes_only_with_token_and_keys(
    half: str, alice: Phone, open_page: OpenPage
) -> None:
    page = open_page()
    async with page:
        await page.link(alice)
    assert page.session
    if half == "token":
        page.session["token"] = "another"
    else:
        page.keys["identity"] = "another"

    async with page:
        assert (await page.event("unlinked"))["reason"] == "device_removed"


async def test_a_page_that_is_opened_twice_is_in_conflict(
    alice: Phone, open_page: OpenPage
) -> None:
    async with open_page() as first, open_page() as second:
        await first.link(alice)
        await second.disconnect()
        second.session = first.session

        await second.connect()

        await second.event("welcome")
        await first.event("conflict")


async def test_unlinking_tells_the_page(alice: Phone, open_page: OpenPage) -> None:
    async with open_page() as page:
        await page.link(alice)

        await alice.unlink()

        assert (await page.event("unlinked"))["reason"] == "device_removed"
        assert not (await alice.shown())["linked"]


async def test_a_page_that_was_away_learns_that_it_was_unlinked(
    alice: Phone, open_page: OpenPage
) -> None:
    page = open_page()
    async with page:
        await page.link(alice)
    await alice.unlink()

    async with page:
        await page.event("unlinked")


async def test_a_page_logs_itself_out(alice: Phone, open_page: OpenPage) -> None:
    async with open_page() as page:
        await page.link(alice)

        await page.tell("logout")

        assert (await page.event("unlinked"))["reason"] == "user_initiated"
        assert not (await alice.shown())["linked"]


async def test_a_message_arrives_at_the_page(alice: Phone, bob: Phone, open_page: OpenPage) -> None:
    async with open_page() as page:
        await page.link(alice)

        sent = await alice.receive(bob.number, "hello")

        message = await page.event("message")
        assert (message["id"], message["from"], message["body"]) == (
            sent["id"],
            bob.wid,
            "hello",
        )


async def test_messages_wait_in_order_until_the_page_listens(
    alice: Phone, bob: Phone, open_page: OpenPage
) -> None:
    page = open_page()
    async with page:
        await page.link(alice)
    await alice.receive(bob.number, "one")
    await alice.receive(bob.number, "two")

    async with page:
        await page.event("welcome")
        snapshot = await page.listen()

        assert snapshot["messages"] == []
        assert [(await page.event("message"))["body"] for _ in range(2)] == ["one", "two"]


async def test_a_message_comes_again_until_the_page_confirms_it(
    alice: Phone, bob: Phone, open_page: OpenPage
) -> None:
    page = open_page()
    async with page:
        await page.link(alice)
        await alice.receive(bob.number, "hello")
        await page.event("message")

    async with page:
        await page.listen()
        message = await page.event("message")
        await page.tell("received", delivery=message["delivery"])
        assert (await page.call("number-exists", id=bob.wid))["result"] == {"id": bob.wid}

    async with page:
        snapshot = await page.listen()
        assert [message["body"] for message in snapshot["messages"]] == ["hello"]
        await alice.receive(bob.number, "the next")
        assert (await page.event("message"))["body"] == "the next"


async def test_a_page_reaches_another_and_learns_of_it(
    alice: Phone, bob: Phone, open_page: OpenPage
) -> None:
    async with open_page() as from_alice, open_page() as to_bob:
        await from_alice.link(alice)
        await to_bob.link(bob)

        answer = await from_alice.call("send-message", id="M1", to=bob.wid, body="hello")
        message = await to_bob.event("message")
        await to_bob.tell("received", delivery=message["delivery"])

        assert "t" in answer["result"]
        assert (message["id"], message["body"]) == ("M1", "hello")
        receipt = await from_alice.event("receipt")
        assert (receipt["ids"], receipt["ack"], receipt["from"]) == (["M1"], 2, bob.wid)
        assert [(m["id"], m["body"]) for m in await bob.inbox()] == [("M1", "hello")]

        await to_bob.tell("seen", chat=alice.wid)
        assert (await from_alice.event("receipt"))["ack"] == 3


async def test_a_phone_acknowledges_what_it_received(
    alice: Phone, bob: Phone, open_page: OpenPage
) -> None:
    async with open_page() as page:
        await page.link(alice)
        await page.call("send-message", id="M1", to=bob.wid, body="hello")

        await bob.acknowledge("M1", 3)

        receipt = await page.event("receipt")
        assert (receipt["ids"], receipt["ack"]) == (["M1"], 3)
        assert [message["ack"] for message in await bob.inbox()] == [3]


async def test_a_second_page_of_a_phone_sees_what_the_first_one_sends(
    alice: Phone, bob: Phone, open_page: OpenPage
) -> None:
    async with open_page() as first, open_page() as second:
        await first.link(alice)
        await second.link(alice)

        await first.call("send-message", id="M1", to=bob.wid, body="hello")

        message = await second.event("message")
        assert (message["from"], message["to"]) == (alice.wid, bob.wid)


async def test_a_message_that_is_sent_twice_is_one(
    alice: Phone, bob: Phone, open_page: OpenPage
) -> None:
    async with open_page() as page:
        await page.link(alice)
        for _ in range(2):
            await page.call("send-message", id="M1", to=bob.wid, body="hello")

        assert len(await bob.inbox()) == 1


async def test_a_number_that_ends_in_0000_is_not_on_whatsapp(
    alice: Phone, open_page: OpenPage
) -> None:
    async with open_page() as page:
        await page.link(alice)

        exists = await page.call("number-exists", id="491700000000@c.us")
        sent = await page.call("send-message", id="M1", to="491700000000@c.us", body="hello")

        assert exists["result"] == {"id": None}
        assert "not on WhatsApp" in sent["error"]


async def test_a_page_that_reads_no_more_is_dropped(
    alice: Phone, bob: Phone, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "MAX_OUTGOING", 10)
    async with open_page() as page:
        await page.link(alice)

        while (await alice.shown())["online"]:
            await alice.receive(bob.number, "x" * MAX_BODY)


class TestRefusals:
    """What a caller did wrong is said by status and type."""

    @pytest.mark.parametrize("action", ["/messages", "/receipts", "/unlink"])
    async def test_unknown_phone(self, action: str, alice: Phone) -> None:
        assert await alice.refused("POST", action, {}) == (404, "unknown-phone")

    async def test_unknown_phone_has_no_inbox(self, alice: Phone) -> None:
        assert await alice.refused("GET", "/inbox") == (404, "unknown-phone")

    async def test_a_path_with_no_number(self, phones: Api) -> None:
        assert await phones.refused("GET", "/abc/inbox") == (400, "not-a-number")
        assert await phones.refused("POST", "/0123/scan", {}) == (400, "not-a-number")

    async def test_malformed_code(self, alice: Phone) -> None:
        refused = await alice.refused("POST", "/scan", {"code": "hello"})
        assert refused == (422, "malformed-code")

    @pytest.mark.parametrize("body", [{}, {"code": 1}, {"code": ""}, {"code": "x", "more": 1}])
    async def test_fields_of_a_scan(self, body: object, alice: Phone) -> None:
        assert await alice.refused("POST", "/scan", body) == (422, "invalid-body")

    async def test_a_body_that_is_no_object(self, alice: Phone) -> None:
        assert await alice.refused("POST", "/scan", ["code"]) == (400, "invalid-body")

    async def test_messages_for_a_phone_without_a_page(
        self, alice: Phone, bob: Phone, open_page: OpenPage
    ) -> None:
        async with open_page() as page:
            await page.link(alice)
            await alice.unlink()
        body = {"from": bob.number, "body": "hello"}
        assert await alice.refused("POST", "/messages", body) == (409, "not-linked")
        assert await alice.refused("POST", "/unlink") == (409, "not-linked")

    @pytest.mark.parametrize(
        "body",
        [
            {"from": "abc", "body": "hello"},
            {"body": "hello"},
            {"from": "491700000002"},
            {"from": "491700000002", "body": "x" * 65_537},
            {"from": "491700000002", "body": "x", "id": ""},
        ],
    )
    async def test_fields_of_a_message(
        self, body: object, alice: Phone, open_page: OpenPage
    ) -> None:
        async with open_page() as page:
            await page.link(alice)
            assert await alice.refused("POST", "/messages", body) == (422, "invalid-body")

    async def test_a_message_id_that_is_taken(
        self, alice: Phone, bob: Phone, open_page: OpenPage
    ) -> None:
        async with open_page() as page:
            await page.link(alice)
            body = {"from": bob.number, "body": "hello", "id": "M1"}
            await alice.call("POST", "/messages", body)
            assert await alice.refused("POST", "/messages", body) == (409, "duplicate-message")

    @pytest.mark.parametrize(
        ("body", "problem"),
        [
            ({"ids": ["M1"], "ack": 2}, "unknown-message"),
            ({"ids": [], "ack": 2}, "invalid-body"),
            ({"ids": "M1", "ack": 2}, "invalid-body"),
            ({"ids": ["M1"], "ack": 1}, "invalid-body"),
            ({"ids": ["M1"]}, "invalid-body"),
        ],
    )
    async def test_receipts(
        self, body: object, problem: str, alice: Phone, open_page: OpenPage
    ) -> None:
        async with open_page() as page:
            await page.link(alice)
            assert await alice.refused("POST", "/receipts", body) == (422, problem)


class TestExpiredPairingCode:
    @pytest.fixture
    def settings(self) -> SimulatorSettings:
        return SimulatorSettings(pairing_code_seconds=0.0)

    async def test_links_nothing(self, alice: Phone, open_page: OpenPage) -> None:
        async with open_page() as page:
            answer = await page.call("pairing-code", number=alice.number)
            code = {"code": answer["result"]["code"]}
            assert await alice.refused("POST", "/enter-code", code) == (409, "code-not-shown")


async def until_offline(phone: Phone) -> None:
    while (await phone.shown())["online"]:
        pass
