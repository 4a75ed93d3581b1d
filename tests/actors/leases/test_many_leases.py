"""A thousand accounts, and a database far away: what is asked for at once is bounded, and kept."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from actors.config import ManagerConfig
from actors.leases.keeper import LeaseKeeper
from actors.leases.liveness import Liveness
from actors.leases.policy import LeaseTerms
from bench.far import far
from bench.start import resting
from store import leases, models
from store.database.opening import open_database
from store.errors import DatabaseAway
from store.events.bus import Bus
from store.events.recorder import Recorder
from store.leases import Lease, Server
from tests.surroundings import Surroundings
from tests.told import ToldManager

MANY = 1000
TERMS = LeaseTerms()
US = Server("us", "host", 1, TERMS.seconds)


class Nobody:
    """Lives in no account."""

    async def take_up(self, account_ids: Collection[str]) -> None:
        pass

    def relinquish(self, account_id: str, seconds: float) -> None:
        pass

    def found_elsewhere(self, account_ids: Collection[str]) -> None:
        pass


class Failing:
    """The real queries, of which some get no answer."""

    def __init__(self) -> None:
        self.answers = 0
        """How many more claims, renewals and releases get one."""
        self.asked: list[Collection[str]] = []

    async def add_missing(self) -> None:
        await leases.add_missing()

    async def all_leases(self) -> list[Lease]:
        return await leases.all_leases()

    async def claim(self, seen: Collection[Lease], server: Server) -> dict[str, int]:
        self._ask([lease.account_id for lease in seen])
        return await leases.claim(seen, server)

    async def renew(
        self, server_id: str, account_ids: Collection[str] | None = None
    ) -> dict[str, int]:
        assert account_ids is not None
        self._ask(account_ids)
        return await leases.renew(server_id, account_ids)

    async def release(self, server_id: str, account_ids: Collection[str]) -> None:
        self._ask(account_ids)
        await leases.release(server_id, account_ids)

    def _ask(self, account_ids: Collection[str]) -> None:
        self.asked.append(account_ids)
        self.answers -= 1
        if self.answers < 0:
            raise DatabaseAway


@pytest.fixture
async def store(surroundings: Surroundings) -> AsyncIterator[Failing]:
    async with open_database(surroundings.database_url):
        await models.Account.bulk_create(resting(MANY))
        await leases.add_missing()
        yield Failing()


@pytest.fixture
def now() -> list[float]:
    """What the clock shows."""
    return [100.0]


@pytest.fixture
def keeper(store: Failing, now: list[float], tmp_path: Path) -> Iterator[LeaseKeeper]:
    liveness = Liveness(tmp_path, US.id)
    liveness.hold()
    yield LeaseKeeper(US, TERMS, liveness, Nobody(), store=store, clock=lambda: now[0])
    liveness.end()


async def owned_by(server: Server) -> int:
    return sum(lease.server == server for lease in await leases.all_leases())


async def test_what_was_claimed_is_kept_when_a_later_chunk_fails(
    keeper: LeaseKeeper, store: Failing
) -> None:
    store.answers = 2
    with suppress(DatabaseAway):
        await keeper.look()
    assert len(keeper._held) == 2 * leases.CHUNK

    store.answers = 99
    await keeper.look()
    assert len(keeper._held) == await owned_by(US) == MANY
    # What was taken is not asked for once more.
    assert sum(map(len, store.asked)) == MANY + leases.CHUNK
    assert max(map(len, store.asked)) == leases.CHUNK


async def test_what_was_renewed_counts_when_a_later_chunk_fails_and_the_rest_comes_first_then(
    keeper: LeaseKeeper, store: Failing, now: list[float]
) -> None:
    store.answers = 99
    await keeper.look()
    now[0] += TERMS.renew_every
    store.answers = 1
    with suppress(DatabaseAway):
        await keeper.renew()
    until = [held.until for held in keeper._held.values()]
    assert until.count(now[0] + TERMS.seconds) == leases.CHUNK
    first, refused = store.asked[-2:]
    store.answers = 1
    with suppress(DatabaseAway):
        await keeper.renew()
    assert store.asked[-2] == refused != first


async def test_an_orderly_end_gives_all_leases_back(keeper: LeaseKeeper, store: Failing) -> None:
    store.answers = 99
    await keeper.look()
    await keeper.stop(give_back=True)
    assert await owned_by(US) == 0


@pytest.mark.postgres
async def test_a_thousand_accounts_start_on_a_database_that_is_far_away(
    surroundings: Surroundings, config: ManagerConfig, bus: Bus
) -> None:
    address = urlsplit(surroundings.database_url)
    credentials = address.netloc.rpartition("@")[0]
    assert address.port is not None
    async with far(address.port, 10) as port:
        url = address._replace(netloc=f"{credentials}@127.0.0.1:{port}").geturl()
        async with open_database(url):
            await models.Account.bulk_create(resting(MANY))
            recorder = Recorder(bus)
            await recorder.start()
            manager = ToldManager(config, recorder)
            async with asyncio.timeout(30):
                await manager.start()
            assert len(manager.views()) == MANY
            assert await owned_by(manager._keeper.server) == MANY
            await manager.stop(10)
            assert await owned_by(manager._keeper.server) == 0
            await recorder.close(5)
