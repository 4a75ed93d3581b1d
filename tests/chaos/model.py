"""What may be expected of an account: a small reference model, told of everything that is done.

Pure. It knows what the user asked for and what the phones did, nothing of the server.
"""

from dataclasses import dataclass
from enum import Enum, auto

from store.status import Desired, Status

AT_REST = frozenset({Status.DISCONNECTED, Status.LOGGED_OUT})
ONLINE = frozenset({Status.CONNECTED})


class Session(Enum):
    """What the profile holds."""

    NONE = auto()
    """No session, so a phone has to scan."""
    KEPT = auto()
    """A session that the phone knows and that has been CONNECTED."""
    UNSURE = auto()
    """A phone has scanned, and it has not been seen yet what came of it."""
    REMOVED = auto()
    """A session that the phone has removed while no page was there to hear of it."""


@dataclass
class Expected:
    """What one account should come to."""

    desired: Desired = Desired.DISCONNECTED
    session: Session = Session.NONE
    asked: bool = False
    """Whether a user's own connect or restart is under way: then a code to scan is shown."""
    logged_out: bool = False
    """Whether a logout was answered, and nothing since then asked for a connection."""
    forgetting: bool = False
    """Whether it has not been seen yet what came of a logout."""
    listed: bool = False
    """Whether the phone may list a device that is of no use any more."""

    @property
    def goals(self) -> frozenset[Status]:
        """The statuses in which the account may come to rest now; none before a phone has to scan.

        A session that a logout has ended can come back only by a scan.
        """
        if self.desired is Desired.DISCONNECTED:
            return frozenset({Status.LOGGED_OUT}) if self.logged_out else AT_REST
        if self.asked:
            return {
                Session.NONE: frozenset[Status](),
                Session.REMOVED: ONLINE | {Status.LOGGED_OUT},
            }.get(self.session, ONLINE)
        return {
            Session.NONE: AT_REST,
            Session.KEPT: ONLINE,
            Session.UNSURE: ONLINE | AT_REST,
            Session.REMOVED: frozenset({Status.LOGGED_OUT}),
        }[self.session]

    @property
    def scans(self) -> bool:
        """Whether a code is scanned where one is shown.

        A server that ends a session for one that has died may go on with a connect that was asked
        for after it.
        """
        return self.asked or (self.forgetting and self.desired is Desired.CONNECTED)

    def connect(self) -> None:
        """The user asked for the connection, or for a restart."""
        self.desired, self.asked, self.logged_out = Desired.CONNECTED, True, False

    def disconnect(self) -> None:
        """The user asked to go offline."""
        self.desired, self.asked = Desired.DISCONNECTED, False

    def logout(self) -> None:
        """The user asked to unlink the device."""
        self.disconnect()
        self.listed |= self.session is Session.UNSURE
        self.session, self.logged_out, self.forgetting = Session.NONE, True, True

    def not_unlinked(self) -> None:
        """The server said that it could not tell the phone of a logout."""
        self.listed = True

    def scanned(self) -> None:
        """A phone scanned the code."""
        self.listed |= self.session is Session.UNSURE
        self.session = Session.UNSURE

    def unlinked(self) -> None:
        """The phone removed its devices."""
        if self.session in (Session.KEPT, Session.UNSURE):
            self.session = Session.REMOVED
            # A page that is there hears of it; nobody waits for a scan any more.
            self.asked = False

    def server_ended(self) -> None:
        """The server ended, and another brings back what was linked."""
        self.asked = False

    def settled(self, status: Status) -> None:
        """It was seen to rest in one of its goals."""
        self.forgetting = False
        if status is Status.CONNECTED:
            self.session, self.asked = Session.KEPT, False
        elif status is Status.LOGGED_OUT:
            self.session, self.asked = Session.NONE, False
