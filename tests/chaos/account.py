"""One attacked account, and all that the run knows of it."""

from collections import Counter
from dataclasses import dataclass, field

from tests.chaos.model import Expected


@dataclass
class Account:
    """One account, with the phone that belongs to it, and what was read of it so far."""

    id: str
    number: str
    expected: Expected = field(default_factory=Expected)
    newest_id: int = 0
    newest_seq: int = 0
    awaited: set[str] = field(default_factory=set)
    """Texts that were sent to it and are not in its log yet."""
    told: Counter[str] = field(default_factory=Counter)
    """How often its log tells of each message, by the message's id."""
    changes: int = 0
    """How often its log tells of a status."""
    failures: int = 0
    """How many in its log count towards giving up."""
    gave_up: int = 0
    """How often it was given up."""
    left_alone: bool = False
    """Whether the humans do nothing for it: a fault wants to see it as it is."""
