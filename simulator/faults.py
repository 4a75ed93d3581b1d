"""Faults: what goes wrong on purpose, and for whom. What it does to open pages is in `effects.py`.

To add one: a line in `KINDS`, and either a case in `effects.py`, where it hits open pages at once,
or a question to `Faults.find` at the place that it disturbs.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What can go wrong."""

    NO_QR = "no-qr"
    SLOW_LOAD = "slow-load"
    SLOW_SYNC = "slow-sync"
    OFFLINE = "offline"
    TERMS = "terms"
    LOGOUT = "logout"
    CONFLICT = "conflict"
    RELOAD = "reload"


@dataclass(frozen=True)
class Trait:
    """What all faults of a kind have in common."""

    summary: str
    lasting: bool = True
    """Whether it goes on until it is deleted, as opposed to happening once."""
    takes_seconds: bool = False
    concerns_a_number: bool = True
    """Whether it can be had for one number only; pages that are not linked yet have none."""


KINDS = {
    Kind.NO_QR: Trait("Unlinked pages are not given QR codes.", concerns_a_number=False),
    Kind.SLOW_LOAD: Trait("The page is answered late.", takes_seconds=True),
    Kind.SLOW_SYNC: Trait("Loading chats takes long, and tells its progress.", takes_seconds=True),
    Kind.OFFLINE: Trait("Pages have no connection to WhatsApp."),
    Kind.TERMS: Trait("WhatsApp serves nobody who has not accepted its new terms."),
    Kind.LOGOUT: Trait("The phone removes its linked devices.", lasting=False),
    Kind.CONFLICT: Trait("The session is opened elsewhere.", lasting=False),
    Kind.RELOAD: Trait("The page loads itself anew.", lasting=False),
}


class FaultError(Exception):
    """Such a fault cannot be made."""


class UnknownFault(Exception):
    """There is no fault with this id."""


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong."""

    id: int
    kind: Kind
    number: str | None
    """Whom it concerns; everybody if None. Pages that are not linked yet have no number."""
    seconds: float | None

    def concerns(self, number: str | None) -> bool:
        """Says whether the page of this number, or an unlinked one, is disturbed."""
        return self.number is None or self.number == number


class Faults:
    """The faults that go on now."""

    def __init__(self) -> None:
        self._lasting: dict[int, Fault] = {}
        self._ids = itertools.count(1)

    def __iter__(self) -> Iterator[Fault]:
        return iter(list(self._lasting.values()))

    def add(self, kind: Kind, number: str | None, seconds: float | None) -> Fault:
        """Makes a fault, which is kept if its kind lasts.

        Raises:
            FaultError: the seconds are missing, or seconds or number mean nothing.
        """
        trait = KINDS[kind]
        if trait.takes_seconds and seconds is None:
            raise FaultError(f"{kind} needs `seconds`.")
        if not trait.takes_seconds and seconds is not None:
            raise FaultError(f"{kind} takes no `seconds`.")
        if number is not None and not trait.concerns_a_number:
            raise FaultError(f"{kind} takes no `number`: pages that are not linked yet have none.")
        fault = Fault(next(self._ids), kind, number, seconds)
        if trait.lasting:
            self._lasting[fault.id] = fault
        return fault

    def find(self, kind: Kind, number: str | None) -> Fault | None:
        """Returns the newest fault of a kind that concerns a number, or an unlinked page."""
        matching = [f for f in self if f.kind is kind and f.concerns(number)]
        return matching[-1] if matching else None

    def remove(self, fault_id: int) -> Fault:
        """Ends a fault, and returns it.

        Raises:
            UnknownFault: there is none.
        """
        if fault_id not in self._lasting:
            raise UnknownFault(f"There is no fault {fault_id}.")
        return self._lasting.pop(fault_id)
