"""One attempt's browser when all goes well: a real Chromium, real wa-js and simulated phones."""

import asyncio
import re
from datetime import UTC, datetime, timedelta

import pytest

from actors.browser.errors import NoSuchNumber, NotReady, PageError
from actors.browser.page.page import WhatsAppPage
from actors.browser.reports import (
    Authenticated,
    Closed,
    Failed,
    Failure,
    LoggedOut,
    MessageReceived,
    PairingCodeShown,
    QrExhausted,
    QrShown,
    Ready,
    Reloaded,
    SyncProgress,
    WentOffline,
)
from simulator.server import Simulator
from simulator.settings import SimulatorSettings
from tests.browser.watched import PROVEN, Faults, PhoneOf, Start, WatchedRun

ADA, BOB = "491700000001", "491700000002"


async def test_a_phone_links_the_account_by_its_qr_code(start: Start, phone: PhoneOf) -> None:
    run = start()

    shown = await run.until(QrShown)
    await phone(ADA).scan(shown.code)

    assert (shown.number, shown.of) == (1, 6)
    assert shown.expires_at - datetime.now(UTC) < timedelta(seconds=60)
    assert (await run.until(Authenticated)).fresh
    ready = await run.until(Ready)
    assert ready.phone == ADA
    assert ready.web_version.startswith("2.3000.")


async def test_a_linked_account_comes_back_without_a_scan(start: Start, phone: PhoneOf) -> None:
    first = start(durable_seconds=PROVEN)
    await first.ready_with(phone(ADA))
    await first.close()

    second = start()

    assert not (await second.until(Authenticated)).fresh
    assert (await second.until(Ready)).phone == ADA
    assert not any(isinstance(report, QrShown) for report in second.reports)


async def test_a_phone_links_the_account_by_a_pairing_code(start: Start, phone: PhoneOf) -> None:
    run = start()
    await run.until(QrShown)

    shown = await run.browser.pairing_code(ADA)
    assert (await run.until(PairingCodeShown)).code == shown.code
    await phone(ADA).enter_code(shown.code)

    assert shown.phone == ADA
    assert (await run.until(Authenticated)).fresh
    assert (await run.until(Ready)).phone == ADA


async def test_a_pairing_code_is_reported_also_where_the_page_tells_of_none(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer_only(*_: object) -> str:
        return "ABCD1234"

    monkeypatch.setattr(WhatsAppPage, "pairing_code", answer_only)
    run = start()
    await run.until(QrShown)

    shown = await run.browser.pairing_code(ADA)
    assert (await run.until(PairingCodeShown)).code == shown.code == "ABCD1234"


async def test_a_ready_account_has_no_use_for_a_pairing_code(start: Start, phone: PhoneOf) -> None:
    run = start()
    await run.ready_with(phone(ADA))

    with pytest.raises(NotReady):
        await run.browser.pairing_code(ADA)


async def test_texts_go_both_ways_and_each_is_reported_once(start: Start, phone: PhoneOf) -> None:
    run = start()
    await run.ready_with(phone(ADA))

    sent = await run.browser.send_text(BOB, 'hello, Bob\n"quoted" ü')
    await phone(ADA).receive(BOB, "hello, Ada", "3A01")
    received = await run.until(MessageReceived)
    await phone(ADA).receive(BOB, "and again", "3A02")
    await run.until(MessageReceived, lambda report: report.text == "and again")

    assert [message["body"] for message in await phone(BOB).inbox()] == ['hello, Bob\n"quoted" ü']
    assert sent.ack >= 1
    assert received.text == "hello, Ada"
    assert (received.chat, received.sender) == (f"{BOB}@c.us", f"{BOB}@c.us")
    assert received.recipient == f"{ADA}@c.us"
    assert abs(received.at - datetime.now(UTC)) < timedelta(minutes=1)
    texts = [report.text for report in run.reports if isinstance(report, MessageReceived)]
    assert texts == ["hello, Ada", "and again"]


async def test_a_message_that_came_while_the_account_was_away_is_reported(
    start: Start, phone: PhoneOf
) -> None:
    first = start(durable_seconds=PROVEN)
    await first.ready_with(phone(ADA))
    await first.close()
    await phone(ADA).receive(BOB, "are you there?")

    second = start()

    assert (await second.until(MessageReceived)).text == "are you there?"


async def test_what_the_page_refuses_is_an_error_with_its_name_and_build(
    start: Start, phone: PhoneOf
) -> None:
    run = start()
    await run.ready_with(phone(ADA))

    with pytest.raises(PageError) as caught:
        await run.browser.send_text("not-a-group@g.us", "hello")

    assert caught.value.name
    assert caught.value.message
    assert (caught.value.build or "").startswith("2.3000.")


async def test_a_number_that_whatsapp_does_not_know_is_told_as_such(
    start: Start, phone: PhoneOf
) -> None:
    run = start()
    await run.ready_with(phone(ADA))
    await run.evaluate("WPP.whatsapp.functions.queryWidExists = async () => null")

    with pytest.raises(NoSuchNumber):
        await run.browser.send_text("4900000000000", "hello")


async def test_nothing_is_sent_before_the_account_is_ready(start: Start) -> None:
    run = start()

    with pytest.raises(NotReady):
        await run.browser.send_text(BOB, "too early")
    await run.until(QrShown)
    with pytest.raises(NotReady):
        await run.browser.send_text(BOB, "too early")


async def test_the_page_can_be_seen_and_answers(start: Start) -> None:
    run = start()
    await run.until(QrShown)

    await run.browser.ping()
    picture = await run.browser.screenshot()

    assert picture.startswith(b"\x89PNG")


async def test_the_page_looks_like_a_desktop_chrome(start: Start) -> None:
    run = start()
    await run.until(QrShown)

    agent = await run.evaluate("navigator.userAgent")
    brands = await run.evaluate("JSON.stringify(navigator.userAgentData.brands)")

    assert re.search(r"Chrome/\d+\.0\.0\.0 Safari", agent)
    assert "Headless" not in agent + brands
    assert await run.evaluate("navigator.webdriver") is False
    assert await run.evaluate("typeof window.waManagerTell") == "undefined"


async def test_a_phone_that_removes_the_device_logs_the_account_out(
    start: Start, phone: PhoneOf
) -> None:
    run = start()
    await run.ready_with(phone(ADA))

    await phone(ADA).unlink()

    assert (await run.until(LoggedOut)).reason == "device_removed"
    await run.until(Reloaded)
    await run.until(QrShown)


async def test_a_device_that_was_removed_meanwhile_is_logged_out_when_it_comes_back(
    start: Start, phone: PhoneOf
) -> None:
    first = start(durable_seconds=PROVEN)
    await first.ready_with(phone(ADA))
    await first.close()
    await phone(ADA).unlink()

    second = start()

    await second.until(LoggedOut)
    assert not any(isinstance(report, Ready) for report in second.reports)


async def test_an_own_logout_unlinks_the_device_before_the_browser_closes(
    start: Start, phone: PhoneOf
) -> None:
    run = start()
    await run.ready_with(phone(ADA))

    run.browser.stop(unlink=True, wipe=True)
    await run.until(LoggedOut)

    assert (await run.until(Closed)).unlinked
    assert not run.profile.exists()
    assert not await phone(ADA).linked()


async def test_a_lost_connection_is_told_and_so_is_its_return(
    start: Start, phone: PhoneOf, faults: Faults
) -> None:
    run = start()
    await run.ready_with(phone(ADA))

    await faults.add("offline", number=ADA)
    await run.until(WentOffline)
    await faults.clear()

    await run.until(Ready)


async def test_an_account_that_comes_back_without_a_network_says_so_and_is_ready_with_it(
    start: Start, phone: PhoneOf, faults: Faults
) -> None:
    first = start(durable_seconds=PROVEN)
    await first.ready_with(phone(ADA))
    await first.close()
    await faults.add("offline", number=ADA)

    second = start()
    await second.until(WentOffline)
    assert not any(isinstance(report, Ready) for report in second.reports)
    await faults.clear()

    await second.until(Ready)
    assert [type(report) for report in second.reports].count(WentOffline) == 1


async def test_a_page_that_reloads_itself_comes_back(
    start: Start, phone: PhoneOf, faults: Faults
) -> None:
    run = start()
    await run.ready_with(phone(ADA))

    await faults.add("reload", number=ADA)
    await run.until(Reloaded)
    await run.until(Ready)

    assert (await run.browser.send_text(BOB, "still here")).ack >= 1


async def test_a_slow_sync_tells_its_progress(start: Start, phone: PhoneOf, faults: Faults) -> None:
    run = start()
    await faults.add("slow-sync", seconds=1)

    await phone(ADA).scan((await run.until(QrShown)).code)

    await run.until(Authenticated)
    progress = await run.until(SyncProgress)
    assert 0 <= progress.percent <= 100
    await run.until(Ready)


async def test_whatsapps_announcement_is_clicked_away(start: Start) -> None:
    run = start()
    await run.until(QrShown)

    await run.evaluate(
        """
        for (const text of ["Accept everything?", "What\u2019s new on WhatsApp Web"]) {
          const dialog = document.body.appendChild(document.createElement("div"));
          dialog.role = "dialog";
          dialog.append(text, document.createElement("button"));
          dialog.lastChild.textContent = "Continue";
          dialog.lastChild.onclick = () => dialog.remove();
        }
        """
    )
    assert len(await dialogs(run)) == 2

    async with asyncio.timeout(15):
        while len(await dialogs(run)) == 2:
            await asyncio.sleep(0.1)
    assert await dialogs(run) == ["Accept everything?Continue"]


class TestUnderWhatsAppsOwnName:
    """A simulator that is served under the real host's name, with a certificate of its own."""

    @pytest.fixture
    def settings(self) -> SimulatorSettings:
        return SimulatorSettings(tls=True)

    async def test_the_host_can_be_mapped(self, start: Start, simulator: Simulator) -> None:
        run = start(web_url="https://web.whatsapp.com/", map_host=f"127.0.0.1:{simulator.port}")

        await run.until(QrShown)

        assert await run.evaluate("location.origin") == "https://web.whatsapp.com"

    async def test_an_unknown_certificate_is_refused_otherwise(self, start: Start) -> None:
        failed = await start().until(Failed)

        assert failed.failure is Failure.PAGE_UNREACHABLE
        assert "certificate is not trusted" in failed.detail


async def dialogs(run: WatchedRun) -> list[str]:
    found = "[...document.querySelectorAll('[role=dialog]')].map((dialog) => dialog.textContent)"
    texts: list[str] = await run.evaluate(found)
    return [text for text in texts if text.endswith("Continue")]


class TestShortLivedCodes:
    """Codes that rotate within seconds."""

    @pytest.fixture
    def settings(self) -> SimulatorSettings:
        return SimulatorSettings(qr_first_seconds=1.5, qr_next_seconds=0.5, qr_codes=3)

    async def test_codes_rotate_and_end(self, start: Start) -> None:
        run = start()

        shown = [await run.until(QrShown) for _ in range(3)]
        await run.until(QrExhausted)

        assert [code.number for code in shown] == [1, 2, 3]
        assert len({code.code for code in shown}) == 3

    async def test_the_newest_code_links(self, start: Start, phone: PhoneOf) -> None:
        run = start()
        await run.until(QrShown)

        await phone(ADA).scan((await run.until(QrShown)).code)

        await run.until(Ready)
