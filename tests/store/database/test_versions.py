"""A database that any earlier version has written is brought up to date with all that is in it.

`versions/` keeps what each version wrote, as `sqlite3 FILE .dump` and `pg_dump --inserts` tell it.
A new migration needs the two files of the version before it.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from store import accounts, leases
from store.database.opening import open_database
from store.events import event_log
from store.events.bus import InProcessBus
from store.events.recorder import Recorder
from store.status import Cause, Desired, Status
from tests.store.parts import status
from tests.surroundings import NAMES, MakeSurroundings, Surroundings

VERSIONS = Path(__file__).parent / "versions"
KEPT = sorted({path.name.partition(".")[0] for path in VERSIONS.glob("*.sql")})
MIGRATIONS = sorted(
    path.stem for path in Path("store/migrations").glob("*.py") if path.stem != "__init__"
)
LINKED, IDLE = "3f2a9c1d5e7b8046", "a1b2c3d4e5f60718"
COLUMNS = {
    "sqlite": (
        "SELECT m.name, c.name, c.type, c.[notnull] FROM sqlite_master AS m, "
        "pragma_table_info(m.name) AS c WHERE m.type = 'table' ORDER BY 1, 2"
    ),
    "postgres": (
        "SELECT table_name, column_name, data_type, is_nullable "
        "FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2"
    ),
}


@pytest.fixture(params=KEPT)
def old(
    request: pytest.FixtureRequest, make_surroundings: MakeSurroundings
) -> Iterator[Surroundings]:
    """Surroundings with a database that an earlier version has written."""
    with make_surroundings(empty=True) as made:
        made.sql((VERSIONS / f"{request.param}.{made.name}.sql").read_text())
        yield made


def test_every_earlier_version_is_kept() -> None:
    wanted = {f"{name}.{kind}.sql" for name in MIGRATIONS[:-1] for kind in NAMES}
    assert wanted <= {path.name for path in VERSIONS.iterdir()}


async def test_accounts_are_as_they_were(old: Surroundings) -> None:
    async with open_database(old.database_url):
        linked, idle = await accounts.all_rows()

    assert (linked.id, linked.name, linked.phone) == (LINKED, "Kundendienst 🏪", "491700000001")
    assert (linked.desired, linked.status) == (Desired.CONNECTED, Status.CONNECTED)
    assert (linked.cause, linked.detail) == (Cause.READY, {"build": "2.3000"})
    assert linked.since == datetime(2026, 11, 1, 10, 0, 2, 123456, UTC)
    assert (linked.linked, linked.restarts, linked.attempt, linked.seq) == (True, 2, 3, 3)
    assert linked.restart_cause in (None, Cause.UNRESPONSIVE)
    assert (idle.id, idle.linked, idle.phone, idle.detail) == (IDLE, False, None, None)


async def test_the_log_goes_on_where_it_was(old: Surroundings) -> None:
    async with open_database(old.database_url):
        recorder = Recorder(InProcessBus())
        await recorder.start()
        recorder.record(status(LINKED, 4))
        assert await recorder.close(5)
        log = (await event_log.page(0, 10)).items

    assert [event.id for event in log] == [1, 2, 3, 4, 5]
    assert [event.seq for event in log if event.account_id == LINKED] == [1, 2, 3, 4]
    assert log[2].data == {"text": "Grüß Gott 🏪"}
    assert log[2].at == datetime(2026, 11, 1, 10, 0, 1, tzinfo=UTC)


async def test_each_account_has_a_lease_that_can_be_taken(old: Surroundings) -> None:
    ours = leases.Server("ours", "here", 1, 30.0)
    async with open_database(old.database_url):
        await leases.add_missing()
        taken = await leases.claim(await leases.all_leases(), ours)

    assert taken.keys() == {LINKED, IDLE}


async def test_the_tables_are_those_of_a_new_database(
    old: Surroundings, make_surroundings: MakeSurroundings
) -> None:
    async with open_database(old.database_url):
        migrated = old.sql(COLUMNS[old.name])

    with make_surroundings(empty=True) as new:
        async with open_database(new.database_url):
            assert migrated == new.sql(COLUMNS[new.name])
