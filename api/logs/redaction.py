"""What no log line may tell: keys, passwords, codes to link by, phone numbers. Pure.

The last line of defence. The first one is not to log secrets at all: texts of messages cannot be
recognised, and so must never come this far.
"""

import re
from collections.abc import Iterable
from urllib.parse import quote

HIDDEN = "[hidden]"
KEPT_DIGITS = 4
"""How many of a phone number's digits are shown: enough to tell two phones apart."""
SHORTEST_SECRET = 4
"""What is shorter is guessed sooner than read, and would be found in every other word."""

AFTER_HEX = r"(?:(?<![0-9A-Fa-f])|(?<=%[0-9A-Fa-f]{2}))"
"""Not inside an id; an escape of a URL, such as %2B, is no part of what follows it."""

RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    # An address with a password: scheme://user:password@host.
    (re.compile(r"(?<=://)[^/\s\"']*@"), f"{HIDDEN}@"),
    # A QR code: a reference and three keys. It comes in addresses as well.
    (re.compile(rf"{AFTER_HEX}\d(?:@|%40)[\w+/=%-]{{16,}}(?:,[\w+/=%-]+)*"), HIDDEN),
    # A key of 32 bytes, as the page's are.
    (re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{43}="), HIDDEN),
    # The dashboard's cookie.
    (re.compile(r"(?<!\d)\d{10}\.[0-9a-f]{64}"), HIDDEN),
    # Whatever is called a secret.
    (
        re.compile(
            r"((?i:pass(?:word|wd|phrase)?|pwd|secret|token|api[-_ ]?key|[?&]key|authorization"
            r"|cookie|wa_login)[\"']?\s*[:=]\s*[\"']?(?i:bearer\s+|basic\s+)?)[^\s\"',;&)}]+"
        ),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"((?i:bearer) )\S+"), rf"\1{HIDDEN}"),
    # A pairing code; an exit code has fewer digits.
    (
        re.compile(r"((?i:code)[\"']?\s*[:=]\s*[\"']?)[0-9A-Z]{4}-?[0-9A-Z]{4}(?![0-9A-Za-z])"),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"((?i:code(?: is)?) )[0-9A-Z]{4}-[0-9A-Z]{4}(?![0-9A-Za-z-])"), rf"\1{HIDDEN}"),
    # A database that refuses a row repeats what is in it.
    (re.compile(r"(DETAIL: ).*"), rf"\1{HIDDEN}"),
    (re.compile(r"(invalid input for query argument \$\d+: ).*"), rf"\1{HIDDEN}"),
)

WHATSAPP_ID = re.compile(r"\d[\d.:-]{0,40}@")
"""The part of a chat's, message's or device's id that may be a phone: 491700000001:12@c.us."""

WRITTEN_NUMBER = re.compile(r"(?:\+|%2[Bb])[ (]{0,2}\d(?:[ \t\xa0()./-]{0,3}\d){6,}")
"""A phone number as people write it, +49 (0)170 000-0001, with whatever digits follow it."""

BARE_NUMBER = re.compile(rf"{AFTER_HEX}(?<!\d\.)(?:1\d{{10}}|[02-9]\d{{9,14}})(?![0-9A-Fa-f])")
"""Ten to fifteen digits that can be a phone number with its country code (ITU E.164).

Those of country code 1 have eleven digits, so that times since 1970 in seconds and milliseconds,
and the builds of WhatsApp Web, are none. Nor are an account's 16 hexadecimal digits.
"""


NUMBER_IN_A_NAME = re.compile(r"\d(?:[\W_]{0,3}\d){6,}")
"""A phone number as people write it into a name, local ones too: (0170) 123-45-67."""


class Redaction:
    """Takes secrets out of texts: those it was told, and what looks like one."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """Hide these, wherever they stand as a word of their own."""
        self._secrets: set[str] = set()
        self._known: re.Pattern[str] | None = None
        self.hide(*secrets)

    def hide(self, *secrets: str) -> None:
        """Hide these as well from now on, also as URLs and Python write them."""
        for secret in secrets:
            if len(secret) >= SHORTEST_SECRET:
                self._secrets |= {secret, quote(secret, safe=""), repr(secret)[1:-1]}
        if self._secrets:
            longest_first = sorted(self._secrets, key=len, reverse=True)
            words = "|".join(map(re.escape, longest_first))
            self._known = re.compile(rf"(?<![A-Za-z0-9])(?:{words})(?![A-Za-z0-9])")

    def redact(self, text: str) -> str:
        """Return the text without its secrets, and with the last digits of its phone numbers."""
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        for pattern, replacement in RULES:
            text = pattern.sub(replacement, text)
        text = WHATSAPP_ID.sub(lambda found: re.sub(r"\d{5,}", _shortened, found[0]), text)
        text = WRITTEN_NUMBER.sub(_shortened, text)
        return BARE_NUMBER.sub(_shortened, text)

    def redact_name(self, name: str) -> str:
        """Return an account's name without secrets, and with the last digits of phone numbers.

        In a name more is taken for a phone number than in a text of the program's own.
        """
        return NUMBER_IN_A_NAME.sub(_shortened, self.redact(name))


def _shortened(number: re.Match[str]) -> str:
    """Keep the last digits of a phone number."""
    return "…" + re.sub(r"\D", "", number[0])[-KEPT_DIGITS:]
