"""No message is lost that the page holds, and hardly one told twice: real pages, real wa-js."""

from datetime import UTC, datetime

import pytest

from actors.browser.reports import (
    Authenticated,
    ComparisonFailed,
    MessageReceived,
    Ready,
    Reloaded,
)
from store.events.known_messages import KnownMessages
from tests.browser.watched import PROVEN, Faults, PhoneOf, Start, WatchedRun, until

ADA, BOB = "491700000001", "491700000002"


def heard(run: WatchedRun) -> list[tuple[str | None, bool]]:
    """The messages that a run reported, and whether each was recovered."""
    return [(r.text, r.recovered) for r in run.reports if isinstance(r, MessageReceived)]


async def test_what_no_event_told_of_is_recovered_once(
    start: Start, phone: PhoneOf, faults: Faults
) -> None:
    run = start(probe_seconds=0.2)
    await run.ready_with(phone(ADA))
    await phone(ADA).receive(BOB, "heard")
    await run.until(MessageReceived)

    await faults.add("silent", number=ADA)
    await phone(ADA).receive(BOB, "unheard")
    await run.until(MessageReceived)
    await faults.clear()
    await phone(ADA).receive(BOB, "heard again")
    await run.until(MessageReceived)
    await some_probes(run)

    assert heard(run) == [("heard", False), ("unheard", True), ("heard again", False)]


async def test_what_waited_while_the_account_was_away_is_recovered_once(
    start: Start, phone: PhoneOf
) -> None:
    first = start(durable_seconds=PROVEN)
    await first.ready_with(phone(ADA))
    await first.close()
    await phone(ADA).receive(BOB, "are you there?")

    second = start(probe_seconds=0.2)
    await second.until(MessageReceived)
    await second.evaluate("location.reload()")
    await second.until(Reloaded)
    await second.until(Ready)
    await some_probes(second)

    assert heard(second) == [("are you there?", True)]


async def test_what_the_page_had_taken_but_nobody_recorded_is_recovered(
    start: Start, phone: PhoneOf
) -> None:
    first = start(durable_seconds=PROVEN)
    await first.ready_with(phone(ADA))
    await phone(ADA).receive(BOB, "recorded")
    recorded = await first.until(MessageReceived)
    await phone(ADA).receive(BOB, "not recorded")
    await first.until(MessageReceived)
    await first.close()

    second = start(
        known=KnownMessages((recorded.message_id,), datetime.now(UTC)), probe_seconds=0.2
    )
    await second.until(MessageReceived)
    await some_probes(second)

    assert heard(second) == [("not recorded", True)]


async def test_what_was_said_before_the_device_was_linked_is_no_news(
    start: Start, phone: PhoneOf
) -> None:
    other = start("other")
    await other.ready_with(phone(ADA))
    await phone(ADA).receive(BOB, "long ago")
    await other.until(MessageReceived)

    run = start(known=KnownMessages((), datetime.now(UTC)), probe_seconds=0.2)
    await run.ready_with(phone(ADA))
    assert (await run.evaluate("WPP.whatsapp.MsgStore.getModelsArray().length")) == 1
    await some_probes(run)

    assert any(isinstance(report, Authenticated) for report in run.reports)
    assert heard(run) == []


async def test_a_page_that_cannot_be_compared_says_so_until_it_can(
    start: Start, phone: PhoneOf, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "actors.browser.page.probe")
    run = start(probe_seconds=0.05)
    await run.ready_with(phone(ADA))
    await run.evaluate("WPP.whatsapp.MsgStore.getModelsArray = () => { throw Error('gone'); }")
    await until(lambda: "cannot be found: Error: gone" in caplog.text, "the log says it")
    await run.until(ComparisonFailed)

    await run.evaluate("delete WPP.whatsapp.MsgStore.getModelsArray")
    await until(lambda: "can be found again" in caplog.text, "the log says that it works")
    assert caplog.text.count("cannot be found") == 1


async def some_probes(run: WatchedRun) -> None:
    """Wait until the page has been compared, and has had the time to tell."""
    await run.evaluate("new Promise((done) => setTimeout(done, 1600))")
