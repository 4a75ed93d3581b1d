"""When a server owns an account, and when it may take one from another: decisions on values.

Pure: no I/O, and the clock's readings are arguments. All of them are of one server's own clock,
which counts on while the machine sleeps; two servers' clocks are never compared.
"""

from dataclasses import dataclass

from store.leases import Lease


@dataclass(frozen=True)
class LeaseTerms:
    """How long leases last, in seconds."""

    seconds: float = 600.0
    """From the moment in which a lease, or its renewal, was asked for."""
    margin: float = 12.0
    """The last part of that time, in which a browser must be gone: its close, or else its kill."""

    # The longer a lease, the longer a database may be away before browsers have to close. How soon
    # a server notices what happens must not depend on that, so each of these has its own bound.

    @property
    def renew_every(self) -> float:
        """The time between two renewals."""
        return min(self.seconds / 3, 10.0)

    @property
    def look_every(self) -> float:
        """The time between two looks at all leases, in which those given back are found."""
        return min(self.seconds / 3, 5.0)

    @property
    def check_every(self) -> float:
        """The time between two looks at the clock and at other servers' signs of life.

        What failed because the database was away is tried again after the same time.
        """
        return min(self.seconds / 30, 1.0)

    @property
    def answer_within(self) -> float:
        """How long an answer of the database is waited for."""
        return min(self.seconds / 3, 10.0)


@dataclass(frozen=True)
class HeldLease:
    """A lease of ours."""

    epoch: int
    until: float
    """When it runs out, unless it is renewed."""


@dataclass(frozen=True)
class Sighting:
    """A lease of another server, as it was seen for the first time since it last changed."""

    lease: Lease
    since: float
    """When the answer had come that showed it."""


def held_lease(epoch: int, asked_at: float, now: float, terms: LeaseTerms) -> HeldLease | None:
    """Say what the answer to a claim or a renewal gives us; nothing if it came too late.

    Counted from when it was asked for, since nobody knows when the database did it.
    """
    held = HeldLease(epoch, asked_at + terms.seconds)
    return None if is_over(held, now, terms) else held


def is_over(held: HeldLease, now: float, terms: LeaseTerms) -> bool:
    """Return whether the browser must begin to go, so that it is gone when the lease runs out."""
    return now >= held.until - terms.margin


def sight(before: Sighting | None, lease: Lease, now: float) -> Sighting:
    """Note a lease that was read; as long as nothing of it changes, the first time counts."""
    return before if before is not None and before.lease == lease else Sighting(lease, now)


def may_claim(seen: Sighting, now: float, *, owner_is_dead: bool) -> bool:
    """Return whether an account may be taken.

    An owner counts from before its last renewal, and we from after we saw that: so once we have
    counted as long as its lease lasts, it has counted longer, and its browser is gone. If it has
    renewed since, the claim itself will find that the lease has changed.
    """
    owner = seen.lease.server
    return owner is None or owner_is_dead or now - seen.since >= owner.lease_seconds
