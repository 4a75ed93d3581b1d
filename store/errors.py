"""What can go wrong with what is kept. The docstring is the default message.

StoreError
  DatabaseAway
  DatabaseTooNew
  DatabaseUnusable
  BrokenCursor
  LeaseLost
"""

import re

QUOTED = re.compile(r"\nDETAIL: .*|(?<=invalid input for query argument ).*", re.DOTALL)
"""Where Postgres, or its driver, repeats what it was given."""


class StoreError(Exception):
    """The store could not do what was asked."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())


class DatabaseAway(StoreError):
    """The database does not answer, or did not take it. Try again in a moment."""


class DatabaseTooNew(StoreError):
    """A newer version of this program has written the database. Run that version, or restore."""


class DatabaseUnusable(StoreError):
    """The address of the database is wrong, or its driver is not installed."""


class BrokenCursor(StoreError, ValueError):
    """This cursor did not come from an earlier page."""


class LeaseLost(StoreError):
    """Another server owns the account by now, so nothing was written."""


def sqlstate_of(error: BaseException) -> str:
    """Return Postgres's code of what went wrong; nothing where it is not Postgres that says so."""
    # Tortoise wraps some of the driver's errors.
    causes = (error, error.__cause__, *error.args)
    codes = (getattr(cause, "sqlstate", None) for cause in causes)
    return next((str(code) for code in codes if code), "")


def words_of(error: BaseException) -> str:
    """Say what a database complains of, without the row that it quotes: messages are in it."""
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    if error.__cause__ is not None and sqlstate_of(error.__cause__):
        # Tortoise says less than the driver.
        return words_of(error.__cause__)
    return QUOTED.sub("", str(error)) or type(error).__name__
