"""What waits for the database is bounded by the memory that it takes, and accounts stay right."""

import itertools
import logging
import tracemalloc

import pytest

from store import accounts
from store.events.bus import Bus, InProcessBus
from store.events.recorder import Recorder
from tests.held import HeldDatabase
from tests.store.parts import Listener, qr, status, until

LARGE = "x" * 100_000
"""A text beside which what else an event takes is little."""
ROOM_FOR_ONE = 110_000


async def test_without_room_transient_events_go_first(
    bus: Bus, listener: Listener, database: None
) -> None:
    recorder = Recorder(bus, capacity=ROOM_FOR_ONE * 4)
    for seq in (1, 2):
        recorder.announce(qr("a", LARGE))
        recorder.record(status("a", seq, text=LARGE))
    recorder.record(status("a", 3, text=LARGE))

    await recorder.start()
    assert await recorder.close(5)
    await until(lambda: len(listener.heard) == 3)

    assert listener.seqs == [1, 2, 3]
    assert recorder.lost == 0


async def test_without_room_the_oldest_events_go_but_their_accounts_stay_right(
    bus: Bus, listener: Listener, database: None
) -> None:
    row, _ = await accounts.create("one")
    recorder = Recorder(bus, capacity=ROOM_FOR_ONE * 2)
    recorder.record(status(row.id, 1, text=LARGE), {"phone": "49170", "restarts": 1})
    recorder.record(status(row.id, 2, text=LARGE), {"restarts": 2})
    recorder.record(status(row.id, 3, text=LARGE), {"restarts": 3})

    await recorder.start()
    assert await recorder.close(5)
    await until(lambda: len(listener.heard) == 2)

    kept = await accounts.get(row.id)
    assert kept is not None
    assert (kept.phone, kept.restarts, kept.seq) == ("49170", 3, 3)
    assert listener.seqs == [2, 3]
    assert recorder.lost == 1


async def test_without_room_no_recorded_event_goes_for_a_transient_one(
    bus: Bus, listener: Listener, database: None
) -> None:
    recorder = Recorder(bus, capacity=ROOM_FOR_ONE * 2)
    recorder.record(status("a", 1, text=LARGE))
    recorder.record(status("a", 2, text=LARGE))
    recorder.announce(qr("a", LARGE))

    await recorder.start()
    assert await recorder.close(5)
    await until(lambda: len(listener.heard) == 2)

    assert listener.seqs == [1, 2]


async def test_accounts_stay_right_when_events_go_during_a_commit(
    bus: Bus, held: HeldDatabase
) -> None:
    row, _ = await accounts.create("one")
    recorder = Recorder(bus, capacity=ROOM_FOR_ONE * 3, first_retry=0.01)
    await recorder.start()
    held.hold()
    recorder.record(status(row.id, 1, text=LARGE), {"phone": "49170"})
    await until(lambda: not recorder.healthy)
    recorder.record(status(row.id, 2, text=LARGE), {"restarts": 1})
    recorder.record(status(row.id, 3, text=LARGE))
    recorder.record(status(row.id, 4, text=LARGE))

    held.release()
    assert await recorder.close(5)

    kept = await accounts.get(row.id)
    assert kept is not None
    assert recorder.lost == 1
    assert (kept.phone, kept.restarts, kept.seq) == ("49170", 1, 4)


async def test_there_is_room_again_when_events_are_kept(bus: Bus, database: None) -> None:
    recorder = Recorder(bus, capacity=ROOM_FOR_ONE * 2)
    await recorder.start()
    for seq in range(1, 11, 2):
        recorder.record(status("a", seq, text=LARGE))
        recorder.record(status("a", seq + 1, text=LARGE))
        assert await recorder.flush(5)

    assert await recorder.close(5)
    assert recorder.lost == 0


@pytest.mark.parametrize("letter", ["x", "я", "😀"])
@pytest.mark.parametrize("length", [0, 100, 10_000])
async def test_what_waits_takes_no_more_memory_than_it_may(
    letter: str, length: int, caplog: pytest.LogCaptureFixture
) -> None:
    # A test keeps what is logged.
    caplog.set_level(logging.CRITICAL, "store.events.recorder")
    recorder = Recorder(InProcessBus(), capacity=1_000_000)
    seqs = itertools.count(1)
    tracemalloc.start()
    try:
        while not recorder.lost:
            seq = next(seqs)
            text = f"{letter * length}{seq}"
            recorder.record(status("a", seq, text=text), {"attempt": seq, "detail": {"seq": seq}})
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert 500_000 < held <= 1_000_000


async def test_without_room_an_account_that_floods_loses_its_own_events_and_no_others(
    bus: Bus, listener: Listener, database: None
) -> None:
    recorder = Recorder(bus, capacity=ROOM_FOR_ONE * 4)
    recorder.record(status("quiet", 1, text=LARGE))
    for seq in range(1, 51):
        recorder.record(status("flood", seq, text=LARGE))
        if seq == 25:
            recorder.record(status("late", 1, text=LARGE))

    await recorder.start()
    assert await recorder.close(5)
    await until(lambda: len(listener.heard) == 4)

    told = [(event.account_id, event.seq) for event in listener.heard]
    assert told == [("quiet", 1), ("late", 1), ("flood", 49), ("flood", 50)]
    assert recorder.lost == 48
