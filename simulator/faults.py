"""Faults: what goes wrong on purpose, and for whom. What it does to open pages is in `effects.py`.

To add one: a line in `KINDS`, and either a case in `effects.py`, where it hits open pages at once,
or a question to `Faults.find` at the place that it disturbs.
"""

import itertools
from collections import Counter
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
    HANG = "hang"
    CRASH = "crash"
    PASSKEY = "passkey"
    SILENT = "silent"
    BROKEN_MODULE = "broken-module"
    LATE_ANSWERS = "late-answers"


CALLS = ("send-message", "number-exists", "pairing-code", "logout")
"""What a page asks WhatsApp for, and gets an answer to. The first is meant if none is named."""

Parameters = frozenset[str]
"""Names of a fault's parameters: `number`, `seconds`, `module`, `call`."""


@dataclass(frozen=True)
class Trait:
    """What all faults of a kind have in common."""

    summary: str
    lasting: bool = True
    """Whether it goes on until it is deleted, as opposed to happening once."""
    needs: Parameters = frozenset()
    takes: Parameters = frozenset({"number"})
    """What may be given besides; without a number it concerns everybody."""
    module: str | None = None
    """Which module it concerns if none is named."""
    call: str | None = None
    """Which call it concerns if none is named."""


KINDS = {
    Kind.NO_QR: Trait(
        "Unlinked pages, which have no number yet, are not given QR codes.", takes=frozenset()
    ),
    Kind.SLOW_LOAD: Trait("The page is answered late.", needs=frozenset({"seconds"})),
    Kind.SLOW_SYNC: Trait(
        "Loading chats takes long, and tells its progress.", needs=frozenset({"seconds"})
    ),
    Kind.OFFLINE: Trait("Pages have no connection to WhatsApp."),
    Kind.TERMS: Trait("WhatsApp serves nobody who has not accepted its new terms."),
    Kind.LOGOUT: Trait("The phone removes its linked devices.", lasting=False),
    Kind.CONFLICT: Trait("The session is opened elsewhere.", lasting=False),
    Kind.RELOAD: Trait("The page loads itself anew.", lasting=False),
    Kind.HANG: Trait(
        "The page's main thread is busy, for so many seconds or until the page is ended, "
        "and answers nothing.",
        lasting=False,
        takes=frozenset({"number", "seconds"}),
    ),
    Kind.CRASH: Trait("The page's renderer process crashes.", lasting=False),
    Kind.PASSKEY: Trait(
        "A phone that scans or enters a code links the page only when the fault ends; until then "
        "the page asks for a passkey by navigator.credentials.get."
    ),
    Kind.SILENT: Trait("Messages arrive in the page's stores, but no event tells of them."),
    Kind.BROKEN_MODULE: Trait(
        "Pages that are loaded from now on lack one of WhatsApp's modules, as after an update. "
        "If none is named, it is the one that sends; without WAWebConnModel libraries see no code, "
        "without WAWebStreamModel they are never ready.",
        takes=frozenset({"number", "module"}),
        module="WAWebSendMsgChatAction",
    ),
    Kind.LATE_ANSWERS: Trait(
        "WhatsApp does what a page asks, but its answer comes `seconds` late, or never without "
        "them: to `send-message`, unless `call` names `number-exists`, `pairing-code` or `logout`.",
        takes=frozenset({"number", "seconds", "call"}),
        call=CALLS[0],
    ),
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
    module: str | None
    """The id of the module that it breaks."""
    call: str | None = None
    """The call whose answers it holds back."""

    def concerns(self, number: str | None) -> bool:
        """Says whether the page of this number, or an unlinked one, is disturbed."""
        return self.number is None or self.number == number


class Faults:
    """The faults that go on now."""

    def __init__(self) -> None:
        self._lasting: dict[int, Fault] = {}
        self._ids = itertools.count(1)
        self._held: Counter[int] = Counter()

    def __iter__(self) -> Iterator[Fault]:
        return iter(list(self._lasting.values()))

    def add(
        self,
        kind: Kind,
        number: str | None = None,
        seconds: float | None = None,
        module: str | None = None,
        call: str | None = None,
    ) -> Fault:
        """Makes a fault, which is kept if its kind lasts.

        Raises:
            FaultError: a parameter is missing, or means nothing to this kind.
        """
        trait = KINDS[kind]
        parameters = {"number": number, "seconds": seconds, "module": module, "call": call}
        given = {name for name, value in parameters.items() if value is not None}
        for name in sorted(trait.needs - given):
            raise FaultError(f"{kind} needs `{name}`.")
        for name in sorted(given - trait.needs - trait.takes):
            raise FaultError(f"{kind} takes no `{name}`.")
        fault = Fault(
            next(self._ids), kind, number, seconds, module or trait.module, call or trait.call
        )
        if trait.lasting:
            self._lasting[fault.id] = fault
        return fault

    def find(self, kind: Kind, number: str | None) -> Fault | None:
        """Returns the newest fault of a kind that concerns a number, or an unlinked page."""
        matching = self.find_all(kind, number)
        return matching[-1] if matching else None

    def find_all(self, kind: Kind, number: str | None) -> list[Fault]:
        """Returns the faults of a kind that concern a number, or an unlinked page, oldest first."""
        return [fault for fault in self if fault.kind is kind and fault.concerns(number)]

    def hold(self, fault: Fault) -> None:
        """Notes that a fault holds an answer back."""
        self._held[fault.id] += 1

    def held(self, fault: Fault) -> int:
        """Returns how many answers a fault has held back so far."""
        return self._held[fault.id]

    def remove(self, fault_id: int) -> Fault:
        """Ends a fault, and returns it.

        Raises:
            UnknownFault: there is none.
        """
        if fault_id not in self._lasting:
            raise UnknownFault(f"There is no fault {fault_id}.")
        return self._lasting.pop(fault_id)
