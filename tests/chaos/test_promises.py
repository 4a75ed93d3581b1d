"""The promises themselves: each complains of what breaks it, and of nothing else."""

from typing import Any

import pytest

from simulator.faults import Kind
from store.status import Cause, Desired, Status
from tests.chaos.account import Account
from tests.chaos.locks import STALE
from tests.chaos.model import Expected, Session
from tests.chaos.processes import Process, descendants
from tests.chaos.promises import (
    Answer,
    left_behind,
    missing_texts,
    one_browser_each,
    read_on,
    untrue,
    wrong_browsers,
    wrong_devices,
    wrong_statuses,
)
from tests.chaos.run import ALL_FAULTS
from tests.chaos.states import STATES
from tests.chaos.violation import Violation

OURS, BROWSER, OTHER = 1, 10, 20
"""Sessions."""


@pytest.fixture
def account() -> Account:
    return Account("a", "491700000001", Expected(Desired.CONNECTED, Session.KEPT))


def process(session: int, *, state: str = "S", parent: int = OURS) -> Process:
    return Process(session, parent, session, state, ("chromium",))


def event(seq: int, cause: Cause, **detail: Any) -> dict[str, Any]:
    data = {"cause": cause, "detail": detail}
    return {"id": 100 + seq, "seq": seq, "type": "status", "data": data}


def test_every_fault_of_the_simulator_is_a_fault_of_the_run() -> None:
    assert set(Kind) <= ALL_FAULTS.keys()


def test_every_status_can_be_commanded_and_every_kind_of_lock_left() -> None:
    assert STATES.keys() == set(Status)
    assert len(STALE) == 6


def test_an_account_that_is_not_where_it_should_be_is_complained_of(account: Account) -> None:
    assert not wrong_statuses([account], {"a": Status.CONNECTED})
    assert wrong_statuses([account], {"a": Status.CONNECTING})
    assert wrong_statuses([account], {})


def test_one_browser_belongs_to_an_open_account_and_none_to_another(account: Account) -> None:
    one = {"a": [process(BROWSER)]}
    assert not wrong_browsers([account], one, {"a": Status.CONNECTED})
    assert not wrong_browsers([account], {}, {"a": Status.DISCONNECTED})
    assert wrong_browsers([account], {}, {"a": Status.CONNECTED})
    assert wrong_browsers([account], one, {"a": Status.DISCONNECTED})


def test_whoever_is_online_is_listed_on_the_phone(account: Account) -> None:
    assert not wrong_devices([account], {"a": Status.CONNECTED}, [account.number])
    assert wrong_devices([account], {"a": Status.CONNECTED}, [])


def test_a_logout_that_leaves_a_device_on_the_phone_must_say_so(account: Account) -> None:
    account.expected.logout()
    assert not wrong_devices([account], {"a": Status.LOGGED_OUT}, [])
    read_on(account, [event(1, Cause.USER_LOGOUT)], 5)
    assert wrong_devices([account], {"a": Status.LOGGED_OUT}, [account.number])
    read_on(account, [event(2, Cause.USER_LOGOUT, message="Remove it on the phone.")], 5)
    assert not wrong_devices([account], {"a": Status.LOGGED_OUT}, [account.number])


def test_two_browsers_on_one_profile_are_a_violation_at_once() -> None:
    one_browser_each({"a": [process(BROWSER)], "b": [process(OTHER)]})
    with pytest.raises(Violation, match="has 2 browsers"):
        one_browser_each({"a": [process(BROWSER), process(OTHER)]})


def test_what_is_left_of_an_ended_browser_and_zombies_are_complained_of() -> None:
    well = [process(OURS), process(BROWSER)]
    assert not left_behind(well, [BROWSER], OURS)
    assert left_behind(well, [], OURS)
    assert left_behind([process(BROWSER, state="Z")], [BROWSER], OURS)
    assert left_behind([process(OURS, state="Z")], [], OURS)


def test_what_descends_from_a_process_is_found_over_generations() -> None:
    family = [Process(pid, pid - 1, pid, "S", ()) for pid in (4, 3, 2)]
    stranger = Process(9, 8, 9, "S", ())
    assert {each.pid for each in descendants([*family, stranger], 1)} == {2, 3, 4}


@pytest.mark.parametrize("numbers", [(2,), (1, 3), (1, 1)])
def test_a_number_that_is_missing_or_comes_twice_is_a_violation(
    account: Account, numbers: tuple[int, ...]
) -> None:
    with pytest.raises(Violation, match="is followed by"):
        read_on(account, [event(seq, Cause.READY) for seq in numbers], 5)


@pytest.mark.parametrize(
    "causes",
    [
        (Cause.PAGE_CRASHED, Cause.USER_CONNECT, Cause.PAGE_CRASHED),
        (Cause.PAGE_CRASHED, Cause.OFFLINE, Cause.PAGE_UNREACHABLE),
    ],
)
def test_an_account_that_is_given_up_too_early_is_a_violation(
    account: Account, causes: tuple[Cause, ...]
) -> None:
    log = [event(seq, cause, retryInSeconds=1) for seq, cause in enumerate(causes, start=1)]
    with pytest.raises(Violation, match="given up after 1 failures"):
        read_on(account, [*log, event(4, Cause.GAVE_UP)], 2)


def test_an_account_that_is_given_up_as_it_may_be_is_counted(account: Account) -> None:
    log = [event(seq, Cause.PAGE_CRASHED, retryInSeconds=1) for seq in (1, 2)]
    read_on(account, [*log, event(3, Cause.GAVE_UP)], 2)
    assert account.gave_up == 1


def test_a_text_that_did_not_come_is_complained_of_where_it_should_have(account: Account) -> None:
    account.awaited.add("Hello")
    assert missing_texts(account)
    account.expected.disconnect()
    assert not missing_texts(account)
    account.expected.connect()
    data = {"id": "false_491700000077@c.us_1", "text": "Hello"}
    read_on(account, [{"id": 1, "seq": 1, "type": "message", "data": data}], 5)
    assert not missing_texts(account)
    assert account.told == {data["id"]: 1}


UNKNOWN = Answer(504, "urn:wa-manager:outcome-unknown", "true_491700000088@c.us_3EB0")


@pytest.mark.parametrize(
    ("answer", "arrived"),
    [
        (Answer(201, None, "true_491700000088@c.us_3EB0"), ["3EB0"]),
        (Answer(409, "urn:wa-manager:wrong-status", None), []),
        (UNKNOWN, []),
        (UNKNOWN, ["3EB0"]),
        (None, []),
        (None, ["3EB0"]),
    ],
)
def test_an_answer_to_a_sender_may_be_any_that_is_true(
    answer: Answer | None, arrived: list[str]
) -> None:
    assert untrue(answer, arrived) is None


@pytest.mark.parametrize(
    ("answer", "arrived"),
    [
        (Answer(201, None, "true_491700000088@c.us_3EB0"), []),
        (Answer(409, "urn:wa-manager:wrong-status", None), ["3EB0"]),
        (Answer(502, "urn:wa-manager:page-error", None), ["3EB0"]),
        (Answer(504, "urn:wa-manager:timed-out", None), []),
        (Answer(500, "urn:wa-manager:internal-error", None), []),
        (UNKNOWN, ["3EB1"]),
        (UNKNOWN, ["3EB0", "3EB1"]),
        (None, ["3EB0", "3EB1"]),
    ],
)
def test_an_answer_to_a_sender_that_is_not_true_is_complained_of(
    answer: Answer | None, arrived: list[str]
) -> None:
    assert untrue(answer, arrived)
