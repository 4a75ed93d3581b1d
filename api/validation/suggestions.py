"""What somebody may have meant who wrote a word that is none of ours. Pure."""

from collections.abc import Iterable
from difflib import SequenceMatcher, get_close_matches

LONGEST = 100
"""Characters of a word that are looked at: comparing takes the square of them."""
ALIKE = 0.6
"""How alike two words must be, from 0 to 1, for one to be a misspelling of the other."""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that is most like this one; None if none is."""
    found = get_close_matches(word[:LONGEST], list(known), n=1, cutoff=ALIKE)
    return found[0] if found else None


def nearest_route(path: str, routes: Iterable[str]) -> str | None:
    """Return the route that a path was probably meant for; None if there is none like it.

    Args:
        path: The path that was asked for.
        routes: What there is, with names in braces for what differs: /accounts/{id}/connect.
    """
    given = _parts(path)
    rated = [(_likeness(given, _parts(route)), route) for route in routes]
    likeness, route = max(rated, default=(0.0, ""))
    return route if likeness >= ALIKE else None


def short(text: str) -> str:
    """Quote a text of somebody else's, in one line and not too long."""
    return repr(text if len(text) <= LONGEST else text[:LONGEST] + "…")


def _parts(path: str) -> list[str]:
    return [part[:LONGEST] for part in path.lower().strip("/").split("/")[:10]]


def _likeness(given: list[str], route: list[str]) -> float:
    """Return how alike they are at the part that is least alike."""
    if len(given) != len(route):
        return 0.0
    pairs = zip(given, route, strict=True)
    # An id may be anything, but a route without one is the better guess.
    return min(0.99 if "{" in r else SequenceMatcher(None, g, r).ratio() for g, r in pairs)
