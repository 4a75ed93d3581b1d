"""What happened: every transition counted, starts and restores timed."""

from collections.abc import Awaitable, Callable

from prometheus_client import CollectorRegistry, generate_latest

from actors.browser.reports import ComparisonFailed, Failure, WentOffline
from api.metrics.accounts import AccountInstruments
from api.settings import Settings
from store.status import Cause, Status
from tests.api.metrics.scrape import Scrape, scrape
from tests.api.told import Api
from tests.told import until

RESTORES = "wa_restore_duration_seconds"
STARTS = "wa_start_duration_seconds"
TRANSITIONS = "wa_transitions_total"


async def test_a_life_is_counted_step_by_step(api: Api) -> None:
    account_id = await api.create()
    await api.show_qr(account_id)
    run = await api.link(account_id)
    run.report(WentOffline("no network"))
    await api.until(account_id, Status.CONNECTING)
    run.fail(Failure.BROWSER_EXITED, "signal 9")
    await until(lambda: api.cause(account_id) is Cause.BROWSER_EXITED)

    shown = await scrape(api)
    steps = {
        (sample.labels["status"], sample.labels["cause"]): sample.value
        for sample in shown.samples
        if sample.name == TRANSITIONS and sample.value
    }
    assert steps == {
        ("CONNECTING", "user_connect"): 1,
        ("QR_READY", "qr_shown"): 1,
        ("AUTHENTICATING", "linked"): 1,
        ("CONNECTED", "ready"): 1,
        ("CONNECTING", "offline"): 1,
        ("CONNECTING", "browser_exited"): 1,
    }
    assert shown.value(f"{STARTS}_count", status="QR_READY") == 1
    assert shown.value(f"{STARTS}_count", status="CONNECTED") == 0
    assert shown.value(f"{RESTORES}_count") == 0


async def test_pages_that_cannot_be_compared_are_counted(api: Api) -> None:
    account_id = await api.create()
    run = await api.link(account_id)
    name = "wa_comparisons_failed_total"
    assert (await scrape(api)).value(name) == 0

    run.report(ComparisonFailed())
    run.report(WentOffline("no network"))
    await api.until(account_id, Status.CONNECTING)
    assert (await scrape(api)).value(name) == 1


async def test_what_did_not_happen_yet_stands_at_zero(api: Api) -> None:
    shown = await scrape(api)
    for status, cause in (
        (Status.CONNECTING, Cause.BROWSER_EXITED),
        (Status.CONNECTING, Cause.DEADLINE),
        (Status.ACTION_REQUIRED, Cause.TERMS),
        (Status.FAILED, Cause.GAVE_UP),
        (Status.LOGGED_OUT, Cause.UNLINKED),
    ):
        assert shown.value(TRANSITIONS, status=status.value, cause=cause.value) == 0


async def test_restored_accounts_are_timed_from_the_start_of_the_server(
    start_api: Callable[[Settings], Awaitable[Api]], settings: Settings
) -> None:
    before = await start_api(settings)
    accounts = [await before.create() for _ in range(3)]
    for account_id in accounts[:2]:
        await before.link(account_id)
    await before.close()

    after = await start_api(settings)
    for account_id in accounts[:2]:
        await after.link(account_id)
    shown = await scrape(after)
    assert shown.value(f"{RESTORES}_count") == 2
    assert shown.value(f"{STARTS}_count", status="CONNECTED") == 2
    assert shown.value(f"{RESTORES}_sum") > shown.value(f"{STARTS}_sum", status="CONNECTED") > 0


def restored(*, recovered_at: float, connected_at: float) -> float:
    """Time a restore by a server that started at 1000 s, with a window of 60 s."""
    registry = CollectorRegistry()
    accounts = AccountInstruments(registry, 1000, 60, lambda: connected_at)
    accounts.restored(connected_at - recovered_at)
    return Scrape(generate_latest(registry).decode()).value(f"{RESTORES}_sum")


def test_a_wait_for_a_predecessors_lease_belongs_to_the_restore() -> None:
    assert restored(recovered_at=1031, connected_at=1040) == 40


def test_a_takeover_long_after_the_start_counts_from_itself() -> None:
    assert restored(recovered_at=9000, connected_at=9007) == 7
