"""The words for where an account stands: what is wanted, what is, and why.

Plain enums without I/O, so that the pure lifecycle and the database models share them.
"""

from enum import StrEnum
from typing import Self


class Desired(StrEnum):
    """What the user asked for last. Only a user's command changes it."""

    CONNECTED = "connected"
    DISCONNECTED = "disconnected"


class Status(StrEnum):
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
        return self not in (Status.DISCONNECTED, Status.LOGGED_OUT, Status.FAILED)


class Cause(StrEnum):
    """Why an account came to its status: a closed list, part of the interface."""

    sentence: str

    def __new__(cls, word: str, sentence: str = "") -> Self:
        """Make a member that is the word and carries its sentence of documentation."""
        member = str.__new__(cls, word)
        member._value_ = word
        member.sentence = sentence
        return member

    CREATED = "created", "The account was just created."
    DELETED = "deleted", "The account was deleted; this is its last event."
    USER_CONNECT = "user_connect", "A user asked for the connection."
    USER_DISCONNECT = "user_disconnect", "A user asked to go offline; the device stays linked."
    USER_RESTART = "user_restart", "A user asked for a fresh browser."
    USER_LOGOUT = "user_logout", "A user asked to unlink this device."
    RESET = "reset", "The server had ended while the account was on its way."
    RESTORE = "restore", "The server started and brings the account back."
    SHUTDOWN = "shutdown", "The server stopped in good order."
    LEASE_LOST = "lease_lost", "This server cannot be sure any more to be the account's only one."
    QUEUED = "queued", "It waits for its turn; detail says for what, and its place in the queue."
    QR_SHOWN = "qr_shown", "WhatsApp Web shows a code to scan."
    QR_TIMEOUT = "qr_timeout", "No phone scanned any of the codes in time."
    LINKED = "linked", "A phone linked this device."
    RESUMING = "resuming", "WhatsApp Web found its session and is syncing."
    SYNCING = "syncing", "Keys and chats are being fetched; detail says how far."
    READY = "ready", "Chats are there and messages flow."
    OFFLINE = "offline", "WhatsApp Web lost its connection and is trying to get it back."
    RELOADED = "reloaded", "WhatsApp Web reloaded itself."
    START_FAILED = "start_failed", "The browser did not start; detail carries the reason."
    PROFILE_LOCKED = "profile_locked", "Another process holds the browser profile."
    PAGE_UNREACHABLE = "page_unreachable", "The address of WhatsApp Web could not be opened."
    PAGE_CRASHED = "page_crashed", "The page's renderer process crashed."
    PAGE_BROKEN = "page_broken", "The page loaded, but did not become the WhatsApp Web we know."
    BROWSER_EXITED = "browser_exited", "The browser ended on its own or was killed."
    DEADLINE = "deadline", "A status lasted longer than its deadline."
    MEMORY_SOFT = "memory_soft", "The browser took more than its soft limit, at a quiet moment."
    MEMORY_HARD = "memory_hard", "The browser took more than its hard limit."
    UNRESPONSIVE = "unresponsive", "The page did not answer twice in a row."
    UNFORESEEN = "unforeseen", "An error nobody foresaw; detail carries it."
    GAVE_UP = "gave_up", "Too many attempts failed in a row."
    UNLINKED = "unlinked", "The phone removed this device, or WhatsApp did."
    SESSION_LOST = "session_lost", "The profile no longer holds the session that was linked."
    CONFLICT = "conflict", "The session is open in another place."
    TERMS = "terms", "WhatsApp wants its terms of service accepted."
    PASSKEY = "passkey", "The phone's owner must confirm with a passkey."
    BLOCKED = "blocked", "WhatsApp refuses this account, version or network."
    RESOLVED = "resolved", "What a human had to do was done."
