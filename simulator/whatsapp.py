"""What WhatsApp's servers do: link and unlink devices, pass messages and receipts on.

No I/O here but telling pages.
"""

import logging
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime

from simulator.phones import (
    Ack,
    Device,
    Event,
    Message,
    NotLinked,
    OpenPage,
    Phone,
    PhoneError,
    Phones,
)

HISTORY = 200
"""How many of the latest messages a page gets when it syncs."""

log = logging.getLogger(__name__)


class NotOnWhatsApp(PhoneError):
    """Nobody has this number."""

    def __init__(self, number: str) -> None:
        super().__init__(f"{number} is not on WhatsApp.")


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
        others = {m.recipient if m.sender == phone.number else m.sender for m in messages}
        people = [self.phones.get_or_create(number) for number in sorted(others | {phone.number})]
        return {
            "name": phone.name,
            "contacts": [{"number": person.number, "name": person.name} for person in people],
            "chats": [
                {"number": number, "unread": len(phone.unread_from(number))}
                for number in sorted(others)
            ],
            "messages": [self._as_event(message) for message in messages],
        }

    def message_phone(
        self, phone: Phone, sender: str, body: str, message_id: str | None
    ) -> Message:
        """Lets somebody's phone send a text to this one, whose linked pages get it.

        Raises:
            NotLinked: no page is linked.
            DuplicateMessage: the id is taken.
        """
        if not phone.devices:
            raise NotLinked(phone.number)
        if message_id in phone.messages:
            raise DuplicateMessage(f"Phone {phone.number} has a message {message_id} already.")
        new_id = message_id or f"3A{secrets.token_hex(9).upper()}"
        message = Message(new_id, sender, phone.number, body, datetime.now(UTC), from_page=False)
        self._pass_on(message, besides=None)
        return message

    def send_from_page(
        self, phone: Phone, device: Device, message_id: str, recipient: str, body: str
    ) -> Message:
        """Takes a text that a page sends; sent twice, it is one message.

        Raises:
            NotOnWhatsApp: nobody has that number.
        """
        if not Phones.is_on_whatsapp(recipient):
            raise NotOnWhatsApp(recipient)
        if message_id in phone.messages:
            return phone.messages[message_id]
        now = datetime.now(UTC)
        message = Message(message_id, phone.number, recipient, body, now, from_page=True)
        self._pass_on(message, besides=device)
        return message

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
        """Notes that a page has shown what somebody sent."""
        for message in phone.unread_from(sender):
            self._receipt(message, Ack.READ)

    def _pass_on(self, message: Message, besides: Device | None) -> None:
        sender = self.phones.get_or_create(message.sender)
        recipient = self.phones.get_or_create(message.recipient)
        event = self._as_event(message)
        for phone in {sender.number: sender, recipient.number: recipient}.values():
            phone.keep(message)
            for device in phone.devices.values():
                if device is not besides:
                    device.deliver(event)

    def _receipt(self, message: Message, ack: Ack) -> None:
        if ack <= message.ack:
            return
        message.ack = ack
        event: Event = {
            "type": "receipt",
            "ids": [message.id],
            "from": message.recipient,
            "ack": int(ack),
            "t": int(datetime.now(UTC).timestamp()),
        }
        for device in self.phones.get(message.sender).devices.values():
            device.deliver(event)

    def _as_event(self, message: Message) -> Event:
        return {
            "type": "message",
            "id": message.id,
            "from": message.sender,
            "to": message.recipient,
            "body": message.body,
            "name": self.phones.get_or_create(message.sender).name,
            "t": int(message.at.timestamp()),
            "ack": int(message.ack),
        }
