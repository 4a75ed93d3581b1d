"""The start queue: bounded, fair, with an eye on memory."""

from hypothesis import given
from hypothesis import strategies as st

from actors.startqueue import StartLimits, StartQueue

PLENTY = float("inf")


def queue_of(names: str, at_once: int = 1) -> StartQueue:
    queue = StartQueue(StartLimits(at_once, 100))
    for name in names:
        queue.join(name, 1)
    return queue


def test_as_many_start_at_once_as_allowed_and_the_others_wait_in_order() -> None:
    queue = queue_of("abcd", at_once=2)
    assert queue.admit(PLENTY) == [("a", 1), ("b", 1)]
    assert queue.admit(PLENTY) == []
    assert [queue.place(name) for name in "abcd"] == [None, None, 0, 1]
    queue.leave("b")
    assert queue.admit(PLENTY) == [("c", 1)]


def test_leaving_gives_up_a_place() -> None:
    queue = queue_of("abc")
    queue.admit(PLENTY)
    queue.leave("b")
    queue.leave("a")
    assert queue.admit(PLENTY) == [("c", 1)]


def test_joining_again_replaces_the_former_request() -> None:
    queue = queue_of("a")
    queue.admit(PLENTY)
    queue.join("a", 2)
    assert queue.admit(PLENTY) == [("a", 2)]


def test_whoever_a_user_waits_for_goes_before_what_is_restored() -> None:
    queue = queue_of("abc")
    queue.join("u", 1, urgent=True)
    queue.join("v", 1, urgent=True)
    assert [queue.place(name) for name in "uvabc"] == [0, 1, 2, 3, 4]
    assert queue.admit(PLENTY) == [("u", 1)]


def test_a_start_waits_for_memory_and_counts_what_starts_under_way_may_take() -> None:
    queue = queue_of("abc", at_once=3)
    assert queue.admit(99) == []
    assert queue.waits_for_memory(99)
    assert queue.admit(250) == [("a", 1), ("b", 1)]
    assert queue.waits_for_memory(250)
    assert not queue.waits_for_memory(300)


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("jul"))), st.integers(1, 4))
def test_never_more_start_than_allowed_and_nobody_is_forgotten(
    moves: list[tuple[str, str]], at_once: int
) -> None:
    queue, wanted = StartQueue(StartLimits(at_once, 100)), set[str]()
    for name, move in moves:
        if move == "l":
            queue.leave(name)
            wanted.discard(name)
        else:
            queue.join(name, 1, urgent=move == "u")
            wanted.add(name)
        queue.admit(PLENTY)
        assert queue.starting == min(at_once, len(wanted))
        assert len(queue) == len(wanted) - queue.starting
