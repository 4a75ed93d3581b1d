"""What the actors tell whoever counts. What is made of it is no concern of theirs."""

from store.status import Cause, Status


class Observer:
    """Hears how this server's accounts fare. This one listens to nothing; others override it.

    It is called in the accounts' own threads, must return at once, and must not raise.
    """

    def happened(self, status: Status, cause: Cause) -> None:
        """Hear of something that was recorded.

        Args:
            status: The status it led to, which may be the one before.
            cause: Why.
        """

    def comparison_failed(self) -> None:
        """Hear that a page could not be asked for messages that no event told of."""

    def started(self, status: Status, seconds: float) -> None:
        """Hear that a start has brought an account somewhere.

        Args:
            status: CONNECTED, or QR_READY where a phone has to scan first.
            seconds: How long it took since the account's turn in the start queue.
        """

    def restored(self, seconds: float) -> None:
        """Hear that an account that a start of the server, or a takeover, brings back is CONNECTED.

        Args:
            seconds: How long it took since the account was recovered.
        """
