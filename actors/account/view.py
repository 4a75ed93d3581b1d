"""What is known of each account right now, in memory: read by all, written by its actor alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from actors.account.lifecycle import Life
from actors.browser.reports import PairingCodeShown, QrShown
from actors.telemetry.attention import needs_human
from common.clock import boot_clock
from store.status import Cause, Desired, Status


@dataclass(frozen=True)
class View:
    """One account as its actor last showed it."""

    account_id: str
    status: Status
    cause: Cause
    since: datetime
    """When the status began, UTC."""
    desired: Desired
    detail: Mapping[str, Any] | None = None
    phone: str | None = field(default=None, repr=False)
    qr: QrShown | None = None
    """The code on the page, if one is shown."""
    pairing: PairingCodeShown | None = None
    pid: int | None = None
    """The browser's process group, if one runs."""
    restarts: int = 0
    """How often its browser was restarted by us."""
    seq: int = 0
    """The number of the last event that told of its status, or of a later one."""
    name: str = ""
    """What its users call it."""
    away_since: datetime | None = None
    """Since when it is not CONNECTED against its owner's wish; None while all is as wanted."""
    away_from: float = 0.0
    """When that was by `boot_clock`, for nobody sets that one; `Views` fills it in."""
    linked: bool = False
    """Whether a session is linked to a phone, as far as is known."""
    maybe_listed: bool = False
    """Whether a phone may still list it for a session that ended without WhatsApp's being told."""

    @property
    def away_seconds(self) -> float:
        """For how long it has been away against its owner's wish; 0 if it is not."""
        return 0.0 if self.away_since is None else boot_clock() - self.away_from

    @property
    def should_be_connected(self) -> bool:
        """Whether its owner wants it connected and it is, or is away; not one never linked."""
        return self.status is Status.CONNECTED or self.away_since is not None

    @property
    def needs_human(self) -> bool:
        """Whether it is not as wanted and stays so until somebody acts; the log warns of it."""
        return needs_human(Life(self.status, self.desired, self.linked), self.cause)


@dataclass(frozen=True)
class StartsView:
    """The start queue as the registry last showed it."""

    under_way: int = 0
    waits_for: str | None = None
    """What keeps the first one waiting: other starts, memory, or disk. None if nobody waits."""
    places: Mapping[str, int] = field(default_factory=dict)
    """How many go before each account that waits."""

    @property
    def waiting(self) -> int:
        """How many accounts wait."""
        return len(self.places)


class Views:
    """All views. A view is replaced whole, which is one step for every reader in any thread.

    Attributes:
        starts: The start queue, which the registry shows.
    """

    def __init__(self) -> None:
        self._views: dict[str, View] = {}
        self.starts = StartsView()

    def show(self, view: View) -> None:
        """Replace an account's view. The time it is away is counted on if it was away before."""
        before, since = self._views.get(view.account_id), view.away_since
        if since is not None:
            if before is not None and before.away_since == since:
                view = replace(view, away_from=before.away_from)
            else:
                view = replace(view, away_from=_away_from(since))
        self._views[view.account_id] = view

    def drop(self, account_id: str) -> None:
        """Forget an account that was deleted."""
        self._views.pop(account_id, None)

    def get(self, account_id: str) -> View | None:
        """Show one account; None if it is not known."""
        view = self._views.get(account_id)
        return None if view is None else self._as_queued(view)

    def all(self) -> list[View]:
        """Show all accounts."""
        return [self._as_queued(view) for view in list(self._views.values())]

    def _as_queued(self, view: View) -> View:
        """Show where a waiting account is by now; its events do not tell of each step."""
        if view.cause is not Cause.QUEUED:
            return view
        starts = self.starts
        place = starts.places.get(view.account_id)
        waits = None if place is None else {"place": place, "waitsFor": starts.waits_for}
        return replace(view, detail=waits)


def _away_from(since: datetime) -> float:
    """Return when something began, by `boot_clock`."""
    # The other clock may have been put back since.
    return boot_clock() - max(0.0, (datetime.now(UTC) - since).total_seconds())
