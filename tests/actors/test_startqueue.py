"""The start queue: bounded, first come first served."""

from hypothesis import given
from hypothesis import strategies as st

from actors.startqueue import StartQueue


def test_as_many_start_at_once_as_allowed_and_the_others_wait_in_order() -> None:
    queue = StartQueue(2)
    assert [queue.join(name, 1) for name in "abcd"] == [0, 1, 2, 3]
    assert queue.admit() == [("a", 1), ("b", 1)]
    assert queue.admit() == []
    queue.leave("b")
    assert queue.admit() == [("c", 1)]


def test_leaving_gives_up_a_place() -> None:
    queue = StartQueue(1)
    for name in "abc":
        queue.join(name, 1)
    queue.admit()
    queue.leave("b")
    queue.leave("a")
    assert queue.admit() == [("c", 1)]


def test_joining_again_replaces_the_former_request() -> None:
    queue = StartQueue(1)
    queue.join("a", 1)
    queue.admit()
    queue.join("a", 2)
    assert queue.admit() == [("a", 2)]


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans())), st.integers(1, 4))
def test_never_more_start_than_allowed_and_nobody_is_forgotten(
    moves: list[tuple[str, bool]], at_once: int
) -> None:
    queue, wanted, starting = StartQueue(at_once), set[str](), set[str]()
    for name, joins in moves:
        wanted.discard(name)
        starting.discard(name)
        if joins:
            queue.join(name, 1)
            wanted.add(name)
        else:
            queue.leave(name)
        starting |= {account for account, _ in queue.admit()}
        assert len(starting) <= at_once
        assert len(starting) == min(at_once, len(wanted))
