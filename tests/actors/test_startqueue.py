"""The start queue: bounded, fair, with an eye on memory."""

from hypothesis import given
from hypothesis import strategies as st

from actors.startqueue import AGAIN_SECONDS, Room, StartLimits, StartQueue, Wait

PLENTY = Room(float("inf"), float("inf"))
SHORT = Room(0, 200)
FULL = Room(float("inf"), 0)


def queue_of(names: str, at_once: int = 1) -> StartQueue:
    queue = StartQueue(StartLimits(at_once, 100, 200))
    for name in names:
        queue.join(name, 1)
    return queue


def test_as_many_start_at_once_as_allowed_and_the_others_wait_in_order() -> None:
    queue = queue_of("abcd", at_once=2)
    assert queue.admit(PLENTY) == [("a", 1), ("b", 1)]
    assert queue.admit(PLENTY) == []
    assert queue.places() == {"c": 0, "d": 1}
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


def test_who_waits_is_moved_up_when_a_user_waits_for_it() -> None:
    queue = queue_of("abc")
    queue.admit(PLENTY)
    queue.join("c", 1, urgent=True)
    assert queue.places() == {"c": 0, "b": 1}


def test_who_has_had_its_turn_keeps_it_when_a_user_waits_for_it() -> None:
    queue = queue_of("ab")
    queue.admit(PLENTY)
    queue.join("a", 1, urgent=True)
    assert queue.starting == 1
    assert queue.admit(PLENTY) == []
    assert queue.places() == {"b": 0}


def test_whoever_a_user_waits_for_goes_before_what_is_restored() -> None:
    queue = queue_of("abc")
    queue.join("u", 1, urgent=True)
    queue.join("v", 1, urgent=True)
    assert list(queue.places()) == ["u", "v", "a", "b", "c"]
    assert queue.admit(PLENTY) == [("u", 1)]


def test_browsers_that_run_are_replaced_last_and_one_after_another() -> None:
    queue = queue_of("", at_once=3)
    for name in "rs":
        queue.join(name, 1, runs=True)
    queue.join("a", 1)
    assert queue.admit(PLENTY) == [("a", 1), ("r", 1)]
    assert queue.waits_for(PLENTY) == "other starts"
    queue.join("b", 1)
    assert queue.admit(PLENTY) == [("b", 1)]

    # Its old browser is closed; nobody goes before it, and nobody is replaced meanwhile.
    queue.join("u", 1, urgent=True)
    queue.join("r", 2)
    assert queue.admit(PLENTY) == [("r", 2)]
    queue.leave("a")
    queue.leave("b")
    assert queue.admit(PLENTY) == [("u", 1)]
    queue.leave("r")
    assert queue.admit(PLENTY) == [("s", 1)]


def test_who_is_not_to_be_replaced_any_more_lets_the_next_one_go() -> None:
    queue = queue_of("", at_once=3)
    for name in "rst":
        queue.join(name, 1, runs=True)
    assert queue.admit(PLENTY) == [("r", 1)]
    queue.leave("s")
    assert queue.admit(PLENTY) == []
    queue.leave("r")
    assert queue.admit(PLENTY) == [("t", 1)]
    assert queue.news(PLENTY, 0) == []


def test_a_start_waits_for_memory_and_counts_what_starts_under_way_may_take() -> None:
    queue = queue_of("abc", at_once=3)
    assert queue.admit(Room(99, 200)) == []
    assert queue.waits_for(Room(99, 200)) == "memory"
    assert queue.admit(Room(250, 200)) == [("a", 1), ("b", 1)]
    assert queue.waits_for(Room(250, 200)) == "memory"
    assert queue.waits_for(Room(300, 200)) is None


def test_a_start_waits_for_disk() -> None:
    queue = queue_of("ab")
    full = Room(PLENTY.memory_mb, 199)
    assert queue.admit(full) == []
    assert queue.waits_for(full) == "disk"
    assert queue.admit(Room(PLENTY.memory_mb, 200)) == [("a", 1)]
    assert queue.waits_for(full) == "other starts"


def test_who_joins_is_told_of_its_wait_and_not_of_each_step() -> None:
    queue = queue_of("abc")
    queue.admit(PLENTY)
    assert queue.news(PLENTY, 0.0) == [
        Wait("b", 1, 0, "other starts"),
        Wait("c", 1, 1, "other starts"),
    ]
    queue.leave("a")
    queue.admit(PLENTY)
    assert queue.news(PLENTY, 1e6) == []


def test_who_waits_for_something_else_by_now_is_told_so() -> None:
    queue = queue_of("abc")
    queue.admit(PLENTY)
    queue.news(PLENTY, 0.0)
    queue.leave("a")
    queue.admit(SHORT)
    assert queue.news(SHORT, AGAIN_SECONDS) == [
        Wait("b", 1, 0, "memory"),
        Wait("c", 1, 1, "memory"),
    ]
    assert queue.news(SHORT, 1e6) == []


def test_who_waits_again_for_a_user_is_told_its_new_place() -> None:
    queue = queue_of("abc")
    queue.admit(PLENTY)
    queue.news(PLENTY, 0.0)
    queue.join("c", 1, urgent=True)
    assert queue.news(PLENTY, 0.0) == [Wait("c", 1, 0, "other starts")]


@given(st.lists(st.tuples(st.floats(0, 40), st.sampled_from([PLENTY, SHORT, FULL])), max_size=40))
def test_nobody_is_told_of_its_wait_again_and_again(looks: list[tuple[float, Room]]) -> None:
    queue, now, told_at = queue_of("abcdef"), 0.0, dict[str, float]()
    for seconds, room in looks:
        now += seconds
        for wait in queue.news(room, now):
            assert now - told_at.get(wait.account_id, -AGAIN_SECONDS) >= AGAIN_SECONDS
            told_at[wait.account_id] = now


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("jul"))), st.integers(1, 4))
def test_never_more_start_than_allowed_and_nobody_is_forgotten(
    moves: list[tuple[str, str]], at_once: int
) -> None:
    queue, wanted = StartQueue(StartLimits(at_once, 100, 200)), set[str]()
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
