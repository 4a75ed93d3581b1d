"""What an error that ends a run is called, and whether its page can still be seen. Pure."""

from actors.browser.errors import (
    BrowserGone,
    BundleUnusable,
    ChromiumNotFound,
    PageBroken,
    PageCrashed,
    PageUnreachable,
    PageUnresponsive,
    ProfileLocked,
    StartFailed,
)
from actors.browser.reports import Failed, Failure

FAILURES: tuple[tuple[type[Exception], Failure], ...] = (
    (ProfileLocked, Failure.PROFILE_LOCKED),
    (ChromiumNotFound, Failure.START_FAILED),
    (BundleUnusable, Failure.START_FAILED),
    (StartFailed, Failure.START_FAILED),
    (PageUnreachable, Failure.PAGE_UNREACHABLE),
    (PageBroken, Failure.PAGE_BROKEN),
    (PageCrashed, Failure.PAGE_CRASHED),
    (PageUnresponsive, Failure.UNRESPONSIVE),
    (BrowserGone, Failure.BROWSER_EXITED),
)

MUTE = (PageCrashed, PageUnresponsive, BrowserGone)
"""Errors after which a page cannot be asked for anything."""


def failure_of(error: BaseException | None) -> Failed:
    """Return the report of an error."""
    for kind, failure in FAILURES:
        if isinstance(error, kind):
            return Failed(failure, str(error))
    return Failed(Failure.UNFORESEEN, f"{type(error).__name__}: {error}")


def can_be_seen_after(error: BaseException | None) -> bool:
    """Return whether there may be a page to take a picture of."""
    return not isinstance(error, MUTE)
