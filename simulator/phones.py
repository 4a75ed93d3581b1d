"""Phones, the devices linked to them, and the messages they hold.

Who tells whom what is in `whatsapp.py`.
"""

import itertools
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any, Protocol

Event = dict[str, object]
"""What is told to a page, as JSON. Its `type` says what it is."""

PERSON, LID = "c.us", "lid"
"""The servers of people's ids: by number, and by an id that says nothing of the number."""

MAX_DEVICES = 4
"""As many devices as WhatsApp lets one phone link."""


MAX_MESSAGES = 10_000
"""As many messages as a phone keeps, and as many events as wait for a device: the newest."""


class Ack(IntEnum):
    """How far a message has come, in WhatsApp's numbers."""

    SENT = 1
    DELIVERED = 2
    READ = 3


class OpenPage(Protocol):
    """What WhatsApp needs of a page that is open."""

    def tell(self, event: Event) -> None:
        """Sends an event, or drops it if the page has gone."""

    def close(self) -> None:
        """Ends the connection; the page will try again by itself."""


@dataclass
class Message:
    """A text from one number to another."""

    id: str
    sender: str
    recipient: str
    body: str
    at: datetime
    from_page: bool
    """Whether a linked page sent it, as opposed to a phone."""
    lid_of: str | None = None
    """The number whose owner the other side sees by LID."""
    ack: Ack = Ack.SENT


@dataclass
class Device:
    """A page that was linked to a phone, open or not."""

    id: str
    token: str
    """The secret by which the page resumes its session."""
    identity: str
    """The page's public identity key."""
    linked_at: datetime
    page: OpenPage | None = None
    _undelivered: dict[int, Event] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _listening: bool = False

    def deliver(self, event: Event) -> None:
        """Tells the page as soon as it listens, and again after each loss, until it confirms."""
        number = next(self._numbers)
        _drop_oldest(self._undelivered)
        self._undelivered[number] = {**event, "delivery": number}
        if self.page and self._listening:
            self.page.tell(self._undelivered[number])

    def listen(self) -> None:
        """Notes that the page has synced, and tells it what waited."""
        self._listening = True
        for event in list(self._undelivered.values()):
            if self.page:
                self.page.tell(event)

    def confirm(self, number: int) -> Event | None:
        """Forgets an event that has arrived, and returns it."""
        return self._undelivered.pop(number, None)

    def attach(self, page: OpenPage) -> OpenPage | None:
        """Makes this the device's page; returns the one that was."""
        former, self.page = self.page, page
        self._listening = False
        return former

    def detach(self, page: OpenPage) -> None:
        """Notes that a page has gone."""
        if self.page is page:
            self.page = None
            self._listening = False

    def awaits(self, message_id: str) -> bool:
        """Says whether a message has still to arrive at the page."""
        return any(event.get("id") == message_id for event in self._undelivered.values())


@dataclass
class Phone:
    """A phone with WhatsApp on it."""

    number: str
    name: str
    devices: dict[str, Device] = field(default_factory=dict)
    messages: dict[str, Message] = field(default_factory=dict)
    """What was said with this phone, either way, by id, oldest first. Not more than it keeps."""
    lid: str = field(default_factory=lambda: f"2{secrets.randbelow(10**14):014}@{LID}")
    """The id that WhatsApp shows instead of the number."""
    known_lids: set[str] = field(default_factory=set)
    """The numbers that pages of this phone know behind a LID."""

    @property
    def wid(self) -> str:
        """The id by number."""
        return f"{self.number}@{PERSON}"

    @property
    def online(self) -> bool:
        """Whether a page of it has a live connection."""
        return any(device.page for device in self.devices.values())

    def link(self, identity: str) -> Device:
        """Links a device.

        Raises:
            TooManyDevices: another one has to go first.
        """
        if len(self.devices) >= MAX_DEVICES:
            raise TooManyDevices(self.number)
        device = Device(
            id=secrets.token_hex(4),
            token=secrets.token_hex(16),
            identity=identity,
            linked_at=datetime.now(UTC),
        )
        self.devices[device.id] = device
        return device

    def keep(self, message: Message) -> None:
        """Keeps a message; the oldest one goes where there are too many."""
        _drop_oldest(self.messages)
        self.messages[message.id] = message

    def received(self) -> list[Message]:
        """What pages sent to this phone."""
        return [m for m in self.messages.values() if m.recipient == self.number and m.from_page]

    def unread_from(self, number: str) -> list[Message]:
        """What a number sent to this phone and nobody has read yet."""
        return [
            message
            for message in self.messages.values()
            if message.sender == number
            and message.recipient == self.number
            and message.ack < Ack.READ
        ]


class PhoneError(Exception):
    """A phone cannot do what it was asked to do."""


class NotANumber(PhoneError):
    """The text is no phone number: 7 to 15 digits with the country code, and no leading zero."""


class UnknownPhone(PhoneError):
    """No phone has this number yet. A phone comes into being when it scans or enters a code."""

    def __init__(self, number: str) -> None:
        super().__init__(f"There is no phone {number}. It comes into being when it links a page.")


class NotSimulated(PhoneError):
    """The simulator does not do this."""

    def __init__(self, what: str) -> None:
        super().__init__(f"The simulator does not simulate {what}.")


class NotLinked(PhoneError):
    """The phone has no linked page."""

    def __init__(self, number: str) -> None:
        super().__init__(f"Phone {number} has no linked page.")


class TooManyDevices(PhoneError):
    """The phone has as many linked devices as WhatsApp allows."""

    def __init__(self, number: str) -> None:
        super().__init__(f"Phone {number} has {MAX_DEVICES} linked devices already.")


class Phones:
    """All phones of this simulated world, by number. A number is known however it is dialled."""

    def __init__(self) -> None:
        self._phones: dict[str, Phone] = {}

    def __iter__(self) -> Iterator[Phone]:
        return iter(self._phones.values())

    def __len__(self) -> int:
        return len(self._phones)

    def get(self, number: str) -> Phone:
        """Returns a phone that exists.

        Raises:
            NotANumber: it cannot be a phone's number.
            UnknownPhone: it has not been used yet.
        """
        phone = self._phones.get(canonical(check_number(number)))
        if phone is None:
            raise UnknownPhone(number)
        return phone

    def find(self, number: str) -> Phone | None:
        """Returns the phone with a number, if there is one."""
        return self._phones.get(canonical(number))

    def by_lid(self, lid: str) -> Phone | None:
        """Returns the phone whose owner has this LID, if there is one."""
        return next((phone for phone in self if phone.lid == lid), None)

    def by_id(self, wid: str) -> Phone | None:
        """Returns the phone behind a person's id, new if need be; None if nobody has the id.

        Raises:
            NotSimulated: it is no person's id.
            NotANumber: it cannot be a phone's number.
        """
        user, _, server = wid.partition("@")
        if server == LID:
            return self.by_lid(wid)
        if server != PERSON:
            raise NotSimulated(f"chats with {server or wid}")
        return self.get_or_create(user) if self.is_on_whatsapp(check_number(user)) else None

    def get_or_create(self, number: str) -> Phone:
        """Returns the phone with a number, new if need be.

        Raises:
            NotANumber: it cannot be a phone's number.
        """
        own = canonical(check_number(number))
        return self._phones.setdefault(own, Phone(own, name=f"User {own[-4:]}"))

    @staticmethod
    def is_on_whatsapp(number: str) -> bool:
        """Says whether somebody has this number: everybody, but for those that end in 0000."""
        return not number.endswith("0000")


def _drop_oldest(kept: dict[Any, Any]) -> None:
    """Makes room for one more."""
    while len(kept) >= MAX_MESSAGES:
        del kept[next(iter(kept))]


def canonical(number: str) -> str:
    """Returns the number by which WhatsApp knows the one that is dialled.

    Brazil has put a 9 before its mobile numbers since, Mexico has taken a 1 away, and Argentina
    dials its mobile numbers without their 9.
    """
    if found := re.fullmatch(r"55([0-9]{2})9([0-9]{8})", number):
        return f"55{found[1]}{found[2]}"
    if re.fullmatch(r"52[0-9]{10}", number):
        return f"521{number[2:]}"
    if re.fullmatch(r"54(?!9)[0-9]{10}", number):
        return f"549{number[2:]}"
    return number


def check_number(number: str) -> str:
    """Returns the number.

    Raises:
        NotANumber: it is none.
    """
    if not re.fullmatch(r"[1-9][0-9]{6,14}", number):
        raise NotANumber(f"{number!r} is no phone number: 7 to 15 digits with country code.")
    return number
