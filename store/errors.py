"""What can go wrong with what is kept. The docstring is the default message.

StoreError
  DatabaseAway
    DatabaseReadOnly
  DatabaseTooNew
  DatabaseUnusable
  BrokenCursor
  LeaseLost
"""

import errno
import re
import sqlite3

QUOTED = re.compile(r"\nDETAIL: .*|(?<=invalid input for query argument ).*", re.DOTALL)
"""Where Postgres, or its driver, repeats what it was given."""

NOT_WRITABLE = (errno.EROFS, errno.EACCES, errno.EPERM)


class StoreError(Exception):
    """The store could not do what was asked."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())


class DatabaseAway(StoreError):
    """The database does not answer, or did not take it. Try again in a moment."""


class DatabaseReadOnly(DatabaseAway):
    """The database cannot be written: its file, or its disk, is read-only. Mend that."""


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


def is_read_only(error: BaseException) -> bool:
    """Return whether a file cannot be written, by us or by anybody, which no waiting changes.

    A Postgres that is read-only is none: it becomes the main one soon, or another does.
    """
    causes = (error, error.__cause__, *error.args)
    return any(
        (isinstance(cause, OSError) and cause.errno in NOT_WRITABLE)
        or (isinstance(cause, sqlite3.Error) and _primary_code(cause) == sqlite3.SQLITE_READONLY)
        for cause in causes
    )


def _primary_code(error: sqlite3.Error) -> int:
    # The upper bits say more: https://www.sqlite.org/rescode.html
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def words_of(error: BaseException) -> str:
    """Say what a database complains of, without the row that it quotes: messages are in it."""
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    if error.__cause__ is not None and sqlstate_of(error.__cause__):
        # Tortoise says less than the driver.
        return words_of(error.__cause__)
    return QUOTED.sub("", str(error)) or type(error).__name__
