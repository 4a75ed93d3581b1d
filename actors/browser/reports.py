"""What a browser tells about its account: frozen values, one class for each thing that can happen.

A report carries facts of the page and no decision. The lifecycle decides what follows. Secrets,
texts and phone numbers are not in its repr, so that no traceback and no log shows them.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True)
class Started:
    """The browser's process runs. Its page may never speak, and it takes memory all the same."""


@dataclass(frozen=True)
class QrShown:
    """A code that a phone can scan is on the page."""

    code: str = field(repr=False)
    """The text that the QR image encodes. A secret for as long as it lives."""
    number: int
    """Which code of this attempt it is, from 1."""
    of: int
    """How many codes WhatsApp Web shows before it waits for a human."""
    expires_at: datetime


@dataclass(frozen=True)
class QrExhausted:
    """All codes went unused; WhatsApp Web waits for a click."""


@dataclass(frozen=True)
class PairingCodeShown:
    """A code to be typed on the phone. A secret for as long as it lives."""

    code: str = field(repr=False)
    phone: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True)
class Authenticated:
    """The page has a session, new or resumed, and is syncing."""

    fresh: bool
    """Whether a phone linked it in this attempt, as opposed to a resumed session."""


@dataclass(frozen=True)
class SyncProgress:
    """How far the sync is, in percent."""

    percent: int


@dataclass(frozen=True)
class Ready:
    """Chats are loaded and messages flow. Reported again after each interruption."""

    phone: str = field(repr=False)
    """The account's number, digits only."""
    push_name: str | None = field(repr=False)
    web_version: str
    """WhatsApp Web's build."""
    missing_modules: tuple[str, ...] = ()
    """What was not found in it, by wa-js's names: what these would do will not work."""
    history_until: datetime | None = None
    """Where a phone has just linked the device: when the newest message was sent that came with the
    link, by WhatsApp's clock."""


@dataclass(frozen=True)
class WentOffline:
    """A page with a session has no connection to WhatsApp; it tries by itself.

    It lost the one it had, or could not make one so far, as when the network is away at a start.
    Reported once until the page has a connection again, asks for a human, or is loaded anew.
    """

    detail: str


@dataclass(frozen=True)
class Reconnected:
    """A page that was offline has a connection again and resumes its session."""


@dataclass(frozen=True)
class LoggedOut:
    """The session is gone: this device was unlinked by the phone, by WhatsApp or by us."""

    reason: str


class ActionKind(StrEnum):
    """What a human has to do."""

    CONFLICT = "conflict"
    TERMS = "terms"
    PASSKEY = "passkey"
    BLOCKED = "blocked"


@dataclass(frozen=True)
class ActionRequired:
    """The page waits for a human."""

    kind: ActionKind
    detail: str


@dataclass(frozen=True)
class Reloaded:
    """The page was loaded anew by WhatsApp Web itself, and starts over."""


@dataclass(frozen=True)
class MessageReceived:
    """A message arrived. Reported once per id and browser run, and seldom again in a later one."""

    message_id: str = field(repr=False)
    chat: str = field(repr=False)
    """The chat's id, such as 491700000001@c.us."""
    sender: str = field(repr=False)
    recipient: str = field(repr=False)
    kind: str
    """WhatsApp's word: chat for a text, image, …"""
    text: str | None = field(repr=False)
    at: datetime
    sender_name: str | None = field(repr=False)
    sender_phone: str | None = field(default=None, repr=False)
    """The sender's number, digits only; None where the page knows only another id of theirs."""
    recovered: bool = False
    """Whether no event told of it, and it was found among the page's messages afterwards."""
    timed: bool = True
    """Whether `at` is WhatsApp's own word; else it is when the message was heard."""
    truncated: bool = False
    """Whether the text was too long to be kept whole. Its end is then `…`."""


@dataclass(frozen=True)
class ComparisonFailed:
    """The page could not be asked for messages that no event told of; it goes on otherwise."""


class Failure(StrEnum):
    """The ways in which a run ends that nobody asked for."""

    START_FAILED = "start_failed"
    PROFILE_LOCKED = "profile_locked"
    PAGE_UNREACHABLE = "page_unreachable"
    PAGE_CRASHED = "page_crashed"
    PAGE_BROKEN = "page_broken"
    BROWSER_EXITED = "browser_exited"
    UNRESPONSIVE = "unresponsive"
    UNFORESEEN = "unforeseen"


@dataclass(frozen=True)
class Failed:
    """The run cannot go on. `Closed` follows when its browser is proven gone."""

    failure: Failure
    detail: str
    """Evidence for a human: exit code, the page's error, a path. Never a secret."""


@dataclass(frozen=True)
class Closed:
    """The last report of every run: its browser is proven gone and its profile is free."""

    picture: bytes | None = field(default=None, repr=False)
    """What the page showed last, as PNG, if that was asked for or the run failed."""
    unlinked: bool = False
    """Whether the page logged out, as it was asked to: the phone does not list the device."""


Report = (
    Started
    | QrShown
    | QrExhausted
    | PairingCodeShown
    | Authenticated
    | SyncProgress
    | Ready
    | WentOffline
    | Reconnected
    | LoggedOut
    | ActionRequired
    | Reloaded
    | MessageReceived
    | ComparisonFailed
    | Failed
    | Closed
)


@dataclass(frozen=True)
class SentMessage:
    """WhatsApp's server took a message."""

    message_id: str = field(repr=False)
    to: str = field(repr=False)
    """The chat that it went to, by WhatsApp's own id."""
    ack: int
    """1 taken by the server, 2 delivered, 3 read."""
