"""What an account actor works with: its collaborators and its numbers, given by constructor."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from actors.account.restarts import RestartPolicy
from actors.account.view import Views
from actors.browser.reports import PairingCodeShown, Report, SentMessage
from actors.evidence import Evidence
from actors.loop import Loop
from actors.monitor.limits import MemoryLimits
from actors.startqueue import Room
from actors.telemetry.observer import Observer
from store.events.recorder import Recorder
from store.status import Status

OFFLINE_JITTER = 0.2
"""Each patience with a page that is offline is lengthened by up to this share."""


class Run(Protocol):
    """One attempt's browser, as `actors.browser.run.BrowserRun` is. Its methods run on the loop."""

    @property
    def pid(self) -> int | None:
        """The process group, while one runs."""

    async def run(self) -> None:
        """Open the browser and report until it is closed; the last report is `Closed`."""

    def stop(self, *, unlink: bool = False, wipe: bool = False, look: bool = False) -> None:
        """Ask the run to end; log out, remove the profile, take a last picture if so wished."""

    def kill(self) -> None:
        """End the browser by force, at once; what it had not written is lost."""

    async def send_text(self, to: str, text: str) -> SentMessage:
        """Send a text."""

    async def pairing_code(self, phone: str) -> PairingCodeShown:
        """Have the page show a code to be typed on the phone."""

    async def screenshot(self) -> bytes:
        """Show the page as PNG."""


@dataclass(frozen=True)
class Deadlines:
    """How long a transient status may last, in seconds."""

    connecting: float = 60.0
    """From the turn to start."""
    qr_ready: float = 190.0
    """The codes' own time and some margin: WhatsApp Web ends it, this only makes sure."""
    authenticating: float = 180.0
    """Since the last progress of the sync."""
    offline: float = 900.0
    """How long a page that answers may be without a connection to WhatsApp, before its browser is
    replaced: it tries by itself, mostly with success."""
    closing: float = 30.0
    """How long a browser may take to be gone, before its run is given up."""

    def patience(self, chance: float) -> float:
        """Return how long one page may be offline, so that a fleet is not replaced at one moment.

        Args:
            chance: A random number from 0 to 1.
        """
        return self.offline * (1 + OFFLINE_JITTER * chance)

    def of(self, status: Status) -> float:
        """Return the deadline of a transient status."""
        return {
            Status.CONNECTING: self.connecting,
            Status.QR_READY: self.qr_ready,
            Status.AUTHENTICATING: self.authenticating,
        }[status]


@dataclass(frozen=True)
class AccountContext:
    """What every account actor shares with the others."""

    loop: Loop
    recorder: Recorder
    views: Views
    new_run: Callable[[str, Callable[[Report], None]], Run]
    """Makes a run for an account id; the run reports on the loop's thread."""
    wipe: Callable[[str], None]
    """Removes an account's profile; blocks; called only where no run of ours exists."""
    evidence: Evidence
    let_go: Callable[[str], None]
    """Hears on the loop that an account's actor has ended and its browser is gone."""
    broken: Callable[[str], None]
    """Hears on the loop that the registry has died, and of what: the server must end."""
    room: Callable[[], Room]
    """Looks what is free for browsers; in any thread."""
    observer: Observer
    policy: RestartPolicy = RestartPolicy()
    deadlines: Deadlines = Deadlines()
    limits: MemoryLimits = MemoryLimits()
