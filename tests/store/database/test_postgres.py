"""What only Postgres has: an address, a password, connections that end, a server that freezes."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress

import pytest
from tortoise.connection import get_connection

from store import accounts
from store.database import opening, postgres
from store.database.opening import CONNECTION, open_database, transaction
from store.errors import DatabaseAway, DatabaseUnusable
from store.events import event_log
from store.events.bus import InProcessBus
from store.events.recorder import Recorder
from tests.postgres_server import PASSWORD, PostgresServer
from tests.store.parts import status, until
from tests.surroundings import Surroundings

pytestmark = pytest.mark.postgres

MORE_THAN_THE_POOL = postgres.POOL_SIZE + 2


async def open_and_close(url: str) -> None:
    async with open_database(url):
        pass


async def healed() -> None:
    """Wait until the database answers again."""
    async with asyncio.timeout(10):
        while True:
            with suppress(DatabaseAway):
                await accounts.all_rows()
                return


async def all_connections_work() -> None:
    """Make sure that no connection of the pool is missing, and none is in a transaction already."""
    async with asyncio.timeout(10), AsyncExitStack() as opened:
        client = get_connection(CONNECTION)
        for _ in range(postgres.POOL_SIZE):
            connection = await opened.enter_async_context(client.acquire_connection())
            assert await connection.fetchval("SELECT 1") == 1
            assert not connection.is_in_transaction()


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (lambda url: url.replace("s3cret", "wrong"), "password authentication failed"),
        (lambda url: url.replace("//wa:", "//stranger:"), "password authentication failed"),
        (lambda url: f"{url}_missing", "does not exist"),
        (lambda url: f"{url}?no_such_setting=1", "unrecognized configuration parameter"),
        (lambda url: f"{url}?sslmode=perhaps", "sslmode"),
        (lambda url: f"{url}?sslmode=verify-full&sslrootcert=/no/such/file", "does not exist"),
    ],
)
async def test_what_no_waiting_changes_is_refused_in_words(
    surroundings: Surroundings, broken: Callable[[str], str], words: str
) -> None:
    with pytest.raises(DatabaseUnusable, match=words):
        await open_and_close(broken(surroundings.database_url))


@pytest.mark.parametrize("password", ["a@b", "a/b", "12/b", "a#b", "a?b", "12?b", "a[b", "1]:b"])
async def test_a_password_that_is_not_encoded_is_refused_and_not_shown(password: str) -> None:
    with pytest.raises(DatabaseUnusable, match="%40 for @") as refused:
        await open_and_close(f"postgres://wa:{password}secret@127.0.0.1:1/wa")

    shown = f"{refused.value} {refused.value.__cause__} {refused.value.__context__}"
    assert "secret" not in shown
    assert refused.value.__cause__ is not None
    assert refused.value.__cause__.__cause__ is None


async def test_the_password_is_in_no_log(
    surroundings: Surroundings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await open_and_close(surroundings.database_url)
    with pytest.raises(DatabaseUnusable):
        await open_and_close(surroundings.database_url.replace("s3cret", "0ther"))

    assert "Created connection pool" in caplog.text, "tortoise shows its options"
    for part in (PASSWORD, PASSWORD[:6], "0ther"):
        assert part not in caplog.text


@pytest.mark.parametrize("query", ["sslmode=disable", "sslmode=prefer", "application_name=mine"])
async def test_an_address_may_say_what_libpq_takes(surroundings: Surroundings, query: str) -> None:
    async with open_database(f"{surroundings.database_url}?{query}"):
        used = surroundings.sql("SELECT DISTINCT application_name FROM pg_stat_activity ORDER BY 1")

    assert ("mine" in used.split()) == (query == "application_name=mine")
    assert ("wa-manager" in used.split()) == (query != "application_name=mine")


async def test_a_connection_that_must_be_encrypted_is_not_made_in_the_clear(
    surroundings: Surroundings,
) -> None:
    with pytest.raises(DatabaseAway, match="rejected SSL upgrade"):
        await open_and_close(f"{surroundings.database_url}?sslmode=require")


async def test_it_is_reached_by_its_socket_as_well(
    surroundings: Surroundings, postgres_server: PostgresServer
) -> None:
    address, _, name = surroundings.database_url.rpartition("/")
    user, _, _ = address.rpartition("@")
    place = f"host={postgres_server.folder}&port={postgres_server.port}"

    async with open_database(f"{user}@/{name}?{place}"):
        assert await accounts.all_rows() == []


async def test_a_server_that_is_not_there_is_away(
    surroundings: Surroundings, postgres_server: PostgresServer
) -> None:
    postgres_server.stop()
    with pytest.raises(DatabaseAway, match="Connect call failed"):
        await open_and_close(surroundings.database_url)

    postgres_server.start()
    await open_and_close(surroundings.database_url)


async def test_a_server_that_is_frozen_at_the_start_is_away(
    surroundings: Surroundings, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "CONNECT_SECONDS", 0.2)
    postgres_server.freeze()
    with pytest.raises(DatabaseAway, match="did not answer in time"):
        await open_and_close(surroundings.database_url)

    postgres_server.thaw()
    await open_and_close(surroundings.database_url)


async def test_a_start_can_be_given_up_while_a_frozen_server_migrates(
    surroundings: Surroundings, postgres_server: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "store.database.migrating")
    with surroundings.migrating():
        opening = asyncio.create_task(open_and_close(surroundings.database_url))
        await until(lambda: "Another process migrates" in caplog.text)
        postgres_server.freeze()
        opening.cancel()
        ended, _ = await asyncio.wait({opening}, timeout=15)
        postgres_server.thaw()

    assert ended, "it waits for a server that does not answer"
    assert opening.cancelled()


async def dropped(server: PostgresServer, name: str) -> None:
    server.drop_connections(name)


async def restarted(server: PostgresServer, _: str) -> None:
    await asyncio.to_thread(server.stop)
    await asyncio.to_thread(server.start)


async def frozen(server: PostgresServer, _: str) -> None:
    server.freeze()
    with pytest.raises(DatabaseAway):
        await accounts.all_rows()
    server.thaw()


@pytest.mark.parametrize("disturb", [dropped, restarted, frozen])
async def test_connections_heal_by_themselves(
    disturb: Callable[[PostgresServer, str], Awaitable[None]],
    database: None,
    surroundings: Surroundings,
    postgres_server: PostgresServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("store.database.opening.QUERY_SECONDS", 0.3)
    await all_connections_work()

    await disturb(postgres_server, surroundings.database_url.rpartition("/")[2])

    await healed()
    await all_connections_work()


@pytest.fixture
async def impatient(
    surroundings: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[None]:
    """A database that is given up soon."""
    monkeypatch.setattr(postgres, "CONNECT_SECONDS", 0.1)
    monkeypatch.setattr(opening, "ANSWER_SECONDS", 0.1)
    async with open_database(surroundings.database_url):
        yield


async def test_a_transaction_that_loses_its_connection_leaves_nothing_behind(
    database: None,
) -> None:
    client = get_connection(CONNECTION)
    for _ in range(MORE_THAN_THE_POOL):
        with pytest.raises(Exception, match=r"terminat|closed"):
            async with transaction() as connection:
                await connection.execute_query("SELECT pg_terminate_backend(pg_backend_pid())")
        assert get_connection(CONNECTION) is client

    await all_connections_work()


async def test_a_transaction_that_cannot_begin_leaves_nothing_behind(
    impatient: None, postgres_server: PostgresServer
) -> None:
    await all_connections_work()
    client = get_connection(CONNECTION)

    postgres_server.freeze()
    for _ in range(MORE_THAN_THE_POOL):
        with suppress(asyncio.CancelledError, *opening.DATABASE_ERRORS):
            async with transaction():
                pytest.fail("a frozen server has begun a transaction")
        assert get_connection(CONNECTION) is client
    postgres_server.thaw()

    await all_connections_work()


async def test_a_transaction_that_is_given_up_while_it_begins_leaves_nothing_behind(
    impatient: None, postgres_server: PostgresServer
) -> None:
    await all_connections_work()

    async def begin() -> None:
        async with transaction():
            pytest.fail("a frozen server has begun a transaction")

    postgres_server.freeze()
    beginning = [asyncio.create_task(begin()) for _ in range(MORE_THAN_THE_POOL)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    for task in beginning:
        task.cancel()
    await asyncio.wait(beginning, timeout=10)
    postgres_server.thaw()

    await all_connections_work()


async def test_a_frozen_servers_transaction_does_not_keep_others_waiting(
    surroundings: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "ABANDONED_SECONDS", 0.2)
    async with open_database(surroundings.database_url):
        row, _ = await accounts.create("one")
        with suppress(*opening.DATABASE_ERRORS):
            async with transaction() as connection:
                await connection.execute_query("SELECT * FROM accounts FOR UPDATE")
                await asyncio.to_thread(surroundings.sql, "UPDATE accounts SET name = 'two'")

        kept = await accounts.get(row.id)
        assert kept is not None
        assert kept.name == "two"


async def test_events_are_kept_once_and_in_order_whatever_happens_to_the_server(
    surroundings: Surroundings, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "ANSWER_SECONDS", 0.3)
    name = surroundings.database_url.rpartition("/")[2]
    async with open_database(surroundings.database_url):
        recorder = Recorder(InProcessBus(), first_retry=0.01, longest_retry=0.05)
        await recorder.start()
        seqs = iter(range(1, 1000))
        for disturb in (dropped, restarted, frozen) * 2:
            for _ in range(50):
                recorder.record(status("a", next(seqs)))
                await asyncio.sleep(0)
            monkeypatch.setattr("store.database.opening.QUERY_SECONDS", 0.3)
            await disturb(postgres_server, name)
        monkeypatch.undo()
        assert await recorder.close(20)
        log = (await event_log.page(0, 1000)).items

    assert [event.seq for event in log] == list(range(1, 301))
    assert recorder.lost == 0


async def test_on_a_full_disk_events_wait_in_their_order_until_there_is_room(
    recorder: Recorder, surroundings: Surroundings
) -> None:
    surroundings.sql(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$;"
        "CREATE TRIGGER full_disk BEFORE INSERT ON events EXECUTE FUNCTION refuse()"
    )
    for seq in range(1, 51):
        recorder.record(status("a", seq))
    await until(lambda: not recorder.healthy)
    assert (recorder.reason, recorder.pending) == ("could not extend file", 50)

    surroundings.sql("DROP TRIGGER full_disk ON events")
    assert await recorder.flush(10)
    assert recorder.lost == 0
    assert [event.seq for event in (await event_log.page(0, 100)).items] == list(range(1, 51))


async def test_a_commit_that_is_refused_leaves_nothing_behind(
    database: None, surroundings: Surroundings
) -> None:
    surroundings.sql(
        "CREATE TABLE parents (id INT PRIMARY KEY);"
        "CREATE TABLE children (parent INT REFERENCES parents DEFERRABLE INITIALLY DEFERRED)"
    )
    with pytest.raises(postgres.DRIVER_ERRORS, match="foreign key"):
        async with transaction() as connection:
            await connection.execute_query("INSERT INTO children VALUES (1)")

    assert surroundings.sql("SELECT count(*) FROM children") == "0"
    await all_connections_work()
