"""Which account a thread's or task's log lines are about. How a line shows it is said elsewhere.

An actor that serves one account says so once, and what it starts on the loop inherits it: its
browser, the page's events, the libraries below. Code that serves many accounts names each line's
account instead, as `extra={"account": account_id}`.
"""

from contextvars import ContextVar

LOGGED_ACCOUNT: ContextVar[str | None] = ContextVar("subject", default=None)
"""The account's id; None where the lines are about no account, or name it themselves."""
