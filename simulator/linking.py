"""Codes by which phones link pages: the QR codes that pages show, and pairing codes."""

import re
import secrets
import time
from dataclasses import dataclass, field
from typing import Generic, TypeVar

PageT = TypeVar("PageT")

FORMER_CODE_SECONDS = 2.0
"""A phone that saw a code just before the next one replaced it may still link."""

PAIRING_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTVWXYZ"
PAIRING_LENGTH = 8


class LinkingError(Exception):
    """The phone cannot link a page by this code."""


class MalformedCode(LinkingError):
    """The text is no code of WhatsApp Web."""


class CodeNotShown(LinkingError):
    """No open page shows this code; it has expired or never was one."""


class WrongKeys(LinkingError):
    """The code's keys are not those of the page that shows it."""


class WrongPhone(LinkingError):
    """The pairing code was made for another number."""


@dataclass(frozen=True)
class PublicKeys:
    """What a page's QR code tells about its device."""

    noise: str
    identity: str
    adv_secret: str


@dataclass
class _Codes(Generic[PageT]):
    """The codes of one page."""

    keys: PublicKeys
    offered: set[str] = field(default_factory=set)
    shown: str | None = None
    former: str | None = None
    former_until: float = 0.0


@dataclass(frozen=True)
class _PairingCode(Generic[PageT]):
    page: PageT
    number: str
    expires: float


class Linking(Generic[PageT]):
    """Which code leads to which page."""

    def __init__(self) -> None:
        self._codes: dict[PageT, _Codes[PageT]] = {}
        self._pairing: dict[str, _PairingCode[PageT]] = {}

    def offer(self, page: PageT, keys: PublicKeys, count: int) -> list[str]:
        """Makes new references for a page to show one after the other; its former ones are void."""
        refs = [f"2@{secrets.token_urlsafe(40)}" for _ in range(count)]
        self._codes[page] = _Codes(keys, offered=set(refs))
        return refs

    def show(self, page: PageT, ref: str | None) -> None:
        """Notes which reference a page shows now, if any."""
        codes = self._codes.get(page)
        if codes is None or (ref is not None and ref not in codes.offered):
            return
        codes.former = codes.shown
        codes.former_until = time.monotonic() + FORMER_CODE_SECONDS
        codes.shown = ref

    def withdraw(self, page: PageT) -> None:
        """Makes all codes of a page void: it is linked or gone."""
        self._codes.pop(page, None)
        self._pairing = {c: pairing for c, pairing in self._pairing.items() if pairing.page != page}

    def scan(self, text: str) -> PageT:
        """Returns the page that shows a QR code.

        Raises:
            MalformedCode: the text is no QR code of WhatsApp Web.
            CodeNotShown: no open page shows it.
            WrongKeys: it was tampered with.
        """
        parts = text.split(",")
        if len(parts) < 4 or not all(parts[:4]):
            raise MalformedCode("A QR code has a reference and three keys, separated by commas.")
        ref, keys = parts[0], PublicKeys(*parts[1:4])
        for page, codes in self._codes.items():
            former = codes.former if time.monotonic() < codes.former_until else None
            if ref in (codes.shown, former):
                if keys != codes.keys:
                    raise WrongKeys("The keys in this code are not those of the page.")
                return page
        raise CodeNotShown("No open page shows this code; it has expired or never was one.")

    def make_pairing_code(self, page: PageT, number: str, seconds: float) -> str:
        """Makes a code to be typed on the phone with this number; the page's former one is void."""
        self._pairing = {c: pairing for c, pairing in self._pairing.items() if pairing.page != page}
        code = "".join(secrets.choice(PAIRING_ALPHABET) for _ in range(PAIRING_LENGTH))
        self._pairing[code] = _PairingCode(page, number, time.monotonic() + seconds)
        return code

    def enter(self, number: str, text: str) -> PageT:
        """Returns the page that shows a pairing code, which phones let humans type in any case.

        Raises:
            MalformedCode: the text is no pairing code.
            CodeNotShown: no open page shows it.
            WrongPhone: it was made for another number.
        """
        code = re.sub(r"[\s-]", "", text).upper()
        if len(code) != PAIRING_LENGTH:
            raise MalformedCode(f"A pairing code has {PAIRING_LENGTH} letters and digits.")
        pairing = self._pairing.get(code)
        if pairing is None or time.monotonic() > pairing.expires:
            raise CodeNotShown("No open page shows this code; it has expired or never was one.")
        if pairing.number != number:
            raise WrongPhone("This code was made for another phone number.")
        return pairing.page
