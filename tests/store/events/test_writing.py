"""A batch is written in a few statements, since other servers wait for it, and waits for theirs."""

import logging

import pytest

from store import accounts
from store.database.opening import transaction
from store.events import event_log, writing
from store.events.recorder import BATCH, Recorder
from store.events.writing import WRITER_LOCK
from tests.postgres_server import PostgresServer
from tests.store.parts import status, until
from tests.surroundings import Surroundings


async def test_a_batch_takes_a_few_statements_however_many_events_and_accounts_it_has(
    recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    ids = [(await accounts.create("one"))[0].id for _ in range(BATCH // 2)]
    caplog.set_level(logging.DEBUG, "tortoise.db_client")
    for seq in (1, 2):
        for account_id in ids:
            recorder.record(status(account_id, seq), {"attempt": seq, "phone": account_id[:8]})
    assert await recorder.flush(10)

    assert 0 < len(caplog.records) <= 10
    caplog.set_level(logging.WARNING, "tortoise.db_client")
    assert len((await event_log.page(0, 2 * BATCH)).items) == BATCH
    for account_id in ids:
        row = await accounts.get(account_id)
        assert row is not None
        assert (row.seq, row.attempt, row.phone) == (2, 2, account_id[:8])


async def test_a_batch_may_change_something_else_of_each_account(recorder: Recorder) -> None:
    first, second, third = [(await accounts.create("one"))[0].id for _ in range(3)]
    recorder.record(status(first, 1), {"phone": "49170"})
    recorder.record(status(second, 1), {"push_name": "Ann", "detail": {"a": [1]}})
    recorder.record(status(third, 1))
    recorder.record(status("deleted", 1), {"phone": "49171"})
    recorder.record(status(first, 2), {"restarts": 1})
    assert await recorder.flush(5)

    rows = {row.id: row for row in await accounts.all_rows()}
    assert (rows[first].seq, rows[first].phone, rows[first].restarts) == (2, "49170", 1)
    assert (rows[second].seq, rows[second].push_name, rows[second].detail) == (
        1,
        "Ann",
        {"a": [1]},
    )
    assert (rows[third].seq, rows[third].phone) == (1, None)
    assert set(rows) == {first, second, third}


@pytest.mark.sqlite
async def test_a_copy_that_lost_its_note_of_the_last_id_goes_on_beyond_all_that_it_has(
    recorder: Recorder, surroundings: Surroundings
) -> None:
    recorder.record(status("a", 1))
    recorder.record(status("a", 2))
    assert await recorder.flush(5)
    surroundings.sql("DELETE FROM sqlite_sequence;\nSELECT 1")
    recorder.record(status("a", 3))
    assert await recorder.flush(5)
    assert [event.id for event in (await event_log.page(0, 10)).items] == [1, 2, 3]


@pytest.mark.postgres
async def test_a_batch_waits_for_its_turn_longer_than_for_anything_else(
    recorder: Recorder, surroundings: Surroundings, postgres_server: PostgresServer
) -> None:
    with postgres_server.session(surroundings.database_url.rpartition("/")[2]) as other:
        other.run(f"BEGIN; SELECT pg_advisory_xact_lock({WRITER_LOCK})")
        recorder.record(status("a", 1))
        await until(lambda: recorder.oldest_pending_seconds > 0.5)
        assert recorder.healthy
        other.run("ROLLBACK")

        assert await recorder.flush(5)


@pytest.mark.postgres
async def test_a_turn_that_does_not_come_is_asked_for_again(
    recorder: Recorder,
    surroundings: Surroundings,
    postgres_server: PostgresServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(writing, "TURN_SECONDS", 0.05)
    with postgres_server.session(surroundings.database_url.rpartition("/")[2]) as other:
        other.run(f"BEGIN; SELECT pg_advisory_xact_lock({WRITER_LOCK})")
        recorder.record(status("a", 1))
        await until(lambda: not recorder.healthy)
        assert recorder.reason == "canceling statement due to lock timeout"
        other.run("ROLLBACK")

        assert await recorder.flush(5)
    assert recorder.lost == 0


@pytest.mark.postgres
async def test_who_has_the_turn_waits_no_longer_than_before_for_what_is_locked(
    database: None,
) -> None:
    async with transaction() as connection:
        before = await connection.execute_query_dict("SHOW lock_timeout")
        await writing.wait_for_turn(connection)
        assert await connection.execute_query_dict("SHOW lock_timeout") == before

    assert before == [{"lock_timeout": "20ms"}]
