"""Cutting what is asked of the database into parts: a statement may name only so many accounts."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

CHUNK = 500
"""How many accounts one statement names: a database bounds the parameters of a statement."""

T = TypeVar("T")


def chunks(items: Sequence[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    """Cut items into parts of a size, in their order; the last part may be shorter."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
