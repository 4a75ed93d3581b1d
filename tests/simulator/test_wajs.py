"""wa-js, as published and in a real Chromium, takes the page for WhatsApp Web."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from simulator.server import Simulator
from simulator.settings import SimulatorSettings
from tests.simulator.clients import Faults, Phone
from tests.simulator.libraries import LibraryError, WaJs

FRESH_PROFILE = "profile"
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


NOT_FOUND = "Module addAndSendMsgToChat was not found"
PAUSE_OF_A_SECOND = """
new Promise((resolve) => {
  let last = performance.now();
  const timer = setInterval(() => {
    const pause = performance.now() - last;
    last += pause;
    if (pause < 1000) return;
    clearInterval(timer);
    resolve(pause);
  }, 10);
})
"""
WATCH_CREDENTIALS = """
window.asked = new Promise((resolve) => {
  const get = navigator.credentials.get.bind(navigator.credentials);
  navigator.credentials.get = (options) => {
    resolve([options.publicKey.rpId, options.publicKey.userVerification]);
    return get(options);
  };
}), true
"""
VISIBLE_DIALOGS = """
[...document.querySelectorAll("[role=dialog]:not([hidden])")].map((dialog) => dialog.ariaLabel)
"""


async def answers(page: WaJs) -> bool:
    """Says whether the page's main thread is free."""
    try:
        return bool(await asyncio.wait_for(page.evaluate("true"), 0.5))
    except TimeoutError:
        return False


@pytest.fixture
async def page(simulator: Simulator, tmp_path: Path) -> AsyncIterator[WaJs]:
    async with WaJs(tmp_path / FRESH_PROFILE, simulator.url) as opened:
        yield opened


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


async def test_offline_it_waits_and_comes_back(
    page: WaJs, alice: Phone, bob: Phone, faults: Faults
) -> None:
    await page.link(alice)
    await faults.begin("offline", number=alice.number)
    await page.event("conn.online", lambda online: online is False)
    await page.event("conn.stream_info_changed", lambda info: info == "OFFLINE")
    await alice.receive(bob.number, "while you were away")
    before = len(page.lines)

    await faults.end_all()

    await page.event("conn.online", bool)
    await page.event("conn.stream_info_changed", lambda info: info == "NORMAL", after=before)
    assert (await page.event("chat.new_message"))["body"] == "while you were away"
    assert await page.evaluate("WPP.whatsapp.Stream.mode") == "MAIN"


async def test_a_text_that_is_sent_offline_goes_out_later(
    page: WaJs, alice: Phone, bob: Phone, faults: Faults
) -> None:
    await page.link(alice)
    await alice.receive(bob.number, "hello")
    await page.event("chat.new_message")
    await faults.begin("offline")
    await page.event("conn.stream_info_changed", lambda info: info == "OFFLINE")
    sending = asyncio.create_task(page.send(bob.number, "late"))
    await page.event("chat.new_message", lambda message: message["fromMe"])

    await faults.end_all()

    await sending
    assert [message["body"] for message in await bob.inbox()] == ["late"]


async def test_a_conflict_lasts_until_the_session_is_taken_back(
    page: WaJs, alice: Phone, faults: Faults
) -> None:
    await page.link(alice)
    await faults.begin("conflict", number=alice.number)
    await page.event("conn.stream_mode_changed", lambda mode: mode == "CONFLICT")
    assert await page.evaluate("WPP.whatsapp.Socket.state") == "CONFLICT"
    before = len(page.lines)

    await page.evaluate("WPP.whatsapp.Socket.takeover()")

    await page.event("conn.stream_mode_changed", lambda mode: mode == "MAIN", after=before)


async def test_terms_must_be_accepted(page: WaJs, alice: Phone, faults: Faults) -> None:
    await page.link(alice)
    await faults.begin("terms")
    await page.event("conn.stream_mode_changed", lambda mode: mode == "TOS_BLOCK")
    before = len(page.lines)

    await faults.end_all()

    await page.event("conn.stream_mode_changed", lambda mode: mode == "MAIN", after=before)


async def test_a_reload_resumes_the_session(page: WaJs, alice: Phone, faults: Faults) -> None:
    await page.link(alice)
    before = len(page.lines)

    await faults.begin("reload")

    await page.event("conn.main_loaded", after=before)


async def test_a_page_hangs_for_its_time_and_goes_on(
    page: WaJs, alice: Phone, faults: Faults
) -> None:
    await page.link(alice)
    pause = asyncio.create_task(page.evaluate(PAUSE_OF_A_SECOND))
    await page.evaluate("'the one before has begun'")

    await faults.begin("hang", number=alice.number, seconds=1)

    assert await pause >= 1_000
    assert await page.send(alice.number, "still here")


async def test_a_page_that_hangs_for_ever_answers_no_more(
    page: WaJs, alice: Phone, faults: Faults
) -> None:
    await page.link(alice)

    await faults.begin("hang")

    while await answers(page):
        pass
    assert (await alice.shown())["online"]


async def test_a_page_crashes(page: WaJs, alice: Phone, faults: Faults) -> None:
    await page.link(alice)

    await faults.begin("crash", number=alice.number)

    await page.event("page.crashed")


async def test_a_passkey_is_asked_for_between_scan_and_link(
    page: WaJs, alice: Phone, faults: Faults
) -> None:
    await faults.begin("passkey")
    code = await page.code()
    await page.evaluate(WATCH_CREDENTIALS)

    await alice.scan(code)

    assert await page.evaluate("asked") == ["whatsapp.com", "required"]
    await page.event("conn.auth_code_change", lambda code: code is None)
    assert not await page.evaluate("WPP.conn.isAuthenticated()")
    assert await page.evaluate(VISIBLE_DIALOGS) == ["Passkey"]

    await faults.end_all()

    await page.event("conn.authenticated")
    await page.event("conn.stream_mode_changed", lambda mode: mode == "MAIN")
    assert await page.evaluate(VISIBLE_DIALOGS) == []
    assert page.values("page.error") == []


async def test_a_silent_message_is_stored_and_not_announced(
    page: WaJs, alice: Phone, bob: Phone, faults: Faults
) -> None:
    await page.link(alice)
    await faults.begin("silent", number=alice.number)
    await alice.receive(bob.number, "unheard")
    await faults.end_all()
    await alice.receive(bob.number, "heard")
    await page.event("chat.new_message", lambda message: message["body"] == "heard")

    stored = await page.evaluate("WPP.whatsapp.MsgStore.getModelsArray().map((m) => m.body)")

    assert stored == ["unheard", "heard"]
    assert [message["body"] for message in page.values("chat.new_message")] == ["heard"]
    assert await page.evaluate("WPP.whatsapp.ChatStore.getModelsArray()[0].unreadCount") == 2


async def test_without_the_module_for_sending_it_links_but_cannot_send(
    page: WaJs, alice: Phone, bob: Phone, faults: Faults
) -> None:
    await page.link(alice)
    await faults.begin("broken-module", number=alice.number)
    before = len(page.lines)

    await faults.begin("reload", number=alice.number)

    await page.event("conn.main_loaded", after=before)
    with pytest.raises(LibraryError, match="addAndSendMsgToChat"):
        await page.send(bob.number, "hello?")
    await page.event("page.console", lambda text: NOT_FOUND in text, after=before)


async def test_a_page_does_not_need_the_modules_that_libraries_miss(
    simulator: Simulator, tmp_path: Path, alice: Phone, faults: Faults
) -> None:
    await faults.begin("broken-module", module="WAWebLogoutReasonUtils")
    async with WaJs(tmp_path, simulator.url) as page:
        await page.link(alice)
        before = len(page.lines)

        await alice.unlink()

        assert await page.event("conn.auth_code_change", bool, after=before)
        assert page.values("page.error") == []


async def test_without_the_module_of_the_code_no_code_is_seen(
    simulator: Simulator, tmp_path: Path, faults: Faults
) -> None:
    await faults.begin("broken-module", module="WAWebConnModel")
    async with WaJs(tmp_path, simulator.url) as page:
        await page.event("loader.full_ready")

        assert await page.evaluate("WPP.whatsapp.Socket.state") == "UNPAIRED"
        assert not any(page.values("conn.auth_code_change"))


async def test_without_the_module_of_the_stream_it_is_never_ready(
    simulator: Simulator, tmp_path: Path, alice: Phone, faults: Faults
) -> None:
    await faults.begin("broken-module", module="WAWebStreamModel")
    async with WaJs(tmp_path, simulator.url) as page:
        await alice.scan(await page.code())
        await page.event("conn.main_loaded")
        await page.event("loader.ready")  # with which the other comes, if all is well

        assert not await page.evaluate("WPP.isFullReady")
        await page.event("page.console", lambda text: "Module Stream was not found" in text)


async def test_a_slow_sync_tells_its_progress(page: WaJs, alice: Phone, faults: Faults) -> None:
    await faults.begin("slow-sync", seconds=1)
    await page.code()
    await page.evaluate("""
        window.percents = [];
        require("WAWebCmd").Cmd.on("offline_progress_update_from_bridge", () => percents.push(
            require("WAWebOfflineHandler").OfflineMessageHandler.getOfflineDeliveryProgress()));
    """)

    await page.link(alice)

    assert await page.evaluate("percents") == list(range(0, 101, 10))


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
