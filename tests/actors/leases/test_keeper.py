"""Servers on one database: each account has one, and its browser goes with the lease."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.account.context import Deadlines
from actors.browser.reports import Authenticated, Ready, WentOffline
from actors.config import ManagerConfig
from actors.errors import AccountElsewhere, NobodysAccount, UnknownAccount
from actors.leases.policy import LeaseTerms
from store import accounts, leases
from store.events.recorder import Recorder
from store.leases import Server
from store.status import Status
from tests.actors.conftest import TERMS, Servers, Stage
from tests.held import HeldDatabase
from tests.surroundings import Surroundings
from tests.told import ToldManager, ToldRun, until

PATIENT = LeaseTerms(seconds=6.0, margin=0.5)
"""Long enough to miss a renewal, and to go on."""
THIEF = Server("thief", "another-host", 4711, lease_seconds=30.0)


@pytest.fixture
def held(recorder: Recorder, surroundings: Surroundings) -> Iterator[HeldDatabase]:
    held = surroundings.held()
    yield held
    held.close()


async def linked(stage: Stage) -> tuple[str, ToldRun]:
    """Have an account linked and CONNECTED, and all of that in the log."""
    account_id, run = await stage.linked()
    assert await stage.recorder.flush(5)
    return account_id, run


def left(stage: Stage) -> float:
    """Return the seconds until a server's lease runs out."""
    keeper = stage.manager._keeper
    return min(held.until for held in keeper._held.values()) - keeper._clock()


async def stolen(account_id: str) -> None:
    """Have another server take an account as if its lease had run out."""
    async with asyncio.timeout(10):
        while True:
            lease = await leases.get(account_id)
            assert lease is not None
            if await leases.claim([lease], THIEF):
                return


async def test_the_second_server_refuses_what_it_does_not_own_and_says_who_does(
    servers: Servers,
) -> None:
    first, second = await servers.start(), await servers.start()
    account_id, _ = await linked(first)
    for command in (
        second.manager.connect,
        second.manager.disconnect,
        second.manager.restart,
        second.manager.logout,
        second.manager.delete,
        second.manager.screenshot,
    ):
        with pytest.raises(AccountElsewhere) as refusal:
            await command(account_id)
        assert refusal.value.owner == first.manager._keeper.server
    assert first.status(account_id) is Status.CONNECTED
    assert second.manager.view(account_id) is None
    await until(lambda: second.manager.elsewhere == 1)


async def test_the_second_server_works_for_the_accounts_it_creates(servers: Servers) -> None:
    first, second = await servers.start(), await servers.start()
    account_id, _ = await linked(second)
    with pytest.raises(AccountElsewhere):
        await first.manager.connect(account_id)
    assert await second.causes(account_id) == ["created", "user_connect", "linked", "ready"]


async def test_the_owner_renames_an_account_and_none_knows_what_is_not(servers: Servers) -> None:
    first, second = await servers.start(), await servers.start()
    account_id = await first.create()
    with pytest.raises(AccountElsewhere):
        await second.manager.rename(account_id, "Sales")
    assert (await first.manager.rename(account_id, "Sales")).name == "Sales"
    with pytest.raises(UnknownAccount):
        await second.manager.connect("nobody")


async def test_an_orderly_stop_hands_accounts_over(servers: Servers) -> None:
    first, second = await servers.start(), await servers.start()
    account_id, run = await linked(first)
    await first.manager.stop(5)
    assert run.stopped
    await second.run(account_id)
    await second.tells(account_id, "shutdown", "restore")


async def test_leases_are_kept_at_a_stop_that_could_not_write_the_last_events(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = await servers.start(terms=PATIENT)
    account_id, _ = await linked(stage)

    async def in_vain(seconds: float) -> bool:
        return False

    with monkeypatch.context() as away:
        away.setattr(stage.recorder, "flush", in_vain)
        await stage.manager.stop(5)
    keeper = stage.manager._keeper
    lease = await leases.get(account_id)
    assert lease is not None
    assert lease.server == keeper.server
    assert not keeper._liveness.is_dead(keeper.server.id)
    await stage.tells(account_id, "ready", "shutdown")


async def test_a_start_that_is_given_up_gives_its_leases_back(servers: Servers) -> None:
    first = await servers.start()
    account_id, _ = await linked(first)
    await first.manager.stop(5)
    second = ToldManager(first.manager._config, first.recorder)
    await second._keeper.start()
    taken = await leases.get(account_id)
    await second.stop(5)
    lease = await leases.get(account_id)
    assert taken is not None
    assert taken.server == second._keeper.server
    assert lease is not None
    assert lease.server is None


async def test_a_killed_server_is_succeeded_before_its_leases_run_out(
    servers: Servers, config: ManagerConfig
) -> None:
    first, second = await servers.start(), await servers.start()
    account_id, _ = await linked(first)
    first.manager.be_killed()
    started = asyncio.get_running_loop().time()
    await second.run(account_id)
    assert asyncio.get_running_loop().time() - started < TERMS.seconds
    await second.tells(account_id, "ready", "restore")


class Unhurried(LeaseTerms):
    """Looks at the leases at its start, and then only if somebody died."""

    look_every = 1000.0


async def test_a_server_that_dies_while_another_one_starts_is_succeeded_at_its_first_look(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await servers.start()
    account_id, _ = await linked(first)

    async def die(*_: object) -> None:
        first.manager.be_killed()

    # Near the end of the start, after all leases were looked at.
    monkeypatch.setattr("actors.manager.remove_orphans", die)
    second = await servers.start(terms=Unhurried(seconds=6.0, margin=0.5))
    await second.run(account_id)
    await second.tells(account_id, "ready", "restore")


async def test_a_server_whose_death_nobody_can_prove_is_succeeded_when_its_leases_run_out(
    servers: Servers, tmp_path: Path
) -> None:
    first, second = await servers.start(tmp_path / "one"), await servers.start(tmp_path / "two")
    account_id, _ = await linked(first)
    first.manager.be_killed()
    with pytest.raises(AccountElsewhere):
        await second.manager.connect(account_id)
    await second.run(account_id)
    await second.tells(account_id, "ready", "restore")


async def test_accounts_go_on_while_the_database_is_away_for_less_than_a_lease(
    servers: Servers, held: HeldDatabase
) -> None:
    stage = await servers.start(terms=PATIENT)
    account_id, run = await linked(stage)
    held.hold()
    run.report(WentOffline("TIMEOUT"))
    await stage.reaches(account_id, Status.CONNECTING)
    run.report(Ready("491700000001", "Support", "2.3000"))
    await stage.reaches(account_id, Status.CONNECTED)
    await until(lambda: stage.manager.trouble)
    assert left(stage) < PATIENT.seconds - PATIENT.renew_every
    held.release()
    await until(lambda: stage.manager.trouble is None)
    assert left(stage) > PATIENT.seconds - PATIENT.renew_every
    await stage.tells(account_id, "linked", "ready", "offline", "ready")
    row = await accounts.get(account_id)
    assert row is not None
    assert row.status is Status.CONNECTED
    assert stage.manager.runs == {account_id: run}
    assert not run.stopped


async def test_a_server_that_cannot_renew_closes_its_browsers_and_brings_them_back_later(
    servers: Servers, held: HeldDatabase
) -> None:
    stage = await servers.start()
    account_id, run = await linked(stage)
    held.hold()
    await until(lambda: run.stopped)
    await stage.reaches(account_id, Status.DISCONNECTED)
    with pytest.raises(NobodysAccount):
        await stage.manager.connect(account_id)
    held.release()
    again = await stage.run(account_id, after=run)
    again.report(Ready("491700000001", "Support", "2.3000"))
    await stage.tells(account_id, "ready", "lease_lost", "restore", "ready")


async def test_a_browser_that_does_not_close_is_killed_before_the_lease_ends(
    servers: Servers, held: HeldDatabase
) -> None:
    stage = await servers.start(terms=LeaseTerms(seconds=3.0, margin=2.0))
    _, run = await linked(stage)
    run.lingers = True
    held.hold()
    leased_until = max(held_lease.until for held_lease in stage.manager._keeper._held.values())
    await until(lambda: run.killed)
    assert stage.manager._keeper._clock() < leased_until


@pytest.mark.parametrize("asked_before", [False, True])
async def test_a_browser_that_hangs_after_a_lost_lease_is_killed_as_soon_as_at_any_other_end(
    servers: Servers, asked_before: bool
) -> None:
    stage = await servers.start(terms=LeaseTerms(), deadlines=Deadlines(closing=0.3))
    account_id, run = await linked(stage)
    run.lingers = True
    if asked_before:
        await stage.manager.disconnect(account_id)
        await until(lambda: run.stopped)
    await stolen(account_id)
    # The next renewal is seconds away, and most of the ten minutes are left.
    await stage.manager._keeper.renew()
    await until(lambda: run.killed)


async def test_a_server_whose_write_is_refused_closes_the_browser(servers: Servers) -> None:
    stage = await servers.start()
    account_id, run = await linked(stage)
    await stolen(account_id)
    run.report(Authenticated(fresh=False))
    await until(lambda: run.stopped)
    await until(lambda: stage.manager.view(account_id) is None)
    row = await accounts.get(account_id)
    assert row is not None
    assert row.status is Status.CONNECTED
    with pytest.raises(AccountElsewhere, match="process 4711 on another-host"):
        await stage.manager.connect(account_id)


async def test_a_server_that_was_frozen_looks_at_the_clock_first(servers: Servers) -> None:
    stage = await servers.start()
    account_id, run = await linked(stage)
    keeper = stage.manager._keeper
    clock = keeper._clock
    keeper._clock = lambda: clock() + TERMS.seconds
    keeper.check_clock()
    assert keeper.epoch(account_id) is None
    await until(lambda: run.stopped)
