"""The rules for single fields of requests: names and numbers as people paste them, ids, counts.

Which characters are what is written down here and does not come from Python's tables, since these
change with its version: what one server takes, each other one takes.
"""

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from api.validation.suggestions import nearest, short
from store.events.event_log import EventType

MAX_ID = 2**63 - 1
"""The largest event id that a database can hold."""
NAME_LENGTH = 100
TEXT_LENGTH = 65_536

FORBIDDEN_IN_NAMES = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u202d\u202e]")
"""Control characters, halves of characters, and the two marks that turn what follows around."""
FORBIDDEN_IN_TEXTS = re.compile("[\0\ud800-\udfff]")

FORMATTING = (
    "\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    "\ufff9-\ufffb\U000e0000-\U000e007f"
)
"""Characters that are not seen: marks of direction, joiners, soft hyphens."""
SPACES = " \t-\r\x1c-\x1f\x85\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
DASHES = (
    "\\-\u058a\u05be\u2010-\u2015\u2043\u207b\u208b\u2212\u2e3a\u2e3b\u301c\u3030\u30fc"
    "\ufe31\ufe32\ufe58\ufe63\uff0d"
)
DOTS = ".\u00b7\u2022\u2024\u2027\u2219\u22c5\u3002\u30fb\ufe52\uff0e\uff61\uff65"
BRACKETS_AND_SLASHES = "()/\uff08\uff09\uff0f\u2044\u2215"
UNSEEN = re.compile(f"[{FORMATTING}{SPACES}]")
BETWEEN_DIGITS = re.compile(f"[{FORMATTING}{SPACES}{DASHES}{DOTS}{BRACKETS_AND_SLASHES}]")
PLUS = ("+", "\uff0b", "\ufe62")

EXAMPLE = "as in +49 170 1234567"


def _name(value: str) -> str:
    value = value.strip()
    if not UNSEEN.sub("", value):
        raise ValueError(f"must have 1 to {NAME_LENGTH} characters, and not only invisible ones")
    if len(value) > NAME_LENGTH:
        raise ValueError(f"must have 1 to {NAME_LENGTH} characters, not {len(value):,}")
    if found := FORBIDDEN_IN_NAMES.search(value):
        raise ValueError(
            "must not contain control characters, halves of characters or marks that override "
            f"the direction of text; there is U+{ord(found[0]):04X} in it"
        )
    return value


def _phone(value: str) -> str:
    if re.search("[(\uff08]0[)\uff09]", UNSEEN.sub("", value)):
        raise ValueError(f"must not contain (0): write it as it is dialled from abroad, {EXAMPLE}")
    digits = BETWEEN_DIGITS.sub("", value)
    if digits.startswith(PLUS):
        digits = digits[1:]
    if digits.isdigit() and not digits.isascii():
        raise ValueError("must be written with the digits 0 to 9")
    if not re.fullmatch("[0-9]+", digits):
        raise ValueError(f"must be a phone number with its country code, {EXAMPLE}")
    if digits.startswith("00"):
        raise ValueError(f"must begin with a + or the country code, not with 00, {EXAMPLE}")
    if digits.startswith("0"):
        raise ValueError(f"must begin with the country code, not with 0, {EXAMPLE}")
    if not 7 <= len(digits) <= 15:
        raise ValueError(
            "must be a phone number with its country code, 7 to 15 digits; "
            f"it has {len(digits):,}, {EXAMPLE}"
        )
    return digits


def _recipient(value: str) -> str:
    if "@" not in value:
        return _phone(value)
    chat = UNSEEN.sub("", value)
    if chat.endswith("@g.us"):
        raise ValueError("is a group; groups are not supported yet")
    if not re.fullmatch(r"[1-9][0-9]{4,19}@(c\.us|lid)", chat):
        raise ValueError(
            "must be a phone number with its country code, or a person's id as events carry it: "
            "digits, then @c.us or @lid"
        )
    return chat


def _text(value: str) -> str:
    if found := FORBIDDEN_IN_TEXTS.search(value):
        raise ValueError(
            f"must not contain NUL or halves of characters; there is U+{ord(found[0]):04X} in it"
        )
    if not value.strip():
        raise ValueError("must not be empty, or white space only")
    if len(value) > TEXT_LENGTH:
        raise ValueError(f"must have at most {TEXT_LENGTH:,} characters, not {len(value):,}")
    return value


def _number(least: int, most: int) -> BeforeValidator:
    """Take a whole number as a query writes it."""

    def check(value: object) -> object:
        if isinstance(value, str) and re.fullmatch("[0-9]{1,19}", value):
            value = int(value)
        if not isinstance(value, int) or not least <= value <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return value

    return BeforeValidator(check)


def _words(value: object) -> object:
    return value.split(",") if isinstance(value, str) else value


def _account_ids(ids: frozenset[str]) -> frozenset[str]:
    for each in sorted(ids):
        if not re.fullmatch("[A-Za-z0-9_-]{1,36}", each):
            raise ValueError(f"must be ids of accounts with commas between; {short(each)} is none")
    return ids


def _event_types(types: frozenset[str]) -> frozenset[str]:
    if unknown := sorted(types - set(EventType)):
        meant = nearest(unknown[0], EventType)
        hint = f"; did you mean {meant}?" if meant else ""
        raise ValueError(f"{short(unknown[0])} is unknown; there are {', '.join(EventType)}{hint}")
    return types


Name = Annotated[str, AfterValidator(_name)]
Secret = Annotated[str, Field(repr=False)]
"""What no traceback and no log may show: an object shows it in no repr."""
Phone = Annotated[Secret, AfterValidator(_phone)]
Recipient = Annotated[Secret, AfterValidator(_recipient)]
Text = Annotated[Secret, AfterValidator(_text)]
EventId = Annotated[int, _number(0, MAX_ID)]
Limit = Annotated[int, _number(1, 500)]
AccountIds = Annotated[frozenset[str], BeforeValidator(_words), AfterValidator(_account_ids)]
EventTypes = Annotated[frozenset[str], BeforeValidator(_words), AfterValidator(_event_types)]
