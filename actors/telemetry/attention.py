"""Which accounts need a human, and which are away. Pure; the log, /health and metrics go by it."""

from actors.account.lifecycle import Life
from store.status import Cause, Desired, Status


def needs_human(life: Life, cause: Cause) -> bool:
    """Return whether an account is not as wanted, and stays so until a human acts.

    One that shows a code to scan is on its way: whoever connected it knows.
    """
    if life.status in (Status.FAILED, Status.ACTION_REQUIRED):
        return True
    if life.status.has_browser or life.desired is Desired.DISCONNECTED:
        return False
    if cause is Cause.RESET:
        return not life.restorable
    # What these leave behind, the server that has the account next resets or brings back.
    return cause not in (Cause.SHUTDOWN, Cause.LEASE_LOST)


def is_away(life: Life, cause: Cause) -> bool:
    """Return whether an account is not connected though it could and should be.

    One that waits for its first scan is not, until that has come to nothing.
    """
    wanted = life.desired is Desired.CONNECTED and life.status is not Status.CONNECTED
    return wanted and (life.linked or needs_human(life, cause))
