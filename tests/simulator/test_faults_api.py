"""Faults over HTTP, and what they do to a page that is nothing but its websocket."""

import time
from collections.abc import Callable

import aiohttp
import pytest

from simulator.pages import NUMBER_COOKIE
from simulator.phones import MAX_DEVICES
from simulator.server import Simulator
from tests.simulator.clients import Faults, PageClient, Phone

OpenPage = Callable[[], PageClient]


async def test_faults_are_listed_until_they_are_deleted(faults: Faults) -> None:
    one = await faults.begin("offline", number="491700000001")
    two = await faults.begin("slow-load", seconds=2)

    listed = (await faults.call("GET", ""))["items"]
    assert [(fault["kind"], fault["number"], fault["seconds"]) for fault in listed] == [
        ("offline", "491700000001", None),
        ("slow-load", None, 2.0),
    ]

    await faults.call("DELETE", f"/{one['id']}")
    assert [fault["id"] for fault in (await faults.call("GET", ""))["items"]] == [two["id"]]

    await faults.end_all()
    assert (await faults.call("GET", ""))["items"] == []


async def test_the_kinds_are_described(faults: Faults) -> None:
    kinds = (await faults.call("GET", ""))["kinds"]

    assert kinds["slow-sync"] == {
        "summary": "Loading chats takes long, and tells its progress.",
        "lasting": True,
        "needs": ["seconds"],
        "takes": ["number"],
    }


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({}, "invalid-body"),
        ({"kind": "earthquake"}, "invalid-body"),
        ({"kind": "offline", "number": "abc"}, "invalid-body"),
        ({"kind": "offline", "colour": "red"}, "invalid-body"),
        ({"kind": "slow-sync", "seconds": -1}, "invalid-body"),
        ({"kind": "slow-sync", "seconds": True}, "invalid-body"),
        ({"kind": "broken-module", "module": "WAWebNowhere"}, "invalid-body"),
        ({"kind": "broken-module", "module": 1}, "invalid-body"),
        ({"kind": "slow-sync"}, "invalid-fault"),
        ({"kind": "offline", "seconds": 1}, "invalid-fault"),
        ({"kind": "hang", "module": "WAWebConnModel"}, "invalid-fault"),
        ({"kind": "no-qr", "number": "491700000001"}, "invalid-fault"),
    ],
)
async def test_what_is_no_fault_is_refused(body: object, problem: str, faults: Faults) -> None:
    assert await faults.refused("POST", "", body) == (422, problem)


@pytest.mark.parametrize("fault_id", ["7", "abc"])
async def test_an_unknown_fault_cannot_be_deleted(fault_id: str, faults: Faults) -> None:
    assert await faults.refused("DELETE", f"/{fault_id}") == (404, "unknown-fault")


async def test_no_qr_keeps_the_codes_back_until_it_ends(
    faults: Faults, open_page: OpenPage
) -> None:
    await faults.begin("no-qr")
    async with open_page() as page:
        await page.call("number-exists", id="491700000001@c.us")
        assert not any(event["type"] == "codes" for event in page.events)

        await faults.end_all()

        assert len((await page.event("codes"))["refs"]) == 6


async def test_slow_load_delays_the_page(
    faults: Faults, simulator: Simulator, http: aiohttp.ClientSession
) -> None:
    await faults.begin("slow-load", number="491700000001", seconds=0.3)

    started = time.monotonic()
    async with http.get(simulator.url, cookies={"sim_number": "491700000001"}):
        assert time.monotonic() - started >= 0.3


async def test_slow_sync_tells_its_progress(
    faults: Faults, alice: Phone, open_page: OpenPage
) -> None:
    await faults.begin("slow-sync", seconds=0.2)
    async with open_page() as page:
        started = time.monotonic()
        await page.link(alice)

        assert time.monotonic() - started >= 0.2
        percents = [e["percent"] for e in page.events if e["type"] == "sync-progress"]
        assert percents == list(range(0, 101, 10))


async def test_offline_hits_open_pages_and_keeps_them_away(
    faults: Faults, alice: Phone, bob: Phone, open_page: OpenPage
) -> None:
    async with open_page() as page, open_page() as other:
        await page.link(alice)
        await other.link(bob)

        fault = await faults.begin("offline", number=alice.number)

        assert fault["hit"] == [alice.number]
        await page.closed()
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await page.connect()
        await other.call("number-exists", id=alice.wid)

        await faults.end_all()
        await page.connect()
        await page.event("welcome")


async def test_logout_unlinks_at_once(faults: Faults, alice: Phone, open_page: OpenPage) -> None:
    async with open_page() as page:
        await page.link(alice)

        fault = await faults.begin("logout")

        assert (fault["hit"], fault["lasting"]) == ([alice.number], False)
        await page.event("unlinked")


@pytest.mark.parametrize("kind", ["conflict", "reload", "hang", "crash"])
async def test_what_happens_once_is_told_to_open_pages(
    kind: str, faults: Faults, alice: Phone, open_page: OpenPage
) -> None:
    async with open_page() as page:
        await page.link(alice)

        await faults.begin(kind, number=alice.number)

        await page.event(kind)


async def test_terms_block_pages_until_they_are_accepted(
    faults: Faults, alice: Phone, open_page: OpenPage
) -> None:
    page = open_page()
    async with page:
        await page.link(alice)
        await faults.begin("terms")
        assert (await page.event("blocked"))["state"] == "TOS_BLOCK"

    async with page:
        await page.event("blocked")
        await faults.end_all()
        await page.closed()

    async with page:
        await page.event("welcome")


async def test_a_blocked_page_is_not_given_codes(
    faults: Faults, alice: Phone, open_page: OpenPage
) -> None:
    page = open_page()
    async with page:
        await page.link(alice)
    await faults.begin("terms")
    no_qr = await faults.begin("no-qr")
    page.events.clear()

    async with page:
        await page.event("blocked")
        await faults.call("DELETE", f"/{no_qr['id']}")
        await page.call("number-exists", id=alice.wid)

        assert [event["type"] for event in page.events] == ["blocked", "answer"]


async def test_a_passkey_is_wanted_before_a_page_is_linked(
    faults: Faults, alice: Phone, open_page: OpenPage
) -> None:
    await faults.begin("passkey", number=alice.number)
    async with open_page() as page:
        code = await page.code()

        await alice.scan(code)

        await page.event("passkey")
        shown = await alice.shown()
        assert (shown["linked"], shown["online"]) == (False, False)
        assert await alice.refused("POST", "/scan", {"code": code}) == (409, "code-not-shown")

        await faults.end_all()

        assert (await page.event("linked"))["number"] == alice.number
        assert (await alice.shown())["linked"]


async def test_a_passkey_is_wanted_after_a_pairing_code_too(
    faults: Faults, alice: Phone, open_page: OpenPage
) -> None:
    await faults.begin("passkey")
    async with open_page() as page:
        answer = await page.call("pairing-code", number=alice.number)

        await alice.enter_code(answer["result"]["code"])

        await page.event("passkey")


async def test_a_page_that_awaits_a_passkey_is_given_no_codes(
    faults: Faults, alice: Phone, open_page: OpenPage
) -> None:
    await faults.begin("passkey")
    async with open_page() as page:
        await alice.scan(await page.code())
        await page.event("passkey")
        page.events.clear()

        await page.tell("codes-wanted")
        await page.call("number-exists", id=alice.wid)

        assert [event["type"] for event in page.events] == ["answer"]


async def test_a_passkey_is_wanted_until_the_last_such_fault_ends(
    faults: Faults, alice: Phone, open_page: OpenPage
) -> None:
    first = await faults.begin("passkey")
    await faults.begin("passkey", number=alice.number)
    async with open_page() as page:
        await alice.scan(await page.code())

        await faults.call("DELETE", f"/{first['id']}")
        assert not (await alice.shown())["linked"]

        await faults.end_all()
        assert (await alice.shown())["linked"]


async def test_a_passkey_links_no_device_that_is_one_too_many(
    faults: Faults, alice: Phone, open_page: OpenPage
) -> None:
    for _ in range(MAX_DEVICES):
        async with open_page() as linked:
            await linked.link(alice)
    await faults.begin("passkey")
    async with open_page() as page:
        await alice.scan(await page.code())

        await faults.end_all()

        await page.closed()
        assert len((await alice.shown())["devices"]) == MAX_DEVICES


async def test_messages_are_silent_until_the_fault_ends(
    faults: Faults, alice: Phone, bob: Phone, open_page: OpenPage
) -> None:
    async with open_page() as page:
        await page.link(alice)
        await faults.begin("silent", number=alice.number)
        await alice.receive(bob.number, "unheard")
        await faults.end_all()
        await alice.receive(bob.number, "heard")

        messages = [await page.event("message") for _ in range(2)]

        assert [(m["body"], m.get("silent", False)) for m in messages] == [
            ("unheard", True),
            ("heard", False),
        ]


async def test_modules_are_hidden_in_pages_that_load_while_the_fault_lasts(
    faults: Faults, simulator: Simulator, http: aiohttp.ClientSession
) -> None:
    async def hidden(number: str) -> str:
        async with http.get(simulator.url, cookies={NUMBER_COOKIE: number}) as page:
            return (await page.text()).partition('data-hidden-modules="')[2].partition('"')[0]

    await faults.begin("broken-module", number="491700000001", module="WAWebConnModel")
    await faults.begin("broken-module", number="491700000001")

    assert await hidden("491700000001") == "WAWebConnModel WAWebSendMsgChatAction"
    assert await hidden("491700000002") == ""
    await faults.end_all()
    assert await hidden("491700000001") == ""


@pytest.mark.parametrize("seconds", [None, 0.05])
async def test_a_page_is_answered_late_or_never_and_what_it_asked_for_is_done(
    open_page: OpenPage, alice: Phone, bob: Phone, faults: Faults, seconds: float | None
) -> None:
    async with open_page() as page:
        await page.link(alice)
        late = {} if seconds is None else {"seconds": seconds}
        await faults.begin("late-answers", number=alice.number, **late)

        message = {"id": "3EB01", "to": bob.wid, "body": "Hello"}
        await page.tell("call", id=7, method="send-message", params=message)
        await page.tell("call", id=8, method="number-exists", params={"id": bob.wid})

        due = [8] if seconds is None else [8, 7]
        assert [(await page.event("answer"))["id"] for _ in due] == due
        assert [item["id"] for item in await bob.inbox()] == ["3EB01"]
        assert [fault["held"] for fault in (await faults.call("GET", ""))["items"]] == [1]
