"""How often, and how soon, a failed attempt is tried again: restart intensity and backoff.

Pure: values in, values out. Time and chance come in as arguments.
"""

from dataclasses import dataclass, replace

from store.status import Cause


@dataclass(frozen=True)
class RestartPolicy:
    """When to try again, and when to give up. All times in seconds."""

    max_failures: int = 5
    within: float = 600.0
    """More than `max_failures` failures within this time end in FAILED."""
    first_delay: float = 1.0
    max_delay: float = 60.0
    """The delay doubles from the first to this one."""
    jitter: float = 0.2
    """Each delay is lengthened by up to this share, so that a fleet does not move in step."""
    stable_after: float = 60.0
    """A connection that lasted this long wipes the slate clean."""
    lock_attempts: int = 2
    lock_delay: float = 3.0
    """A locked profile is tried so often, so far apart."""


@dataclass(frozen=True)
class History:
    """The failures since the last stable connection or the last command of a user."""

    failures: tuple[float, ...] = ()
    """When those that count happened, on a monotonic clock."""
    streak: int = 0
    """How many there were in a row, counted or not."""
    locks: int = 0
    """How many of them in a row were a locked profile."""


NO_FAILURES = History()


@dataclass(frozen=True)
class Verdict:
    """What to do about a failure."""

    history: History
    delay: float | None
    """Seconds to wait before the next attempt; None: give up."""


NOT_OURS = frozenset({Cause.PAGE_UNREACHABLE, Cause.OFFLINE})
"""Failures of the network. They say nothing against the account or its browser, and an outage of an
hour must not need a human afterwards: they are retried for ever, and never counted."""


def judge(
    policy: RestartPolicy,
    history: History,
    cause: Cause,
    *,
    now: float,
    connected_for: float,
    chance: float,
) -> Verdict:
    """Decide about a failure.

    Args:
        policy: The numbers.
        history: The failures before this one.
        cause: What failed.
        now: The time of the failure in seconds, on a monotonic clock.
        connected_for: How long the attempt had been connected, in seconds; 0 if it never was.
        chance: A random number from 0 to 1.

    Returns:
        The history with this failure, and the delay or the end.
    """
    if connected_for >= policy.stable_after:
        history = History()
    if cause is Cause.PROFILE_LOCKED:
        history = replace(history, locks=history.locks + 1)
        done = history.locks >= policy.lock_attempts
        return Verdict(history, None if done else policy.lock_delay)
    recent = tuple(at for at in history.failures if now - at < policy.within)
    if cause not in NOT_OURS:
        recent = (*recent, now)
    after = History(failures=recent, streak=history.streak + 1)
    if len(recent) > policy.max_failures:
        return Verdict(after, None)
    delay = min(policy.first_delay * 2.0 ** min(history.streak, 30), policy.max_delay)
    return Verdict(after, delay * (1 + policy.jitter * chance))
