"""What a page may tell: which facts there are, of which types, and how long they may be. Pure.

The page is a program of others and tells what it wants to. Nothing of it goes on before it was
looked at here: a text without a bound is memory, and a value of another type an error later on, in
the account, in the database, or with a client.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NoReturn

Fact = Mapping[str, Any]

FACT_BYTES = 1_000_000
"""How long a fact may be, in bytes of JSON. A message with the longest text takes 260,000 of them
if each character has four bytes, and 400,000 if each is written as an escape."""
TEXT = 65_536
"""How many characters of a message's text are kept; WhatsApp itself takes no longer ones."""
ID = 1_000
"""How many characters an id or a code may have. WhatsApp's have less than 100, a QR code 250."""
NAME = 1_000
"""How many characters of a name are kept."""
WORD = 100
"""How many characters a word of WhatsApp Web's may have, such as a status or the name of a module.
"""
LAST_SECOND = 253_402_300_799
"""The end of the year 9999, after which Python knows no time."""
LIST = 100
"""How many words a list may have."""

PRINTABLE = re.compile(r"[!-~]+")
DIGITS = re.compile(r"[0-9]{1,32}")

Reader = Callable[[object], Any]
"""Gives a value as it goes on, or raises BadFact. None is what the page left out."""


class BadFact(ValueError):
    """What the page told is no fact. The message says why, and nothing of what was told."""


def parse(payload: object) -> Fact:
    """Read what a page has told.

    Args:
        payload: What came over the page's binding; a text, unless somebody else wrote it.

    Returns:
        A fact of a known kind: what it has to have is there, all is of its type and bounded. A text
        or a name that is too long is cut; `truncated` says so of a message's text.

    Raises:
        BadFact: It is none.
    """
    if not isinstance(payload, str):
        raise BadFact("it is no text")
    if len(payload if payload.isascii() else payload.encode(errors="replace")) > FACT_BYTES:
        raise BadFact(f"it has more than {FACT_BYTES:,} bytes")
    try:
        told = json.loads(payload, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise BadFact("it is no JSON") from None
    return check(told)


def check(told: object) -> Fact:
    """Return what was told as a fact; see `parse`."""
    if not isinstance(told, dict):
        raise BadFact("it is no object")
    kind = told.get("fact")
    if not isinstance(kind, str) or kind not in FACTS:
        raise BadFact("there is no fact of this kind")
    fact = {"fact": kind, **_members(told, FACTS[kind], kind)}
    if kind == "message":
        fact["truncated"] = fact["text"] != told.get("text")
    return fact


def check_answer(call: str, told: object) -> Mapping[str, Any]:
    """Return what a page answered to a call of page.js, with what that has to have.

    Raises:
        BadFact: It does not have it.
    """
    if not isinstance(told, dict):
        raise BadFact("it is no object")
    return _members(told, ANSWERS.get(call, {}), f"answer to {call}")


def _members(
    told: Mapping[str, object], readers: Mapping[str, Reader], what: str
) -> dict[str, Any]:
    members = {}
    for name, read in readers.items():
        try:
            members[name] = read(told.get(name))
        except BadFact as error:
            raise BadFact(f"{name} of {what} {error}") from None
    return members


def check_error(told: object) -> tuple[str, str, str | None]:
    """Return name, message and build of an error inside the page, as far as they can be read."""
    members = told if isinstance(told, dict) else {}
    name, message, build = (members.get(key) for key in ("name", "message", "build"))
    return (
        _cut_to(WORD)(name) if isinstance(name, str) else "Error",
        _cut_to(NAME)(message) if isinstance(message, str) else "It does not say why.",
        _cut_to(WORD)(build) if isinstance(build, str) else None,
    )


def _refuse_constant(_: str) -> NoReturn:
    # Python reads and writes NaN and Infinity, but nobody else takes them for JSON.
    raise ValueError


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise BadFact("is no text")
    return value


def _up_to(most: int) -> Reader:
    """A text that would be another one if it were cut."""

    def read(value: object) -> str:
        text = _string(value)
        if not 0 < len(text) <= most:
            raise BadFact(f"does not have between 1 and {most:,} characters")
        return text

    return read


def _cut_to(most: int) -> Reader:
    """A text of which the beginning will do; `…` shows where it was cut."""

    def read(value: object) -> str:
        text = _string(value)
        return text if len(text) <= most else f"{text[:most]}…"

    return read


def _matching(pattern: re.Pattern[str], most: int, what: str) -> Reader:
    def read(value: object) -> str:
        text = _string(value)
        if len(text) > most or not pattern.fullmatch(text):
            raise BadFact(f"is not {what}")
        return text

    return read


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise BadFact("is neither true nor false")
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not _is_finite(value):
        raise BadFact("is no number")
    return value


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        # An integer beyond all floats.
        return False


def _seconds(value: object) -> float:
    """Return a number of seconds since 1970 that is a time for Python as well."""
    seconds = _number(value)
    if not 0 <= seconds <= LAST_SECOND:
        raise BadFact("is no time")
    return seconds


def _words(value: object) -> list[str]:
    if not isinstance(value, list) or len(value) > LIST:
        raise BadFact(f"is no list of up to {LIST} words")
    return [_up_to(WORD)(word) for word in value]


def _or_nothing(read: Reader) -> Reader:
    return lambda value: None if value is None else read(value)


def _if_fit(read: Reader) -> Reader:
    """What a message can be told without: none is lost for an odd time, or number of its sender."""

    def read_or_nothing(value: object) -> object:
        found: object = None
        with suppress(BadFact):
            found = read(value)
        return found

    return read_or_nothing


def _kind(value: object) -> str:
    kind: str = _up_to(WORD)(_string(value)[:WORD])
    return kind


_id = _up_to(ID)
_word = _or_nothing(_cut_to(WORD))
_code = _matching(PRINTABLE, ID, "a code")

FACTS: Mapping[str, Mapping[str, Reader]] = {
    "document": {"query": _cut_to(ID)},
    "loaded": {"missing": _words, "lacking": _words, "build": _word},
    "state": {
        "mode": _word,
        "info": _word,
        "socket": _word,
        "online": _or_nothing(_flag),
        "authenticated": _or_nothing(_flag),
        "loaded": _or_nothing(_flag),
        "phone": _or_nothing(_matching(DIGITS, 32, "a number's digits")),
        "pushName": _or_nothing(_cut_to(NAME)),
        "build": _word,
    },
    "code": {"code": _code},
    "codes_idle": {},
    "pairing_code": {"code": _matching(PRINTABLE, WORD, "a code")},
    "passkey": {},
    "handed_over": {"call": _up_to(WORD), "id": _id},
    "progress": {"percent": _number},
    "logout": {"reason": _word},
    "message": {
        "id": _id,
        "chat": _id,
        "sender": _id,
        "senderPhone": _if_fit(_matching(DIGITS, 32, "a number's digits")),
        "recipient": _id,
        "kind": _kind,
        "text": _or_nothing(_cut_to(TEXT)),
        "at": _if_fit(_number),
        "senderName": _or_nothing(_cut_to(NAME)),
        "recovered": _flag,
    },
}
"""The kinds of facts that page.js tells, and how their members are read. Others are left out."""

ANSWERS: Mapping[str, Mapping[str, Reader]] = {
    "sendText": {
        "nobody": _or_nothing(_flag),
        "unsure": _or_nothing(_cut_to(NAME)),
        "id": _or_nothing(_id),
        "to": _or_nothing(_id),
        "ack": _or_nothing(_number),
    },
    "pairingCode": {"code": FACTS["pairing_code"]["code"]},
    "logout": {"told": _or_nothing(_flag)},
    "compare": {"untold": _number, "newest": _seconds},
    "newest": {"newest": _seconds},
}
"""What page.js answers to calls; to the others it answers nothing."""
