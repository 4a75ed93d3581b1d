"""What can go wrong with a command, for whoever gave it. The docstring is the default message.

ManagerError
  UnknownAccount
  AccountElsewhere
  NobodysAccount
  WrongStatus
  NotLoggedOut
  StoreAway
  ShuttingDown
  TimedOut
"""

from store.leases import Server
from store.status import Status


class ManagerError(Exception):
    """The command could not be carried out."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or " ".join((type(self).__doc__ or "").split()))


class UnknownAccount(ManagerError):
    """There is no account with this id."""


class AccountElsewhere(ManagerError):
    """Another server owns the account; give the command there."""

    def __init__(self, owner: Server) -> None:
        super().__init__(f"Another server owns the account, {owner}; give the command there.")
        self.owner = owner


class NobodysAccount(ManagerError):
    """No server owns the account at the moment, and one is about to. Try again in a moment."""


class WrongStatus(ManagerError):
    """The account is not in a status that allows this."""

    def __init__(self, status: Status, wanted: str) -> None:
        super().__init__(f"The account is {status}; {wanted}.")
        self.status = status


class NotLoggedOut(ManagerError):
    """The account was kept: WhatsApp was not told of the logout, or did not say so.

    Remove the device on the phone, under Linked devices, and delete the account without logout.
    """


class StoreAway(ManagerError):
    """The database does not answer, so the command could not be kept. Try again in a moment."""


class ShuttingDown(ManagerError):
    """The server is stopping. Try again when it is back."""


class TimedOut(ManagerError):
    """The account did not answer in time. Its status tells how it is doing."""


def describe(error: BaseException | None) -> str:
    """Say what an error nobody foresaw is. Its repr would show what it was raised about as well."""
    return f"{type(error).__name__}: {error}"
