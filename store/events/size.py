"""How much memory a value takes: what waits is bounded by that, for one text can be a thousand."""

import sys
from collections.abc import Mapping


def size_of(value: object) -> int:
    """Return about how many bytes a value takes with what is in it, rather too many than too few.

    Args:
        value: A text, or whatever JSON can hold. The keys of mappings, words of enumerations and
            numbers count nothing: there is mostly one of each for all events.
    """
    if type(value) is str:
        return sys.getsizeof(value)
    if isinstance(value, Mapping):
        return sys.getsizeof(value) + sum(map(size_of, value.values()))
    if isinstance(value, list | tuple):
        return sys.getsizeof(value) + sum(map(size_of, value))
    return 0
