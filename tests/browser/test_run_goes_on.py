"""What a run survives: a human who must act, a page that hangs or lacks something for a while."""

import pytest

from actors.browser.errors import NotReady, PageTimeout
from actors.browser.reports import (
    ActionKind,
    ActionRequired,
    MessageReceived,
    QrShown,
    Ready,
    Reloaded,
    Report,
)
from tests.browser.watched import Faults, PhoneOf, Start

ADA, BOB = "491700000001", "491700000002"


async def test_a_call_that_times_out_leaves_the_connection_well(start: Start) -> None:
    run = start(call_seconds=0.3)
    await run.until(QrShown)
    busy = "setTimeout(() => { const end = Date.now() + 900; while (Date.now() < end); })"
    await run.evaluate(busy)

    with pytest.raises(PageTimeout):
        await run.browser.ping()

    await run.evaluate("1")
    await run.browser.ping()


async def test_a_report_that_nobody_can_take_ends_nothing(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    run = start()

    def refuse(report: Report) -> None:
        run._take(report)
        raise RuntimeError("no")

    run.browser._report = refuse

    await run.until(QrShown)
    await run.browser.ping()
    assert "nobody took QrShown" in caplog.text


@pytest.mark.parametrize(
    ("fault", "kind"), [("conflict", ActionKind.CONFLICT), ("terms", ActionKind.TERMS)]
)
async def test_what_a_human_must_do_keeps_the_browser_open(
    start: Start, phone: PhoneOf, faults: Faults, fault: str, kind: ActionKind
) -> None:
    run = start()
    await run.ready_with(phone(ADA))

    await faults.add(fault, number=ADA)

    assert (await run.until(ActionRequired)).kind is kind
    await run.browser.screenshot()
    with pytest.raises(NotReady):
        await run.browser.send_text(BOB, "hello")


async def test_a_passkey_is_asked_for_until_it_is_given(
    start: Start, phone: PhoneOf, faults: Faults
) -> None:
    run = start(probe_seconds=0.2)
    await faults.add("passkey")
    await phone(ADA).scan((await run.until(QrShown)).code)

    assert (await run.until(ActionRequired)).kind is ActionKind.PASSKEY
    await faults.clear()

    assert (await run.until(Ready)).phone == ADA


async def test_a_page_that_lacks_less_is_ready_and_names_it(
    start: Start, phone: PhoneOf, faults: Faults
) -> None:
    await faults.add("broken-module")
    run = start()

    assert (await run.ready_with(phone(ADA))).missing_modules == ("addAndSendMsgToChat",)


async def test_accepted_terms_make_the_account_ready_again(
    start: Start, phone: PhoneOf, faults: Faults
) -> None:
    run = start()
    await run.ready_with(phone(ADA))
    await faults.add("terms", number=ADA)
    await run.until(ActionRequired)

    await faults.clear()

    await run.until(Ready)


async def test_a_reload_takes_the_session_back_from_another_place(
    start: Start, phone: PhoneOf, faults: Faults
) -> None:
    run = start()
    await run.ready_with(phone(ADA))
    await faults.add("conflict", number=ADA)
    await run.until(ActionRequired)

    await run.evaluate("location.reload()")

    await run.until(Reloaded)
    await run.until(Ready)


async def test_terms_that_a_reload_does_not_accept_are_asked_for_again(
    start: Start, phone: PhoneOf, faults: Faults
) -> None:
    run = start()
    await run.ready_with(phone(ADA))
    await faults.add("terms", number=ADA)
    await run.until(ActionRequired)

    await run.evaluate("location.reload()")

    await run.until(Reloaded)
    assert (await run.until(ActionRequired)).kind is ActionKind.TERMS


async def test_a_reload_instead_of_a_passkey_shows_a_code_again(
    start: Start, phone: PhoneOf, faults: Faults
) -> None:
    run = start()
    await faults.add("passkey")
    await phone(ADA).scan((await run.until(QrShown)).code)
    await run.until(ActionRequired)

    await run.evaluate("location.reload()")

    await run.until(Reloaded)
    await run.until(QrShown)


async def test_another_thing_that_a_human_must_do_is_told(
    start: Start, phone: PhoneOf, faults: Faults
) -> None:
    run = start()
    await run.ready_with(phone(ADA))
    await faults.add("terms", number=ADA)
    await run.until(ActionRequired)

    await faults.add("conflict", number=ADA)

    assert (await run.until(ActionRequired)).kind is ActionKind.CONFLICT


async def test_a_page_that_hangs_for_a_moment_goes_on(
    start: Start, phone: PhoneOf, faults: Faults
) -> None:
    run = start(probe_seconds=0.2, probe_timeout_seconds=0.8)
    await run.ready_with(phone(ADA))

    await faults.add("hang", number=ADA, seconds=1.0)
    await run.browser.ping()
    await phone(ADA).receive(BOB, "still there?")

    assert (await run.until(MessageReceived)).text == "still there?"
