"""A full disk, as SQLite meets it: its own bound on the size of the file says the same."""

import pytest

from store import accounts
from store.database.opening import transaction
from store.errors import DatabaseAway
from store.events import event_log
from store.events.recorder import Recorder
from tests.store.parts import Listener, status, until

pytestmark = pytest.mark.sqlite


async def bound_pages(more: int) -> None:
    """Let the database grow by so many pages from now on, and no further."""
    async with transaction() as connection:
        _, rows = await connection.execute_query("PRAGMA page_count")
        pages = int(rows[0][0]) + more
        await connection.execute_query(f"PRAGMA max_page_count = {pages}")


async def test_on_a_full_disk_events_wait_in_their_order_until_there_is_room(
    recorder: Recorder, listener: Listener
) -> None:
    recorder.record(status("a", 1))
    assert await recorder.flush(5)
    await bound_pages(0)
    for seq in range(2, 52):
        recorder.record(status("a", seq, text="x" * 5000))
    await until(lambda: not recorder.healthy)
    assert recorder.reason == "database or disk is full"
    assert recorder.pending == 50

    await bound_pages(10_000)
    assert await recorder.flush(10)
    assert recorder.healthy
    assert recorder.lost == 0
    assert [event.seq for event in (await event_log.page(0, 100)).items] == list(range(1, 52))
    assert listener.seqs == list(range(1, 52))


async def test_on_a_full_disk_a_command_is_refused(database: None) -> None:
    await bound_pages(0)
    with pytest.raises(DatabaseAway, match="full"):
        await accounts.create("x" * 100_000)
