"""What a chaos run ends with when a promise is broken."""


class Violation(AssertionError):
    """The server broke a promise; the message says which."""
