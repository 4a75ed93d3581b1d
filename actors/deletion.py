"""What becomes of the device on the phone when an account is deleted. Pure."""

from actors.account.view import View
from store.accounts import AccountRow
from store.status import Cause, Status

STILL_LISTED = (
    "It is not proven that WhatsApp was told of the logout: if the phone still lists this device, "
    "remove the device on the phone as well."
)
"""What a logout says that could forget the session, but may not have unlinked the device."""
DEVICE_STAYS = "The phone still lists this device: remove it there, under Linked devices."
"""What a deletion says that does not log out."""
NEEDS_PAGE = (
    "a logout needs CONNECTED. Connect it first, or delete it without logout and remove the device "
    "on the phone, under Linked devices"
)
"""What is said to whoever wants to log out by a page that cannot."""


def is_listed(account: AccountRow | View) -> bool:
    """Return whether the phone may still list the account's device, as far as is known here."""
    return account.linked or account.maybe_listed or says_listed(account)


def says_listed(account: AccountRow | View) -> bool:
    """Return whether the last event says so; all that is known of what an earlier version kept."""
    if account.linked:
        return False
    untold = (account.detail or {}).get("message") in (STILL_LISTED, DEVICE_STAYS)
    return untold or (account.status is Status.LOGGED_OUT and account.cause is Cause.SESSION_LOST)
