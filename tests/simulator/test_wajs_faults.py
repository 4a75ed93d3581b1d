"""wa-js sees each fault of the simulator as it would see it on WhatsApp Web."""

import asyncio
from pathlib import Path

import pytest

from simulator.server import Simulator
from tests.simulator.clients import Faults, Phone
from tests.simulator.libraries import LibraryError, WaJs

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
