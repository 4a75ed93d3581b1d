"""Everything an actor can be told: frozen values, dispatched with `match`.

Where an answer is wanted, the message carries a promise; nobody waits inside an actor.
"""

from dataclasses import dataclass, field

from actors.account.lifecycle import Signal
from actors.account.restarts import History
from actors.browser.reports import PairingCodeShown, Report, SentMessage
from actors.loop import Promise
from actors.monitor.limits import Limit
from store.accounts import AccountRow

# To an account actor.


@dataclass(frozen=True)
class Command:
    """A user's command: CONNECT, DISCONNECT, RESTART or LOGOUT. It is kept already."""

    signal: Signal


@dataclass(frozen=True)
class Renamed:
    """A user gave the account another name. It is kept already."""

    name: str


@dataclass(frozen=True)
class Delete:
    """The account is to vanish with its profile. The phone is not touched."""

    done: Promise[None]
    logout: bool = False
    """Whether the page logs out first. If WhatsApp was not told of that, the account stays."""


@dataclass(frozen=True)
class Recover:
    """The server has started: RESET or RESTORE, as the account's past demands."""

    signal: Signal


@dataclass(frozen=True)
class ShutDown:
    """The server stops: close the browser, keep what is wanted."""


@dataclass(frozen=True)
class Relinquish:
    """The account's lease is lost: its browser must be gone before the seconds are over."""

    seconds: float


@dataclass(frozen=True)
class Resume:
    """The actor takes over from one that died of an unforeseen error."""

    error: str
    delay: float
    """Seconds to wait before the next attempt, if the account is to have one."""


@dataclass(frozen=True)
class Queued:
    """The account waits for its turn to start."""

    attempt: int
    place: int
    """How many start before it."""
    waits_for: str
    """What keeps the queue waiting: other starts, memory, or disk."""


@dataclass(frozen=True)
class MayStart:
    """The account may start its browser now."""

    attempt: int


@dataclass(frozen=True)
class BrowserReport:
    """The browser of an attempt reports."""

    attempt: int
    report: Report


@dataclass(frozen=True)
class TimerFired:
    """A timer of the account ran out. It counts only if it is the one armed last."""

    number: int


@dataclass(frozen=True)
class OverMemory:
    """The account's browser takes more memory than it may. It is told again while that lasts."""

    pid: int
    """Which browser; it may have ended since."""
    used_mb: float
    limit: Limit


@dataclass(frozen=True)
class SendText:
    """A text is to be sent."""

    to: str = field(repr=False)
    text: str = field(repr=False)
    answer: Promise[SentMessage]


@dataclass(frozen=True)
class RequestPairingCode:
    """A code to be typed on the phone is wanted, instead of the QR code."""

    phone: str = field(repr=False)
    answer: Promise[PairingCodeShown]


@dataclass(frozen=True)
class TakeScreenshot:
    """What the page shows is wanted, as PNG."""

    answer: Promise[bytes]


Call = SendText | RequestPairingCode | TakeScreenshot
"""What is asked of a page. It is answered by the page, or refused where there is none."""

AccountMessage = (
    Command
    | Renamed
    | Delete
    | Recover
    | Resume
    | ShutDown
    | Relinquish
    | Queued
    | MayStart
    | BrowserReport
    | TimerFired
    | OverMemory
    | Call
)

# To the registry actor.


@dataclass(frozen=True)
class Owned:
    """An account of ours."""

    row: AccountRow
    epoch: int
    """Under which it is ours; what it records is kept only as long as no other server took it."""


@dataclass(frozen=True)
class Start:
    """These accounts are ours from now on: bring back what is to come back."""

    accounts: tuple[Owned, ...]
    done: Promise[int]
    """Kept with the number of accounts that were reset."""


@dataclass(frozen=True)
class Created:
    """There is a new account."""

    account: Owned


@dataclass(frozen=True)
class ForAccount:
    """Pass a message on to an account."""

    account_id: str
    message: AccountMessage


@dataclass(frozen=True)
class RequestStart:
    """An account wants to start its browser."""

    account_id: str
    attempt: int
    urgent: bool = False
    """Whether a user waits for it."""
    runs: bool = False
    """Whether it has a browser, which this one is to replace."""


@dataclass(frozen=True)
class LookForRoom:
    """There may be memory and disk for a start again."""


@dataclass(frozen=True)
class LeaveQueue:
    """An account's start is over, or no longer wanted."""

    account_id: str


@dataclass(frozen=True)
class Gone:
    """An account's actor has done all it was told to, and its browser is gone."""

    account_id: str


@dataclass(frozen=True)
class Died:
    """An account's actor failed in a way nobody foresaw."""

    account: Owned
    """Where it stood."""
    error: str
    history: History
    """Its failures, without this one."""
    connected_for: float
    """How long it had been connected, in seconds; 0 if it was not."""
    unheard: tuple[AccountMessage, ...]
    """What it was told and had not handled yet, for its successor."""


@dataclass(frozen=True)
class StopAll:
    """The server stops: close every browser."""

    done: Promise[None] = field(repr=False)


RegistryMessage = (
    Start | Created | ForAccount | RequestStart | LookForRoom | LeaveQueue | Gone | Died | StopAll
)
