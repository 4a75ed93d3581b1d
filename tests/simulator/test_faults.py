"""Which fault disturbs whom."""

import pytest

from simulator.faults import KINDS, FaultError, Faults, Kind, UnknownFault

ALICE = "491700000001"
BOB = "491700000002"


def test_a_fault_without_a_number_concerns_everybody() -> None:
    faults = Faults()
    fault = faults.add(Kind.OFFLINE, None, None)

    assert faults.find(Kind.OFFLINE, ALICE) is fault
    assert faults.find(Kind.OFFLINE, None) is fault


def test_a_fault_of_one_number_concerns_nobody_else() -> None:
    faults = Faults()
    fault = faults.add(Kind.OFFLINE, ALICE, None)

    assert faults.find(Kind.OFFLINE, ALICE) is fault
    assert faults.find(Kind.OFFLINE, BOB) is None
    assert faults.find(Kind.OFFLINE, None) is None
    assert faults.find(Kind.TERMS, ALICE) is None


def test_the_newest_fault_counts() -> None:
    faults = Faults()
    faults.add(Kind.SLOW_SYNC, None, 10)
    newest = faults.add(Kind.SLOW_SYNC, None, 1)

    assert faults.find(Kind.SLOW_SYNC, ALICE) is newest


def test_what_happens_once_is_not_kept() -> None:
    faults = Faults()
    faults.add(Kind.LOGOUT, ALICE, None)

    assert list(faults) == []


def test_a_fault_that_was_removed_disturbs_nobody() -> None:
    faults = Faults()
    fault = faults.add(Kind.OFFLINE, None, None)
    faults.remove(fault.id)

    assert faults.find(Kind.OFFLINE, ALICE) is None
    with pytest.raises(UnknownFault):
        faults.remove(fault.id)


@pytest.mark.parametrize(("kind", "seconds"), [(Kind.SLOW_SYNC, None), (Kind.OFFLINE, 1.0)])
def test_seconds_belong_to_what_is_slow(kind: Kind, seconds: float | None) -> None:
    with pytest.raises(FaultError, match="seconds"):
        Faults().add(kind, None, seconds)


@pytest.mark.parametrize("seconds", [None, 1.0])
def test_a_page_may_hang_for_a_time_or_for_ever(seconds: float | None) -> None:
    assert Faults().add(Kind.HANG, ALICE, seconds).seconds == seconds


def test_modules_belong_to_what_breaks_them() -> None:
    with pytest.raises(FaultError, match="module"):
        Faults().add(Kind.OFFLINE, module="WAWebConnModel")


def test_a_broken_module_is_the_one_for_sending_if_none_is_named() -> None:
    faults = Faults()
    faults.add(Kind.BROKEN_MODULE)
    faults.add(Kind.BROKEN_MODULE, module="WAWebConnModel")

    broken = [fault.module for fault in faults.find_all(Kind.BROKEN_MODULE, None)]

    assert broken == ["WAWebSendMsgChatAction", "WAWebConnModel"]


def test_pages_without_a_number_are_not_told_apart() -> None:
    with pytest.raises(FaultError):
        Faults().add(Kind.NO_QR, ALICE, None)


def test_every_kind_is_described() -> None:
    assert set(KINDS) == set(Kind)
