"""The queue in front of starting browsers: who may start now, and who waits in which place.

Pure: it holds names and a bound. The registry owns it and tells the accounts.
"""

from collections import OrderedDict


class StartQueue:
    """First come, first served, with at most `at_once` starts under way."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._waiting: OrderedDict[str, int] = OrderedDict()
        self._starting: set[str] = set()

    def join(self, account_id: str, attempt: int) -> int:
        """Queue up for a start.

        Joining again replaces the former request and goes to the end.

        Returns:
            The place: how many go before this one. 0 may still have to wait for a start to end.
        """
        self.leave(account_id)
        self._waiting[account_id] = attempt
        return len(self._waiting) - 1

    def leave(self, account_id: str) -> None:
        """Give up the place, or the start that was under way. Harmless if there is neither."""
        self._waiting.pop(account_id, None)
        self._starting.discard(account_id)

    def admit(self) -> list[tuple[str, int]]:
        """Let as many start as may.

        Returns:
            Account and attempt of each whose turn has come, in order.
        """
        admitted = []
        while self._waiting and len(self._starting) < self._at_once:
            account_id, attempt = self._waiting.popitem(last=False)
            self._starting.add(account_id)
            admitted.append((account_id, attempt))
        return admitted

    def waits(self, account_id: str) -> bool:
        """Whether the account is still waiting for its turn."""
        return account_id in self._waiting
