"""The queue of events keeps their order, whatever is added, taken and dropped in between."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from store.events.event_log import Event
from store.events.waiting import Entry, Waiting
from tests.store.parts import qr, status


def entry(number: int, event: Event, size: int) -> Entry:
    return Entry(number, event, None, None, size, queued_at=0.0)


ADD = st.tuples(st.just("add"), st.sampled_from("abc"), st.booleans(), st.integers(1, 9))
OTHER = st.tuples(st.sampled_from(["take", "drop", "drop transient"]), st.integers(1, 3))


@given(st.lists(st.one_of(ADD, ADD, OTHER), max_size=60))
def test_the_queue_does_what_a_sorted_list_does(steps: list[tuple[object, ...]]) -> None:
    waiting, model = Waiting(), list[Entry]()
    for number, step in enumerate(steps):
        match step:
            case ("add", str(account_id), bool(transient), int(size)):
                event = qr(account_id) if transient else status(account_id, number)
                model.append(entry(number, event, size))
                waiting.add(model[-1])
            case ("take", int(most)):
                assert waiting.take(most) == model[:most]
                del model[:most]
            case ("drop transient", _):
                waiting.drop_transient()
                model = [each for each in model if not each.transient]
            case _:
                sizes = Counter[str]()
                for each in model:
                    sizes[each.event.account_id] += each.size
                dropped = waiting.drop_from_largest()
                assert (dropped is None) == (not model)
                if dropped is not None:
                    account_id = dropped.event.account_id
                    assert sizes[account_id] == max(sizes.values())
                    assert dropped == next(e for e in model if e.event.account_id == account_id)
                    model.remove(dropped)
        assert len(waiting) == len(model)
        assert waiting.size == sum(each.size for each in model)
        assert waiting.first() == (model[0] if model else None)
    assert waiting.take(len(model) + 1) == model
