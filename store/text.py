"""Text as every database can keep it, and JSON as every reader can read it.

What is a good name or message is for others to say.
"""

import json
import math
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

    A number that JSON does not have, NaN or an infinity, becomes nothing.

    Args:
        value: A text, or whatever JSON can hold. It stays as it is.
    """
    return cast("T", _replaced(value))


def to_json(value: object) -> str:
    """Return a value as JSON that all can read: Python alone would read NaN and Infinity."""
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError:
        # From a database that an earlier version wrote: nothing that is kept may end a reader.
        return json.dumps(keepable(value), allow_nan=False)


def to_legible_json(value: object) -> str:
    """Return a value as `to_json` does, for people too: each character is itself, in any script."""
    # Half of a character could not be sent.
    return json.dumps(keepable(value), allow_nan=False, ensure_ascii=False)


def _replaced(value: object) -> object:
    match value:
        case str():
            # A word of an enumeration stays one.
            return UNKEEPABLE.sub(REPLACEMENT, value) if UNKEEPABLE.search(value) else value
        case float():
            return value if math.isfinite(value) else None
        case Mapping():
            return {_replaced(key): _replaced(item) for key, item in value.items()}
        case list() | tuple():
            return [_replaced(item) for item in value]
        case _:
            return value
