"""What is said about a value that does not fit: pydantic's findings, in words of ours. Pure."""

from collections.abc import Collection, Iterable

from pydantic_core import ErrorDetails

from api.validation.suggestions import nearest, short

KINDS: dict[type, str] = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "a list",
    dict: "an object",
    type(None): "null",
}


def complaint(found: ErrorDetails) -> str:
    """Say what is wrong with a value, and what was expected; without its name."""
    context = found.get("ctx", {})
    match found["type"]:
        case "missing":
            return "is missing"
        case "value_error":
            return str(context["error"])
        case "string_type":
            return f"must be a string, not {kind_of(found['input'])}"
        case "string_too_long":
            return f"must have at most {context['max_length']:,} characters"
        case "literal_error":
            return f"must be {str(context['expected']).replace(chr(39), '')}"
        case "bool_parsing" | "bool_type":
            return "must be true or false"
        case _:
            # Of types that no model of ours has; better than nothing.
            return found["msg"][:1].lower() + found["msg"][1:]


def number(*, whole: bool, metadata: Iterable[object]) -> str:
    """Say which numbers a field takes.

    Args:
        whole: Whether only whole ones.
        metadata: The field's bounds, as pydantic keeps them.
    """
    bounds = {
        kind: getattr(each, kind)
        for each in metadata
        for kind in ("gt", "ge", "le")
        if getattr(each, kind, None) is not None
    }
    least = f"above {bounds['gt']:g}" if "gt" in bounds else f"from {bounds.get('ge', 0):g}"
    most = f" to {bounds['le']:.15g}" if "le" in bounds else ""
    return f"must be a {'whole ' if whole else ''}number {least}{most}"


def unknown(name: str, known: Collection[str], what: str) -> str:
    """Say that there is nothing of a name, and what there is.

    Args:
        name: What was given.
        known: What there is.
        what: What each of them is, such as `field`.
    """
    if meant := nearest(name, known):
        return f"is unknown; did you mean {meant}?"
    if not known:
        return f"is unknown; there is no {what} here"
    return f"is unknown; there {'is' if len(known) == 1 else 'are'} {', '.join(known)}"


def kind_of(value: object) -> str:
    """Name the kind of a JSON value."""
    return KINDS.get(type(value), short(type(value).__name__))
