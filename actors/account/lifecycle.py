"""The life of an account as one table: (status, signal) -> (status, cause, effects).

Pure: no I/O, no clock, no thread. The account actor asks `decide`, records what it says and
carries the effects out. Nothing else in the project changes a status.
"""

from dataclasses import dataclass, replace
from enum import Enum, auto

from store.status import Cause, Desired, Status


class Signal(Enum):
    """What can happen to an account, as far as its status is concerned."""

    CONNECT = auto()
    DISCONNECT = auto()
    RESTART = auto()
    LOGOUT = auto()
    DELETE = auto()
    RESET = auto()
    RESTORE = auto()
    SHUTDOWN = auto()
    LEASE_LOST = auto()
    QUEUED = auto()
    TURN = auto()
    RETRY_DUE = auto()
    QR = auto()
    QR_EXHAUSTED = auto()
    SESSION_LOST = auto()
    RESUMING = auto()
    LINKED = auto()
    PROGRESS = auto()
    READY = auto()
    OFFLINE = auto()
    OFFLINE_TOO_LONG = auto()
    REPLACE = auto()
    RELOADED = auto()
    UNLINKED = auto()
    ACTION = auto()
    FAILED = auto()
    GAVE_UP = auto()
    DEADLINE = auto()
    RENEW = auto()

    @property
    def of_an_attempt(self) -> bool:
        """Whether it belongs to one attempt, and means nothing once that is over."""
        return self not in _COMMANDS and self not in _OF_THE_SERVER


_COMMANDS = {
    Signal.CONNECT: Desired.CONNECTED,
    Signal.RESTART: Desired.CONNECTED,
    Signal.DISCONNECT: Desired.DISCONNECTED,
    Signal.LOGOUT: Desired.DISCONNECTED,
    Signal.DELETE: Desired.DISCONNECTED,
}
"""What the user's commands say about what is wanted."""
_OF_THE_SERVER = (Signal.RESET, Signal.RESTORE, Signal.SHUTDOWN, Signal.LEASE_LOST)


class Effect(Enum):
    """What the actor has to do after a decision, in the order given."""

    CLOSE = auto()
    """End the attempt: its browser, its place in the queue, its timers."""
    UNLINK = auto()
    """End the attempt like CLOSE, but have the page log out first."""
    WIPE = auto()
    """Remove the browser profile, once no browser can be using it and before that is told."""
    ENQUEUE = auto()
    """Ask the start queue for a turn."""
    OPEN = auto()
    """Start a browser."""
    BACK_OFF = auto()
    """Wait as long as the restart policy says, then signal RETRY_DUE."""
    AWAIT_REPLACEMENT = auto()
    """Ask the start queue for a turn to replace the browser, which runs on until then."""


class Phase(Enum):
    """What an account that is on its way waits for. It tells which clock bounds the wait."""

    NONE = auto()
    """Nothing: the account rests or is connected."""
    QUEUED = auto()
    """A turn to start; every start before it is bounded by its own deadline."""
    BACKING_OFF = auto()
    """The delay before the next attempt."""
    TO_BE_REPLACED = auto()
    """A turn to replace its browser. That one still runs, and its page may come back first."""
    RUNNING = auto()
    """Its browser; the status's deadline bounds it."""


@dataclass(frozen=True)
class Life:
    """All that a decision depends on."""

    status: Status = Status.DISCONNECTED
    desired: Desired = Desired.DISCONNECTED
    linked: bool = False
    """Whether a phone has linked this device and, as far as we know, still does."""
    attempt: int = 0
    """The number of the newest attempt. It is over when the status has no browser."""
    attended: bool = False
    """Whether a user started this attempt, and so may be looking at the code it shows."""
    phase: Phase = Phase.NONE

    @property
    def deadline(self) -> Status | None:
        """The status whose deadline bounds what is going on, if any does."""
        return self.status if self.status.transient and self.phase is Phase.RUNNING else None

    @property
    def restorable(self) -> bool:
        """Whether a starting server brings the account back without a human."""
        return self.desired is Desired.CONNECTED and self.linked


@dataclass(frozen=True)
class Transition:
    """One cell of the table."""

    to: Status
    cause: Cause | None
    """None: the signal brings its own, such as the kind of failure."""
    effects: tuple[Effect, ...] = ()
    silent: bool = False
    """Whether nothing is recorded, because nothing changed for whoever listens."""


@dataclass(frozen=True)
class Decision:
    """What follows from a signal."""

    life: Life
    previous: Status
    effects: tuple[Effect, ...]
    cause: Cause | None
    """Why; None where nothing is to be recorded."""


Table = dict[tuple[Status, Signal], Transition]

RESTING = tuple(status for status in Status if not status.has_browser)
ACTIVE = tuple(status for status in Status if status.has_browser)
ON_THE_WAY = (Status.CONNECTING, Status.QR_READY, Status.AUTHENTICATING)


def _build() -> Table:
    table: Table = {}

    def add(
        statuses: tuple[Status, ...],
        signal: Signal,
        to: Status,
        cause: Cause | None,
        *effects: Effect,
        silent: bool = False,
    ) -> None:
        for status in statuses:
            table[status, signal] = Transition(to, cause, effects, silent)

    s, on, do = Status, Signal, Effect

    # What users ask for.
    add(RESTING, on.CONNECT, s.CONNECTING, Cause.USER_CONNECT, do.ENQUEUE)
    # Only while it waits, see `_can_be_hurried`; the attempt stays the same.
    add((s.CONNECTING,), on.CONNECT, s.CONNECTING, Cause.USER_CONNECT, do.ENQUEUE)
    add(RESTING, on.RESTART, s.CONNECTING, Cause.USER_RESTART, do.ENQUEUE)
    add(ACTIVE, on.RESTART, s.CONNECTING, Cause.USER_RESTART, do.CLOSE, do.ENQUEUE)
    add(ACTIVE, on.DISCONNECT, s.DISCONNECTED, Cause.USER_DISCONNECT, do.CLOSE)
    add((s.FAILED,), on.DISCONNECT, s.DISCONNECTED, Cause.USER_DISCONNECT)
    add(ACTIVE, on.LOGOUT, s.LOGGED_OUT, Cause.USER_LOGOUT, do.UNLINK, do.WIPE)
    add((s.DISCONNECTED, s.FAILED), on.LOGOUT, s.LOGGED_OUT, Cause.USER_LOGOUT, do.WIPE)
    # It never touches the phone: whoever wants that logs out first.
    add(ACTIVE, on.DELETE, s.DISCONNECTED, Cause.DELETED, do.CLOSE, do.WIPE)
    add(RESTING, on.DELETE, s.DISCONNECTED, Cause.DELETED, do.WIPE)

    # The server's start and stop.
    add((*ACTIVE, s.DISCONNECTED), on.RESET, s.DISCONNECTED, Cause.RESET)
    add((s.DISCONNECTED, s.CONNECTED), on.RESTORE, s.CONNECTING, Cause.RESTORE, do.ENQUEUE)
    add(ACTIVE, on.SHUTDOWN, s.DISCONNECTED, Cause.SHUTDOWN, do.CLOSE)
    add(ACTIVE, on.LEASE_LOST, s.DISCONNECTED, Cause.LEASE_LOST, do.CLOSE)

    # Waiting for a turn, or for the next try.
    add((s.CONNECTING,), on.QUEUED, s.CONNECTING, Cause.QUEUED)
    add((s.CONNECTING,), on.TURN, s.CONNECTING, None, do.OPEN, silent=True)
    add((s.CONNECTING,), on.RETRY_DUE, s.CONNECTING, None, do.ENQUEUE, silent=True)

    # Linking a phone.
    add((s.CONNECTING, s.AUTHENTICATING), on.QR, s.QR_READY, Cause.QR_SHOWN)
    add((s.ACTION_REQUIRED,), on.QR, s.QR_READY, Cause.RESOLVED)
    add((s.QR_READY,), on.QR, s.QR_READY, None, silent=True)
    add((s.CONNECTING, s.QR_READY), on.QR_EXHAUSTED, s.DISCONNECTED, Cause.QR_TIMEOUT, do.CLOSE)
    add((s.CONNECTING, s.QR_READY), on.LINKED, s.AUTHENTICATING, Cause.LINKED)
    add((s.ACTION_REQUIRED,), on.LINKED, s.AUTHENTICATING, Cause.RESOLVED)

    # A session that is, comes back, or goes away.
    add((s.CONNECTING, s.QR_READY), on.RESUMING, s.AUTHENTICATING, Cause.RESUMING)
    add((s.ACTION_REQUIRED,), on.RESUMING, s.AUTHENTICATING, Cause.RESOLVED)
    add((s.AUTHENTICATING,), on.PROGRESS, s.AUTHENTICATING, Cause.SYNCING)
    add(ON_THE_WAY, on.READY, s.CONNECTED, Cause.READY)
    add((s.ACTION_REQUIRED,), on.READY, s.CONNECTED, Cause.RESOLVED)
    page_runs = (s.CONNECTING, s.AUTHENTICATING, s.CONNECTED, s.ACTION_REQUIRED)
    add(page_runs, on.OFFLINE, s.CONNECTING, Cause.OFFLINE)
    too_long = on.OFFLINE_TOO_LONG
    add((s.CONNECTING,), too_long, s.CONNECTING, None, do.AWAIT_REPLACEMENT, silent=True)
    add((s.CONNECTING,), on.REPLACE, s.CONNECTING, Cause.OFFLINE, do.CLOSE, do.ENQUEUE)
    loaded = (s.QR_READY, s.AUTHENTICATING, s.CONNECTED, s.ACTION_REQUIRED)
    add(loaded, on.RELOADED, s.CONNECTING, Cause.RELOADED)
    add(ACTIVE, on.ACTION, s.ACTION_REQUIRED, None)
    add(ACTIVE, on.UNLINKED, s.LOGGED_OUT, Cause.UNLINKED, do.CLOSE)
    add((s.CONNECTED,), on.QR, s.LOGGED_OUT, Cause.SESSION_LOST, do.CLOSE)
    add(ACTIVE, on.SESSION_LOST, s.LOGGED_OUT, Cause.SESSION_LOST, do.CLOSE)

    # What goes wrong.
    add(ACTIVE, on.FAILED, s.CONNECTING, None, do.CLOSE, do.BACK_OFF)
    add(ACTIVE, on.GAVE_UP, s.FAILED, None, do.CLOSE)
    add((s.CONNECTED,), on.RENEW, s.CONNECTING, Cause.MEMORY_SOFT, do.CLOSE, do.ENQUEUE)
    add((s.QR_READY,), on.DEADLINE, s.DISCONNECTED, Cause.QR_TIMEOUT, do.CLOSE)
    return table


TABLE = _build()

_PHASES = {
    Effect.ENQUEUE: Phase.QUEUED,
    Effect.BACK_OFF: Phase.BACKING_OFF,
    Effect.OPEN: Phase.RUNNING,
    Effect.AWAIT_REPLACEMENT: Phase.TO_BE_REPLACED,
}
_WAITING_FOR = {
    Signal.QUEUED: Phase.QUEUED,
    Signal.TURN: Phase.QUEUED,
    Signal.RETRY_DUE: Phase.BACKING_OFF,
    Signal.REPLACE: Phase.TO_BE_REPLACED,
}
_UNLINKED = (Signal.QR, Signal.UNLINKED, Signal.SESSION_LOST, Signal.LOGOUT)
"""A code is shown only by a page without a session."""
_BEGINNING = (
    Signal.CONNECT,
    Signal.RESTART,
    Signal.RESTORE,
    Signal.FAILED,
    Signal.RENEW,
    Signal.REPLACE,
)


def decide(
    life: Life, signal: Signal, *, attempt: int | None = None, cause: Cause | None = None
) -> Decision:
    """Say what follows from a signal.

    Args:
        life: How things stand.
        signal: What happened.
        attempt: The attempt it happened in; needed for signals that belong to one. A signal of
            an attempt that is over has no effect.
        cause: Why, for the signals that bring their own cause (FAILED, GAVE_UP, ACTION).

    Returns:
        The decision; its life is the given one where the signal has no effect.
    """
    if signal.of_an_attempt and not (attempt == life.attempt and _is_timely(life, signal)):
        return Decision(life, life.status, (), None)
    desired = _COMMANDS.get(signal, life.desired)
    attended = _attended(life, signal)
    # What a newer version called it: no browser of ours runs, so the account is at rest.
    status = life.status if life.status.known else Status.DISCONNECTED
    transition = TABLE.get((status, signal))
    hurries = signal is Signal.CONNECT and life.status is Status.CONNECTING
    if transition is None or (hurries and not _can_be_hurried(life)):
        after = replace(life, desired=desired, attended=attended)
        return Decision(after, life.status, (), None)
    begins = signal in _BEGINNING and not hurries
    after = replace(
        life,
        status=transition.to,
        desired=desired,
        linked=_linked(life, signal),
        attempt=life.attempt + 1 if begins else life.attempt,
        attended=attended,
        phase=_phase(life, transition),
    )
    reason = None if transition.silent else transition.cause or cause
    return Decision(after, life.status, transition.effects, reason)


def _is_timely(life: Life, signal: Signal) -> bool:
    """Return whether a signal of the newest attempt means anything: no page speaks in a queue."""
    if not life.status.has_browser:
        return False
    if (phase := _WAITING_FOR.get(signal)) is not None:
        return phase is life.phase
    return life.phase not in (Phase.QUEUED, Phase.BACKING_OFF)


def _can_be_hurried(life: Life) -> bool:
    """Return whether an account on its way waits for anything that a user need not wait for."""
    behind_others = life.phase is Phase.QUEUED and not life.attended
    return behind_others or life.phase is Phase.BACKING_OFF


def _linked(life: Life, signal: Signal) -> bool:
    if signal in (Signal.LINKED, Signal.RESUMING, Signal.READY):
        return True
    if signal in _UNLINKED:
        return False
    return life.linked


def _attended(life: Life, signal: Signal) -> bool:
    if signal is Signal.CONNECT and life.status is Status.CONNECTED:
        # Nobody waits for the code that it would show if its session were lost later on.
        return life.attended
    if signal in (Signal.CONNECT, Signal.RESTART):
        return True
    if signal in (Signal.RESTORE, Signal.READY):
        return False
    return life.attended


def _phase(life: Life, transition: Transition) -> Phase:
    if not transition.to.transient:
        return Phase.NONE
    for effect in transition.effects:
        if effect in _PHASES:
            return _PHASES[effect]
    # A page that gets further is not to be replaced any more.
    return life.phase if transition.to is life.status else Phase.RUNNING


def diagram() -> str:
    """Draw the table as a Mermaid state diagram; the README holds its output.

    What can happen in every active status is drawn once, from the group of them. A deletion is
    left out: it can happen anywhere, and nothing follows.
    """
    groups: dict[tuple[str, str], list[str]] = {}
    for (status, signal), transition in TABLE.items():
        targets = [TABLE[other, signal].to for other in ACTIVE if (other, signal) in TABLE]
        grouped = status in ACTIVE and len(targets) == len(ACTIVE) and len(set(targets)) == 1
        pointless = transition.silent or (status is transition.to and not grouped)
        if pointless or signal is Signal.DELETE:
            continue
        arrow = ("active" if grouped else status.value, transition.to.value)
        labels = groups.setdefault(arrow, [])
        if signal.name.lower() not in labels:
            labels.append(signal.name.lower())
    lines = ["stateDiagram-v2", "    [*] --> DISCONNECTED"]
    lines.append('    state "A browser runs, or waits for its turn" as active {')
    lines += [f"        {status.value}" for status in ACTIVE]
    lines.append("    }")
    for (source, target), labels in groups.items():
        lines.append(f"    {source} --> {target}: {', '.join(labels)}")
    return "\n".join(lines)
