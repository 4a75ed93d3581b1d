"""What the page's facts mean: a page tells levels and events, the account hears reports. Pure.

wa-js's own events are not enough to go by: `main_ready` also fires on the QR screen, and
`authenticated` does not fire for a resumed session. So the page tells its state whenever it
changes, and this compares it with what has been reported.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

from actors.browser.config import BrowserConfig
from actors.browser.facts.schema import Fact
from actors.browser.reports import (
    ActionKind,
    ActionRequired,
    Authenticated,
    LoggedOut,
    MessageReceived,
    PairingCodeShown,
    QrExhausted,
    QrShown,
    Ready,
    Reconnected,
    Reloaded,
    Report,
    SyncProgress,
    WentOffline,
)

ACTIONS = {
    "CONFLICT": (ActionKind.CONFLICT, "WhatsApp Web is open in another place."),
    "TOS_BLOCK": (ActionKind.TERMS, "WhatsApp wants its terms of service accepted."),
    "SMB_TOS_BLOCK": (ActionKind.TERMS, "WhatsApp Business wants its terms accepted."),
    "PROXYBLOCK": (ActionKind.BLOCKED, "WhatsApp refuses this network or proxy."),
    "DEPRECATED_VERSION": (ActionKind.BLOCKED, "WhatsApp refuses this version of its page."),
}
"""What a stream mode or a socket state asks of a human."""

NOT_CONNECTED = frozenset({"OFFLINE", "OPENING", "PAIRING", "CONNECTING"})
"""The stream infos of a page that was connected and is not. Each start passes all but the first."""

REMEMBERED_MESSAGES = 10_000
"""How many ids are kept to drop repetitions by. WhatsApp repeats within minutes, if at all."""


class Interpreter:
    """Turns one run's facts into reports.

    Attributes:
        ready: Whether the last word was `Ready`.
        fresh: Whether a phone linked the device in this run.
        build: WhatsApp Web's build, once known.
    """

    def __init__(self, config: BrowserConfig, now: Callable[[], datetime] | None = None) -> None:
        self.ready = False
        self.fresh = False
        self.build: str | None = None
        self._config = config
        self._now = now or (lambda: datetime.now(UTC))
        self._documents = 0
        self._codes = 0
        self._code: str | None = None
        self._exhausted = False
        self._pairing_phone = ""
        self._pairing_asked_at: datetime | None = None
        self._pairing: PairingCodeShown | None = None
        self._authenticated = False
        self._offline = False
        self._logged_out = False
        self._action: ActionKind | None = None
        self._percent: int | None = None
        self._messages: OrderedDict[str, None] = OrderedDict()

    @property
    def linked(self) -> bool:
        """Whether the page has a session."""
        return self._authenticated

    @property
    def awaits_link(self) -> bool:
        """Whether the page shows codes, so that a phone could link it."""
        return not self._authenticated and self._code is not None

    @property
    def settled(self) -> bool:
        """Whether the page waits: for messages, for a phone, for a human, or for the network.

        One that loads or syncs may be too busy to answer, and is bounded by deadlines.
        """
        return self.ready or self.awaits_link or self._offline or self._action is not None

    def remember(self, ids: Iterable[str]) -> None:
        """Take messages, oldest first, for reported already."""
        for ident in ids:
            self._messages[ident] = None

    def pairing_for(self, phone: str) -> None:
        """Remember for which phone a pairing code is asked now; the page does not tell."""
        self._pairing_phone = phone
        self._pairing_asked_at = self._now()

    def pairing_failed(self) -> list[Report]:
        """Return the reports that waited for a pairing code which does not come."""
        self._pairing_asked_at = None
        return self._exhausted_meanwhile()

    def read(self, fact: Fact) -> list[Report]:
        """Return the reports that follow from a fact that was checked, in order."""
        match fact:
            case {"fact": "document", "query": query}:
                return self._document(query)
            case {"fact": "code", "code": code}:
                return self._qr(code)
            case {"fact": "codes_idle"}:
                return self._idle()
            case {"fact": "pairing_code", "code": code}:
                return self._pairing_code(code)
            case {"fact": "progress", "percent": percent}:
                return self._progress(int(percent))
            case {"fact": "passkey"}:
                return self._act(ActionKind.PASSKEY, "The phone's owner must confirm a passkey.")
            case {"fact": "logout", "reason": reason}:
                return self._logout(reason or "unknown")
            case {"fact": "message"}:
                return self._message(fact)
            case {"fact": "state"}:
                return self._state(fact)
        return []

    def pairing_shown(self, code: str) -> PairingCodeShown:
        """Return the report of a pairing code that is on the page now.

        The page may answer with a code that it has shown already: that one expires no later.
        """
        if self._pairing is None or self._pairing.code != code:
            # WhatsApp counts from when it made the code, which is after it was asked for.
            made_at = self._pairing_asked_at or self._now()
            seconds = timedelta(seconds=self._config.pairing_code_seconds)
            self._pairing = PairingCodeShown(code, self._pairing_phone, made_at + seconds)
        self._pairing_asked_at = None
        return self._pairing

    def _document(self, query: str) -> list[Report]:
        """Take note of a new document; the first is the one that was asked for."""
        self._documents += 1
        self._codes, self._code, self._exhausted = 0, None, False
        if self._documents == 1:
            return []
        # WhatsApp reloads with this mark when it logs out. If that was before wa-js came up, or
        # the event went with the old document, the mark is all there is to tell it by.
        ended = parse_qs(query.lstrip("?"))
        reports: list[Report] = []
        if "post_logout" in ended and not self._logged_out:
            reports = self._end_session(ended.get("logout_reason", ["unknown"])[0])
        self.ready = self._offline = self._logged_out = False
        self._action = None
        return [*reports, Reloaded()]

    def _qr(self, code: str) -> list[Report]:
        if code == self._code:
            return []
        self._codes = 1 if self._exhausted else self._codes + 1
        self._code, self._exhausted, self._action = code, False, None
        config = self._config
        seconds = config.qr_first_seconds if self._codes == 1 else config.qr_next_seconds
        expires_at = self._now() + timedelta(seconds=seconds)
        return [QrShown(code, self._codes, max(config.qr_codes, self._codes), expires_at)]

    def _idle(self) -> list[Report]:
        if self._exhausted or self._authenticated:
            return []
        self._exhausted = True
        # A pairing code that is on its way may outlive the QR codes; they wait for it.
        return [] if self._pairing_asked_at is not None else [QrExhausted()]

    def _pairing_code(self, code: str) -> list[Report]:
        if self._pairing is not None and code == self._pairing.code:
            return []
        if self._exhausted and self._pairing_asked_at is None:
            # The page renews codes by itself, for a quarter of an hour. Nobody asked for this one,
            # and the codes have had their time.
            return [QrExhausted()]
        return [self.pairing_shown(code), *self._exhausted_meanwhile()]

    def _exhausted_meanwhile(self) -> list[Report]:
        return [QrExhausted()] if self._exhausted else []

    def _progress(self, percent: int) -> list[Report]:
        percent = max(0, min(100, percent))
        if self.ready or not self._authenticated or percent == self._percent:
            return []
        self._percent = percent
        return [SyncProgress(percent)]

    def _act(self, kind: ActionKind, detail: str) -> list[Report]:
        if kind is self._action:
            return []
        self._action = kind
        self.ready = self._offline = False
        return [ActionRequired(kind, detail)]

    def _logout(self, reason: str) -> list[Report]:
        return self._end_session(reason) if self._authenticated else []

    def _end_session(self, reason: str) -> list[Report]:
        self._authenticated = self.ready = self.fresh = self._offline = False
        self._logged_out = True
        self._percent = self._pairing = None
        return [LoggedOut(reason)]

    def _state(self, state: Fact) -> list[Report]:
        self.build = state["build"] or self.build
        # The old document may go on for a moment as if nothing had happened.
        if self._logged_out:
            return []
        for level in (state["mode"], state["socket"]):
            if level in ACTIONS:
                return self._act(*ACTIONS[level])
        if not state["authenticated"]:
            return []
        reports: list[Report] = []
        if not self._authenticated:
            self._authenticated, self._action = True, None
            self.fresh = self._codes > 0 or self._pairing is not None
            reports.append(Authenticated(self.fresh))
        if _is_connected(state):
            return reports + self._connected(state)
        # A start passes all but this one; whoever was connected, or is offline, is past that.
        started = self.ready or self._offline
        cut_off = _is_cut_off(state) if started else state["info"] == "OFFLINE"
        if cut_off and not self._offline:
            self.ready, self._offline, self._action = False, True, None
            reports.append(WentOffline(_words(state)))
        elif self._offline and not cut_off:
            self._offline = False
            reports.append(Reconnected())
        return reports

    def _connected(self, state: Fact) -> list[Report]:
        self._action = None
        self._offline = False
        if self.ready:
            return []
        self.ready = True
        return [Ready(state["phone"], state["pushName"], self.build or "unknown")]

    def _message(self, fact: Fact) -> list[Report]:
        # What cannot be read yet is told again once it can; status updates are nobody's message.
        if fact["kind"] == "ciphertext" or fact["chat"] == "status@broadcast":
            return []
        sent_at = _moment(fact["at"])
        message = MessageReceived(
            message_id=fact["id"],
            chat=fact["chat"],
            sender=fact["sender"],
            sender_phone=fact["senderPhone"],
            recipient=fact["recipient"],
            kind=fact["kind"],
            text=fact["text"],
            at=sent_at or self._now(),
            timed=sent_at is not None,
            sender_name=fact["senderName"],
            recovered=fact["recovered"],
            truncated=fact["truncated"],
        )
        if message.message_id in self._messages:
            return []
        self._messages[message.message_id] = None
        if len(self._messages) > REMEMBERED_MESSAGES:
            self._messages.popitem(last=False)
        return [message]


def _moment(timestamp: float | None) -> datetime | None:
    """Return the time that a message tells, if it tells one: without it is news still."""
    if timestamp is not None and timestamp > 0:
        with suppress(ValueError, OverflowError, OSError):
            return datetime.fromtimestamp(timestamp, UTC)
    return None


def _is_connected(state: Fact) -> bool:
    """Return whether messages flow: loaded in full, logged in, and on line."""
    return (
        state["loaded"] is True
        and state["mode"] == "MAIN"
        and state["info"] == "NORMAL"
        and state["online"] is not False
        and bool(state["phone"])
    )


def _is_cut_off(state: Fact) -> bool:
    """Return whether a page that was connected is no longer; resuming and syncing do not count."""
    return state["mode"] == "OFFLINE" or state["info"] in NOT_CONNECTED or state["online"] is False


def _words(state: Fact) -> str:
    online = {True: "online", False: "offline"}.get(state["online"], "not known")
    stream = f"stream {state['mode']}/{state['info']}, socket {state['socket']}"
    return f"{stream}, the browser's network {online}"
