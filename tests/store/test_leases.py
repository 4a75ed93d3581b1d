"""One owner per account, and nobody else's word about it is kept."""

import asyncio
import logging
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bench.start import resting
from store import accounts, leases, models
from store.database.opening import open_database
from store.errors import LeaseLost
from store.events import event_log
from store.events.recorder import Recorder
from store.leases import Lease, Server
from store.status import Desired, Status
from tests.postgres_server import PostgresServer
from tests.store.parts import Listener, status, until
from tests.surroundings import Surroundings

ONE = Server("one", "host-1", 11, lease_seconds=30.0)
TWO = Server("two", "host-2", 22, lease_seconds=30.0)


async def create(owner: Server | None = ONE) -> str:
    row, _ = await accounts.create("Support", owner)
    return row.id


async def lease_of(account_id: str) -> Lease:
    lease = await leases.get(account_id)
    assert lease is not None
    return lease


async def test_who_creates_an_account_owns_it(database: None) -> None:
    account_id = await create()
    assert await leases.all_leases() == [Lease(account_id, ONE, epoch=1, renewals=0)]


async def test_an_account_of_an_earlier_version_gets_a_lease_that_nobody_has(
    database: None,
) -> None:
    account_id = await create(owner=None)
    await leases.add_missing()
    await leases.add_missing()
    assert await leases.all_leases() == [Lease(account_id, None, epoch=0, renewals=0)]


async def test_a_claim_raises_the_epoch(database: None) -> None:
    account_id = await create()
    assert await leases.claim([await lease_of(account_id)], TWO) == {account_id: 2}
    assert (await lease_of(account_id)).server == TWO


@pytest.mark.parametrize("what", ["renewed", "claimed", "given back"])
async def test_a_claim_of_what_has_changed_since_takes_nothing(database: None, what: str) -> None:
    account_id = await create()
    seen = await lease_of(account_id)
    match what:
        case "renewed":
            await leases.renew(ONE.id)
        case "claimed":
            await leases.claim([seen], replace(TWO, id="three"))
        case "given back":
            await leases.release(ONE.id, [account_id])
    before = await lease_of(account_id)
    assert await leases.claim([seen], TWO) == {}
    assert await lease_of(account_id) == before


async def test_a_renewal_tells_what_is_still_ours_and_touches_nothing_else(
    database: None,
) -> None:
    kept, lost, foreign = await create(), await create(), await create(TWO)
    await leases.claim([await lease_of(lost)], TWO)
    assert await leases.renew(ONE.id) == {kept: 1}
    assert (await lease_of(kept)).renewals == 1
    assert (await lease_of(foreign)).renewals == 0


async def test_what_is_given_back_keeps_its_epoch_and_has_no_owner(database: None) -> None:
    account_id, foreign = await create(), await create(TWO)
    await leases.release(ONE.id, [account_id, foreign])
    assert (await lease_of(account_id)).server is None
    assert (await lease_of(account_id)).epoch == 1
    assert (await lease_of(foreign)).server == TWO


async def test_what_is_done_with_a_chunk_of_leases_is_one_statement(
    database: None, caplog: pytest.LogCaptureFixture
) -> None:
    await models.Account.bulk_create(resting(leases.CHUNK))
    caplog.set_level(logging.DEBUG, "tortoise.db_client")
    await leases.add_missing()
    said = len(caplog.records)
    seen = await leases.all_leases()
    caplog.clear()
    names = [lease.account_id for lease in seen]

    taken = await leases.claim(seen, ONE)
    renewed = await leases.renew(ONE.id, names)
    await leases.release(ONE.id, names)

    assert (said, len(caplog.records)) == (1, 3)
    assert taken == renewed == dict.fromkeys(names, 1)
    assert {lease.server for lease in await leases.all_leases()} == {None}


async def test_of_many_leases_those_are_claimed_that_have_not_changed(database: None) -> None:
    await models.Account.bulk_create(resting(5))
    await leases.add_missing()
    seen = await leases.all_leases()
    first, second, third, *rest = [lease.account_id for lease in seen]
    await leases.claim(seen[:2], ONE)
    await leases.release(ONE.id, [second])
    await accounts.delete(third)

    assert await leases.claim(seen, TWO) == dict.fromkeys(rest, 1)
    assert await leases.renew(TWO.id, [first, rest[0]]) == {rest[0]: 1}
    assert [lease.renewals for lease in await leases.all_leases()] == [1, 2, 2, 1]


@pytest.mark.parametrize("back_and_forth", range(3))
async def test_servers_that_claim_the_same_leases_at_once_share_them_out(
    database: None, back_and_forth: int
) -> None:
    await models.Account.bulk_create(resting(100))
    await leases.add_missing()
    seen = await leases.all_leases()
    one, two = await asyncio.gather(leases.claim(seen, ONE), leases.claim(seen[::-1], TWO))
    assert not one.keys() & two.keys()
    assert len(one) + len(two) == len(seen)
    for lease in await leases.all_leases():
        assert lease.server == (ONE if lease.account_id in one else TWO)


@pytest.mark.postgres
async def test_a_claim_that_waits_for_a_renewal_finds_that_the_lease_has_changed(
    surroundings: Surroundings, postgres_server: PostgresServer
) -> None:
    name = surroundings.database_url.rpartition("/")[2]
    async with open_database(surroundings.database_url, lock_seconds=5):
        await models.Account.bulk_create(resting(3))
        await leases.add_missing()
        seen = await leases.all_leases()
        renewed = seen[1].account_id
        with postgres_server.session(name) as other:
            other.run(
                f"BEGIN; UPDATE leases SET renewals = renewals + 1 WHERE account_id = '{renewed}'"
            )
            claim = asyncio.create_task(leases.claim(seen, TWO))
            waiting = (
                "SELECT count(*) FROM pg_stat_activity "
                f"WHERE datname = '{name}' AND wait_event_type = 'Lock'"
            )
            while other.run(waiting) != "1":
                await asyncio.sleep(0.01)
            other.run("COMMIT")
        assert await claim == {seen[0].account_id: 1, seen[2].account_id: 1}
        assert (await lease_of(renewed)).server is None


async def test_a_wish_is_kept_under_the_newest_epoch_only(database: None) -> None:
    account_id = await create()
    await accounts.set_desired(account_id, Desired.CONNECTED, epoch=1)
    await leases.claim([await lease_of(account_id)], TWO)
    with pytest.raises(LeaseLost):
        await accounts.set_desired(account_id, Desired.DISCONNECTED, epoch=1)
    row = await accounts.get(account_id)
    assert row is not None
    assert row.desired is Desired.CONNECTED


async def test_only_the_owner_deletes_an_account_and_its_lease_goes_with_it(
    database: None,
) -> None:
    account_id = await create()
    with pytest.raises(LeaseLost):
        await accounts.delete(account_id, epoch=7)
    assert await accounts.delete(account_id, epoch=1)
    assert await leases.all_leases() == []


async def test_an_event_of_a_former_owner_is_refused_and_the_owner_hears_of_it(
    recorder: Recorder, listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    refused: list[tuple[str, int]] = []
    recorder.tell_refusals(lambda account_id, epoch: refused.append((account_id, epoch)))
    lost, kept = await create(), await create()
    await leases.claim([await lease_of(lost)], TWO)
    since = datetime.now(UTC)

    recorder.record(status(lost, 1), {"status": Status.CONNECTED, "since": since}, epoch=1)
    recorder.record(status(kept, 1), {"status": Status.CONNECTED, "since": since}, epoch=1)
    recorder.record(status(lost, 1, by="two"), {"attempt": 5}, epoch=2)
    assert await recorder.flush(5)

    log = [(event.account_id, event.data) for event in (await event_log.page(0, 10)).items]
    assert log == [(kept, {}), (lost, {"by": "two"})]
    row = await accounts.get(lost)
    assert row is not None
    assert (row.status, row.attempt) == (Status.DISCONNECTED, 5)
    assert refused == [(lost, 1)]
    assert "another server owns the account" in caplog.text
    await until(lambda: listener.seqs == [1, 1])


async def test_an_event_of_an_account_that_is_deleted_is_refused(recorder: Recorder) -> None:
    account_id = await create()
    await accounts.delete(account_id, epoch=1)
    recorder.record(status(account_id, 1), epoch=1)
    assert await recorder.flush(5)
    assert (await event_log.page(0, 10)).items == []
