"""What WhatsApp's servers do: link and unlink devices, pass messages and receipts on.

No I/O here but telling pages.
"""

import logging
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime

from simulator.phones import (
    LID,
    Ack,
    Device,
    Event,
    Message,
    NotLinked,
    OpenPage,
    Phone,
    PhoneError,
    Phones,
    canonical,
)

HISTORY = 200
"""How many of the latest messages a page gets when it syncs."""

log = logging.getLogger(__name__)


class NotOnWhatsApp(PhoneError):
    """Nobody has this number, or this LID."""

    def __init__(self, wid: str) -> None:
        super().__init__(f"{wid} is not on WhatsApp.")


class DuplicateMessage(PhoneError):
    """A message with this id exists."""


class UnknownMessages(PhoneError):
    """A phone cannot acknowledge what it has not received."""


class WhatsApp:
    """The world of phones. All of it lives on one event loop and in memory."""

    def __init__(self) -> None:
        self.phones = Phones()

    def link(self, number: str, identity: str, page: OpenPage) -> Device:
        """Links a page as a new device of a phone, and tells it so."""
        phone = self.phones.get_or_create(number)
        device = phone.link(identity)
        device.attach(page)
        page.tell(
            {
                "type": "linked",
                "number": number,
                "lid": phone.lid,
                "device": device.id,
                "token": device.token,
            }
        )
        log.info("Phone %s linked a page", number)
        return device

    def resume(
        self, number: str, device_id: str, token: str, identity: str, page: OpenPage
    ) -> Device | None:
        """Gives a linked device its page back; None if it is linked no more.

        Where the device has another open page, that one is told of the conflict.
        """
        phone = self.phones.find(number)
        device = phone.devices.get(device_id) if phone else None
        if device is None or (device.token, device.identity) != (token, identity):
            return None
        former = device.attach(page)
        if former:
            former.tell({"type": "conflict"})
        page.tell({"type": "welcome"})
        return device

    def unlink(self, phone: Phone, reason: str, device: Device | None = None) -> None:
        """Removes one device of a phone, or all. A page that is away learns it when it comes back.

        Raises:
            NotLinked: there is none.
        """
        devices = [device] if device else list(phone.devices.values())
        if not devices:
            raise NotLinked(phone.number)
        for gone in devices:
            phone.devices.pop(gone.id, None)
            if gone.page:
                gone.page.tell({"type": "unlinked", "reason": reason})
        log.info("Phone %s removed %d device(s): %s", phone.number, len(devices), reason)

    def snapshot(self, phone: Phone, device: Device) -> Event:
        """Returns what a page loads when it syncs: the account, contacts, chats, latest messages.

        Messages that still wait for their delivery come afterwards, as the new ones that they are.
        """
        latest = list(phone.messages.values())[-HISTORY:]
        messages = [message for message in latest if not device.awaits(message.id)]
        chats = {self._other_id(m, phone): self._other(m, phone) for m in messages}
        people = [(phone.wid, phone), *sorted(chats.items())]
        known = [self.phones.get(number) for number in sorted(phone.known_lids)]
        return {
            "name": phone.name,
            "contacts": [{"id": wid, "name": person.name} for wid, person in people],
            "chats": [
                {"id": wid, "unread": len(phone.unread_from(person.number))}
                for wid, person in sorted(chats.items())
            ],
            "lids": [{"lid": person.lid, "id": person.wid} for person in known],
            "messages": [self._as_event(message, phone) for message in messages],
        }

    def message_phone(
        self,
        phone: Phone,
        sender: str,
        body: str,
        message_id: str | None,
        lid: str | None = None,
    ) -> Message:
        """Lets somebody's phone send a text to this one, whose linked pages get it.

        Args:
            phone: whom it is sent to.
            sender: the number that sends it.
            body: the text.
            message_id: its id; a new one if None.
            lid: whether pages see the sender by LID, and then `known` or `unknown`: whether they
                know the number behind it.

        Raises:
            NotLinked: no page is linked.
            DuplicateMessage: the id is taken.
        """
        if not phone.devices:
            raise NotLinked(phone.number)
        if message_id in phone.messages:
            raise DuplicateMessage(f"Phone {phone.number} has a message {message_id} already.")
        new_id = message_id or f"3A{secrets.token_hex(9).upper()}"
        number = self.phones.get_or_create(sender).number
        if lid == "known":
            phone.known_lids.add(number)
        lid_of = number if lid else None
        now = datetime.now(UTC)
        message = Message(new_id, number, phone.number, body, now, from_page=False, lid_of=lid_of)
        self._pass_on(message, besides=None)
        return message

    def send_from_page(
        self, phone: Phone, device: Device, message_id: str, recipient: str, body: str
    ) -> Message:
        """Takes a text that a page sends; sent twice, it is one message.

        One that is sent to a number as it is dialled, where WhatsApp has another one for it, is
        taken and goes nowhere.

        Raises:
            NotOnWhatsApp: nobody has that id.
            NotSimulated: it is no person's id.
        """
        person = self.phones.by_id(recipient)
        if person is None:
            raise NotOnWhatsApp(recipient)
        if message_id in phone.messages:
            return phone.messages[message_id]
        user, _, server = recipient.partition("@")
        number = person.number if server == LID else user
        now = datetime.now(UTC)
        lid_of = number if server == LID else None
        message = Message(
            message_id, phone.number, number, body, now, from_page=True, lid_of=lid_of
        )
        if number == canonical(number):
            self._pass_on(message, besides=device)
        else:
            phone.keep(message)
        return message

    def find_id(self, wid: str) -> str | None:
        """Returns the id by which WhatsApp knows the person of an id; None if there is nobody.

        Raises:
            NotSimulated: it is no person's id.
        """
        person = self.phones.by_id(wid)
        if person is None:
            return None
        return wid if wid.endswith(f"@{LID}") else person.wid

    def acknowledge(self, phone: Phone, ids: Iterable[str], ack: Ack) -> None:
        """Lets a phone tell the senders that it got, or read, what they sent.

        Raises:
            UnknownMessages: it did not receive them.
        """
        messages = []
        for message_id in ids:
            message = phone.messages.get(message_id)
            if message is None or message.recipient != phone.number:
                raise UnknownMessages(f"Phone {phone.number} received no message {message_id}.")
            messages.append(message)
        for message in messages:
            self._receipt(message, ack)

    def delivered(self, phone: Phone, event: Event) -> None:
        """Notes that an event has arrived at a page of this phone; a message's sender is told."""
        message = phone.messages.get(str(event.get("id")))
        if message and message.recipient == phone.number:
            self._receipt(message, Ack.DELIVERED)

    def seen(self, phone: Phone, sender: str) -> None:
        """Notes that a page has shown what the person of an id sent."""
        person = self.phones.by_id(sender)
        for message in phone.unread_from(person.number) if person else ():
            self._receipt(message, Ack.READ)

    def _pass_on(self, message: Message, besides: Device | None) -> None:
        sender = self.phones.get_or_create(message.sender)
        recipient = self.phones.get_or_create(message.recipient)
        for phone in {sender.number: sender, recipient.number: recipient}.values():
            phone.keep(message)
            event = self._as_event(message, phone)
            for device in phone.devices.values():
                if device is not besides:
                    device.deliver(event)

    def _receipt(self, message: Message, ack: Ack) -> None:
        if ack <= message.ack:
            return
        message.ack = ack
        sender = self.phones.get(message.sender)
        event: Event = {
            "type": "receipt",
            "ids": [message.id],
            "from": self._id_of(message.recipient, message, sender),
            "ack": int(ack),
            "t": int(datetime.now(UTC).timestamp()),
        }
        for device in sender.devices.values():
            device.deliver(event)

    def _other(self, message: Message, phone: Phone) -> Phone:
        mine = message.sender == phone.number
        return self.phones.get_or_create(message.recipient if mine else message.sender)

    def _other_id(self, message: Message, phone: Phone) -> str:
        return self._id_of(self._other(message, phone).number, message, phone)

    def _id_of(self, number: str, message: Message, viewer: Phone) -> str:
        """Returns the id by which pages of a phone see somebody in a message."""
        person = self.phones.get_or_create(number)
        hidden = message.lid_of == number and viewer.number != number
        # As it was dialled, where that went nowhere.
        return person.lid if hidden else f"{number}@c.us"

    def _as_event(self, message: Message, viewer: Phone) -> Event:
        """Returns a message as pages of a phone are told of it."""
        sender = self.phones.get_or_create(message.sender)
        return {
            "type": "message",
            "id": message.id,
            "from": self._id_of(message.sender, message, viewer),
            "fromId": sender.wid if message.sender in viewer.known_lids else None,
            "to": self._id_of(message.recipient, message, viewer),
            "body": message.body,
            "name": sender.name,
            "t": int(message.at.timestamp()),
            "ack": int(message.ack),
        }
