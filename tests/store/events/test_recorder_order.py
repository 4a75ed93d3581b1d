"""Whatever is recorded while the database comes and goes, no order breaks and no number is missing.

The failures are real: another connection holds the file, and some events have a number that is
already taken.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from store import accounts
from store.database.opening import open_database
from store.events import event_log
from store.events.event_log import Event
from store.events.recorder import Recorder
from tests.store.parts import Listener, qr, status, until
from tests.surroundings import Surroundings

ACCOUNTS = 3
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["record", "announce", "refuse"]), st.integers(0, ACCOUNTS - 1)),
        st.tuples(st.sampled_from(["hold", "release", "pause"]), st.just(0)),
    ),
    max_size=40,
)


async def run(steps: Sequence[tuple[str, int]], surroundings: Surroundings) -> None:
    async with open_database(surroundings.database_url, lock_seconds=0.001):
        bus = surroundings.bus()
        await bus.start()
        recorder = Recorder(bus, first_retry=0.001, longest_retry=0.002)
        await recorder.start()
        listener, held = Listener(bus), surroundings.held()
        before = await event_log.newest_id()
        ids = [(await accounts.create(f"account {n}"))[0].id for n in range(ACCOUNTS)]
        given_out = Counter[str]()
        expected: list[Event] = []
        for step, number in steps:
            account_id = ids[number]
            match step:
                case "record":
                    given_out[account_id] += 1
                    event = status(account_id, given_out[account_id])
                    expected.append(event)
                    recorder.record(event, {"attempt": given_out[account_id]})
                case "announce":
                    expected.append(qr(account_id, code=str(len(expected))))
                    recorder.announce(expected[-1])
                case "refuse" if given_out[account_id]:
                    refused = status(account_id, given_out[account_id], refused=True)
                    recorder.record(refused, {"attempt": -1})
                case "hold":
                    await asyncio.to_thread(held.hold)
                case "release":
                    held.release()
                case "pause":
                    await asyncio.sleep(0.003)
        held.close()
        assert await recorder.close(10)
        await until(lambda: len(listener.heard) >= len(expected))
        await bus.close()

        heard = [event for event in listener.heard if event.id is not None]
        assert [_without_id(event) for event in listener.heard] == expected
        assert heard == (await event_log.page(before, 1000)).items
        for account_id in ids:
            row = await accounts.get(account_id)
            assert row is not None
            assert row.seq == row.attempt == given_out[account_id]
            page = await event_log.page(0, 1000, account_ids=(account_id,))
            seqs = [event.seq for event in page.items]
            assert seqs == list(range(1, given_out[account_id] + 1))


def _without_id(event: Event) -> Event:
    return Event(event.type, event.account_id, event.at, event.data, event.seq)


def test_order_and_numbers_survive_every_outage(surroundings: Surroundings) -> None:
    @settings(max_examples=100, deadline=None)
    @given(STEPS)
    def survive(steps: list[tuple[str, int]]) -> None:
        asyncio.run(run(steps, surroundings))

    survive()
