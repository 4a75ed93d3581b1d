"""One attempt's browser, with a real Chromium, real wa-js and simulated phones."""

from actors.browser.reports import Authenticated, QrShown, Ready
from tests.browser.watched import PhoneOf, Start


async def test_a_phone_links_the_account_by_its_qr_code(start: Start, phone: PhoneOf) -> None:
    run = start()

    shown = await run.until(QrShown)
    await phone("491700000001").scan(shown.code)

    assert (shown.number, shown.of) == (1, 6)
    assert (await run.until(Authenticated)).fresh
    assert (await run.until(Ready)).phone == "491700000001"


async def test_a_linked_account_comes_back_without_a_scan(start: Start, phone: PhoneOf) -> None:
    first = start()
    await first.ready_with(phone("491700000001"))
    await first.close()

    second = start()
    ready = await second.until(Ready)

    assert ready.phone == "491700000001"
    assert not any(isinstance(report, QrShown) for report in second.reports)
