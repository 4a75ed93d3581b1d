"""wa-js, as published and in a real Chromium, takes the page for WhatsApp Web."""

from pathlib import Path

import pytest

from simulator.server import Simulator
from simulator.settings import SimulatorSettings
from tests.simulator.clients import Faults, Phone
from tests.simulator.conftest import FRESH_PROFILE
from tests.simulator.libraries import LibraryError, WaJs

CLEAR_INDEXED_DB = """
new Promise((cleared) => {
  const opening = indexedDB.open("signal-storage");
  opening.onsuccess = () => {
    const transaction = opening.result.transaction("values", "readwrite");
    transaction.objectStore("values").clear();
    transaction.oncomplete = () => cleared(true);
  };
})
"""


async def test_it_links_by_qr_and_becomes_ready(page: WaJs, alice: Phone) -> None:
    await alice.scan(await page.code())

    await page.event("conn.authenticated")
    await page.event("conn.main_loaded")
    await page.event("conn.stream_mode_changed", lambda mode: mode == "MAIN")
    await page.event("conn.auth_code_change", lambda code: code is None)
    await page.event("loader.full_ready")
    assert await page.evaluate("WPP.conn.isAuthenticated()")
    assert await page.evaluate("String(WPP.conn.getMyUserId())") == f"{alice.number}@c.us"
    assert await page.evaluate("WPP.whatsapp.Stream.info") == "NORMAL"


async def test_it_links_by_pairing_code(page: WaJs, alice: Phone) -> None:
    await page.event("conn.main_ready")  # at which wa-js forgets codes
    call = f"WPP.conn.startLinkDeviceCodeForPhoneNumber('{alice.number}')"
    code = await page.evaluate(call)
    assert await page.event("conn.link_code_change") == code

    await alice.enter_code(code)

    await page.event("conn.authenticated")


async def test_a_text_goes_out_and_its_acks_come_back(page: WaJs, alice: Phone, bob: Phone) -> None:
    await page.link(alice)

    message_id = await page.send(bob.number, "hello, Bob")

    assert [(m["id"], m["body"]) for m in await bob.inbox()] == [(message_id, "hello, Bob")]
    await bob.acknowledge(message_id, 2)
    await bob.acknowledge(message_id, 3)
    await page.event("chat.msg_ack_change", lambda value: value["ack"] == 3)
    assert [ack["ack"] for ack in page.values("chat.msg_ack_change")] == [1, 2, 3]


async def test_a_text_comes_in(page: WaJs, alice: Phone, bob: Phone) -> None:
    await page.link(alice)

    sent = await alice.receive(bob.number, "hello, Alice")

    message = await page.event("chat.new_message")
    assert message == {
        "id": sent["id"],
        "from": f"{bob.number}@c.us",
        "body": "hello, Alice",
        "fromMe": False,
    }


async def test_chats_and_contacts_are_there(page: WaJs, alice: Phone, bob: Phone) -> None:
    await page.link(alice)
    await alice.receive(bob.number, "hello")
    await page.event("chat.new_message")

    chats = await page.evaluate("WPP.chat.list().then((l) => l.map((c) => String(c.id)))")
    unread = await page.evaluate("WPP.chat.list({onlyWithUnreadMessage: true}).then(l => l.length)")
    contacts = await page.evaluate("WPP.contact.list().then((l) => l.map((c) => c.pushname))")

    assert chats == [f"{bob.number}@c.us"]
    assert unread == 1
    assert "User 0002" in contacts


@pytest.mark.parametrize(("number", "exists"), [("491700000009", True), ("491700000000", False)])
async def test_it_can_be_asked_who_is_on_whatsapp(
    number: str, exists: bool, page: WaJs, alice: Phone
) -> None:
    await page.link(alice)

    found = await page.evaluate(f"WPP.contact.queryWidExists('{number}@c.us').then(Boolean)")

    assert found is exists


async def test_nothing_is_sent_to_whom_whatsapp_does_not_know(page: WaJs, alice: Phone) -> None:
    await page.link(alice)

    with pytest.raises(LibraryError, match="No LID for user"):
        await page.send("491700000000", "hello?")


async def test_a_login_outlives_the_browser(
    simulator: Simulator, tmp_path: Path, alice: Phone, bob: Phone
) -> None:
    profile = tmp_path / FRESH_PROFILE
    async with WaJs(profile, simulator.url) as page:
        await page.link(alice)
        await alice.receive(bob.number, "before")
        await page.event("chat.new_message")
    await alice.receive(bob.number, "meanwhile")

    async with WaJs(profile, simulator.url) as page:
        await page.event("conn.main_loaded")
        await page.listening()

        assert not any(page.values("conn.auth_code_change"))
        messages = await page.evaluate(
            "WPP.whatsapp.MsgStore.getModelsArray().map((m) => [m.body, m.isNewMsg])"
        )
        assert messages == [["before", False], ["meanwhile", True]]


@pytest.mark.parametrize("loss", ["localStorage.clear()", CLEAR_INDEXED_DB])
async def test_a_login_needs_both_halves_of_what_was_kept(
    loss: str, simulator: Simulator, tmp_path: Path, alice: Phone
) -> None:
    profile = tmp_path / FRESH_PROFILE
    async with WaJs(profile, simulator.url) as page:
        await page.link(alice)
        await page.evaluate(loss)

    async with WaJs(profile, simulator.url) as page:
        assert await page.code()


async def test_unlinked_by_the_phone_it_logs_out_and_shows_a_code_again(
    page: WaJs, alice: Phone
) -> None:
    await page.link(alice)
    before = len(page.lines)

    await alice.unlink()

    assert await page.event("conn.logout_reason") == "device_removed"
    await page.event("conn.logout")
    assert await page.event("conn.auth_code_change", bool, after=before)
    assert await page.evaluate("location.search") == "?post_logout=1"


async def test_it_logs_itself_out(page: WaJs, alice: Phone) -> None:
    await page.link(alice)

    await page.evaluate("WPP.conn.logout()")

    assert await page.event("conn.logout_reason") == "user_initiated"
    assert not (await alice.shown())["linked"]


async def test_it_raises_nothing_inside_the_page(page: WaJs, alice: Phone, bob: Phone) -> None:
    await page.link(alice)
    await page.send(bob.number, "hello")
    await alice.receive(bob.number, "hello")
    await page.event("chat.new_message", lambda message: not message["fromMe"])

    assert page.values("page.error") == []


class TestShortLivedCodes:
    @pytest.fixture
    def settings(self) -> SimulatorSettings:
        return SimulatorSettings(qr_first_seconds=0.6, qr_next_seconds=0.3)

    async def test_six_codes_follow_one_another_and_more_come_when_asked_for(
        self, simulator: Simulator, tmp_path: Path, alice: Phone, faults: Faults
    ) -> None:
        await faults.begin("no-qr")
        async with WaJs(tmp_path, simulator.url) as page:
            await page.event("conn.auth_code_change", lambda code: code is None)
            await faults.end_all()

            await page.event("conn.qrcode_idle")
            assert len({value for value in page.values("conn.auth_code_change") if value}) == 6
            before = len(page.lines)

            await page.evaluate("WPP.conn.refreshQR()")

            await alice.scan(await page.event("conn.auth_code_change", bool, after=before))
            await page.event("conn.authenticated")


class TestShortLivedPairingCodes:
    @pytest.fixture
    def settings(self) -> SimulatorSettings:
        return SimulatorSettings(pairing_code_seconds=1.0)

    async def test_a_new_one_replaces_what_expired(self, page: WaJs, alice: Phone) -> None:
        await page.event("conn.main_ready")  # at which wa-js forgets codes
        call = f"WPP.conn.startLinkDeviceCodeForPhoneNumber('{alice.number}')"
        first = await page.evaluate(call)

        second = await page.event("conn.link_code_change", lambda code: code != first)

        await alice.enter_code(second)
        await page.event("conn.authenticated")
