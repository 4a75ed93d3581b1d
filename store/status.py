"""The words for where an account stands: what is wanted, what is, and why.

Plain enums without I/O, so that the pure lifecycle and the database models share them.
"""

from enum import StrEnum
from typing import Self, cast


class Word(StrEnum):
    """A word of a list that grows with the versions.

    A database may hold words of a newer version. They are members too, but of no list: they are
    kept and shown as they are, and nothing is concluded from them.
    """

    @classmethod
    def read(cls, word: str) -> Self:
        """Return a word as it was kept, whether it is known here or not."""
        found = cls._value2member_map_.get(word)
        return cls._unknown(word) if found is None else cast("Self", found)

    @property
    def known(self) -> bool:
        """Whether this version knows what it means."""
        return self._value_ in type(self)._value2member_map_

    @classmethod
    def _unknown(cls, word: str) -> Self:
        member = str.__new__(cls, word)
        member._name_ = member._value_ = word
        return member


class Desired(Word):
    """What the user asked for last. Only a user's command changes it."""

    CONNECTED = "connected"
    DISCONNECTED = "disconnected"


class Status(Word):
    """Where an account stands."""

    DISCONNECTED = "DISCONNECTED"
    """No browser runs; the cause says why."""
    CONNECTING = "CONNECTING"
    """A browser starts, its page loads, a session resumes; or the account waits for its turn."""
    QR_READY = "QR_READY"
    """A code is shown and a phone must scan it, or type the pairing code."""
    AUTHENTICATING = "AUTHENTICATING"
    """The phone said yes; keys and chats are syncing."""
    CONNECTED = "CONNECTED"
    """Usable."""
    ACTION_REQUIRED = "ACTION_REQUIRED"
    """A human must act in the page or on the phone. The browser stays up."""
    LOGGED_OUT = "LOGGED_OUT"
    """This device is no longer linked. Never retried by itself."""
    FAILED = "FAILED"
    """Gave up after too many failures in a row."""

    @property
    def transient(self) -> bool:
        """Whether the status must end by itself, and so carries a deadline."""
        return self in (Status.CONNECTING, Status.QR_READY, Status.AUTHENTICATING)

    @property
    def has_browser(self) -> bool:
        """Whether an account in this status owns a browser, or waits for its turn to start one."""
        return self.transient or self in (Status.CONNECTED, Status.ACTION_REQUIRED)


class Cause(Word):
    """Why an account came to its status: a closed list, part of the interface."""

    sentence: str
    """What it means."""
    advice: str
    """What to do about it; empty where there is nothing to do. The page for operators and the log
    say the same."""

    def __new__(cls, word: str, sentence: str = "", advice: str = "") -> Self:
        """Make a member that is the word and carries what is said about it."""
        member = str.__new__(cls, word)
        member._value_ = word
        member.sentence = sentence
        member.advice = advice
        return member

    @classmethod
    def _unknown(cls, word: str) -> Self:
        member = super()._unknown(word)
        member.sentence = "A newer version of this program knows what it means."
        member.advice = ""
        return member

    CREATED = ("created", "The account was just created.", "Connect it.")
    DELETED = ("deleted", "The account was deleted; this is its last event.")
    USER_CONNECT = ("user_connect", "A user asked for the connection.")
    USER_DISCONNECT = ("user_disconnect", "A user asked to go offline; the device stays linked.")
    USER_RESTART = ("user_restart", "A user asked for a fresh browser.")
    USER_LOGOUT = ("user_logout", "A user asked to unlink this device.")
    RESET = (
        "reset",
        "The account was on its way when its server ended, or had to let it go.",
        "If it does not come back by itself, connect it, with the phone at hand.",
    )
    RESTORE = ("restore", "The server started and brings the account back.")
    SHUTDOWN = (
        "shutdown",
        "The server stopped in good order.",
        "Start the server. An account that was linked comes back by itself.",
    )
    LEASE_LOST = (
        "lease_lost",
        "This server cannot be sure any more to be the account's only one.",
        "Check the database, and whether a second server uses it. The account comes back then.",
    )
    QUEUED = (
        "queued",
        "It waits for its turn; detail says for what, and its place in the queue.",
        "If it lasts, give the server more of what it waits for: memory or disk.",
    )
    QR_SHOWN = (
        "qr_shown",
        "WhatsApp Web shows a code to scan.",
        "Scan it with the phone: WhatsApp, Linked devices, Link a device.",
    )
    QR_TIMEOUT = (
        "qr_timeout",
        "No phone scanned any of the codes in time.",
        "Connect it again, with the phone at hand.",
    )
    LINKED = ("linked", "A phone linked this device.")
    RESUMING = ("resuming", "WhatsApp Web found its session and is syncing.")
    SYNCING = ("syncing", "Keys and chats are being fetched; detail says how far.")
    READY = ("ready", "Chats are there and messages flow.")
    OFFLINE = (
        "offline",
        "WhatsApp Web lost its connection and is trying to get it back.",
        "If it lasts, check the network of this machine.",
    )
    RELOADED = ("reloaded", "WhatsApp Web reloaded itself.")
    START_FAILED = (
        "start_failed",
        "The browser did not start; detail carries the reason.",
        "Mend what the reason names: often a missing library, a full disk or too little memory.",
    )
    PROFILE_LOCKED = (
        "profile_locked",
        "Another process holds the browser profile.",
        "End the Chromium or the server that holds it, then connect the account.",
    )
    PAGE_UNREACHABLE = (
        "page_unreachable",
        "The address of WhatsApp Web could not be opened.",
        "If it lasts, check the network, the proxy and the DNS of this machine.",
    )
    PAGE_CRASHED = (
        "page_crashed",
        "The page's renderer process crashed.",
        "If it happens often, give the machine more memory.",
    )
    PAGE_BROKEN = (
        "page_broken",
        "The page did not become the WhatsApp Web we know, or told what that never tells.",
        "Look at the picture of the page. If WhatsApp Web has changed, update wa-manager.",
    )
    BROWSER_EXITED = (
        "browser_exited",
        "The browser ended on its own or was killed.",
        "If it happens often, give the machine more memory.",
    )
    DEADLINE = (
        "deadline",
        "A status lasted longer than its deadline.",
        "If it happens often, the machine is too slow: raise WA_CONNECTING_SECONDS.",
    )
    MEMORY_SOFT = (
        "memory_soft",
        "The browser took more than its soft limit, at a quiet moment.",
        "If it happens often, raise WA_MEMORY_SOFT_MB.",
    )
    MEMORY_HARD = (
        "memory_hard",
        "The browser took more than its hard limit.",
        "If it happens often, raise WA_MEMORY_HARD_MB.",
    )
    UNRESPONSIVE = (
        "unresponsive",
        "The page did not answer twice in a row.",
        "If it happens often, the machine is too busy: run fewer accounts on it.",
    )
    UNFORESEEN = (
        "unforeseen",
        "An error nobody foresaw; detail carries it.",
        "Report it, with the log.",
    )
    GAVE_UP = (
        "gave_up",
        "Too many attempts failed in a row.",
        "Mend what made the last attempt fail, which detail names, then connect the account.",
    )
    UNLINKED = (
        "unlinked",
        "The phone removed this device, or WhatsApp did.",
        "Connect it, and scan the code with the phone.",
    )
    SESSION_LOST = (
        "session_lost",
        "The profile no longer holds the session that was linked.",
        "Connect it, and scan the code with the phone.",
    )
    CONFLICT = (
        "conflict",
        "The session is open in another place.",
        "Close the other place, then restart the account.",
    )
    TERMS = (
        "terms",
        "WhatsApp wants its terms of service accepted.",
        "Accept them in WhatsApp on the phone.",
    )
    PASSKEY = (
        "passkey",
        "The phone's owner must confirm with a passkey.",
        "Confirm it on the phone.",
    )
    BLOCKED = (
        "blocked",
        "WhatsApp refuses this account, version or network.",
        "Check the account on the phone, update wa-manager, or use another network address.",
    )
    RESOLVED = ("resolved", "What a human had to do was done.")
