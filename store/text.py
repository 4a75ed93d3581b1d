"""Text as every database can keep it. What is a good name or message is for others to say."""

import re
from collections.abc import Mapping
from typing import TypeVar, cast

UNKEEPABLE = re.compile("[\0\ud800-\udfff]")
"""Postgres refuses U+0000, and half of a surrogate pair is no text at all: a page that cuts a text
between two UTF-16 units leaves one behind."""
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

T = TypeVar("T")


def keepable(value: T) -> T:
    """Return a value with the replacement character for what databases refuse in texts.

    Args:
        value: A text, or whatever JSON can hold. It stays as it is.
    """
    return cast("T", _replaced(value))


def _replaced(value: object) -> object:
    match value:
        case str():
            # A word of an enumeration stays one.
            return UNKEEPABLE.sub(REPLACEMENT, value) if UNKEEPABLE.search(value) else value
        case Mapping():
            return {_replaced(key): _replaced(item) for key, item in value.items()}
        case list() | tuple():
            return [_replaced(item) for item in value]
        case _:
            return value
