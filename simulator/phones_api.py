"""The phones' side over HTTP: what a human would do with a phone in the hand."""

from datetime import datetime

from aiohttp import web

from simulator.pages import World
from simulator.phones import Ack, Device, Message, Phone, check_number
from simulator.problems import InvalidBody, number, read_object, text

MAX_CODE = 1_000
MAX_ID = 128
MAX_BODY = 65_536
MAX_RECEIPTS = 1_000

LID_KNOWLEDGE = ("known", "unknown")
"""Whether a page knows the number of somebody whom it sees by LID."""


class PhonesApi:
    """Handlers of `/sim/phones`. They run on the loop."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._phones = world.whatsapp.phones

    def routes(self) -> list[web.RouteDef]:
        """Returns the routes."""
        return [
            web.get("/sim/phones", self.list_phones),
            web.get("/sim/phones/{number}", self.show),
            web.post("/sim/phones/{number}/scan", self.scan),
            web.post("/sim/phones/{number}/enter-code", self.enter_code),
            web.post("/sim/phones/{number}/unlink", self.unlink),
            web.post("/sim/phones/{number}/messages", self.send_message),
            web.post("/sim/phones/{number}/receipts", self.send_receipts),
            web.get("/sim/phones/{number}/inbox", self.inbox),
        ]

    async def list_phones(self, _request: web.Request) -> web.Response:
        """Lists all phones."""
        return web.json_response({"items": [_phone_json(phone) for phone in self._phones]})

    async def show(self, request: web.Request) -> web.Response:
        """Shows one phone."""
        return web.json_response(_phone_json(self._phone(request)))

    async def scan(self, request: web.Request) -> web.Response:
        """Links the page that shows a QR code."""
        own_number = check_number(request.match_info["number"])
        body = await read_object(request, {"code"})
        page = self._world.linking.scan(text(body, "code", MAX_CODE))
        page.link(own_number)
        return web.json_response(_phone_json(self._phone(request)))

    async def enter_code(self, request: web.Request) -> web.Response:
        """Links the page that shows a pairing code made for this phone."""
        own_number = check_number(request.match_info["number"])
        body = await read_object(request, {"code"})
        page = self._world.linking.enter(own_number, text(body, "code", MAX_CODE))
        page.link(own_number)
        return web.json_response(_phone_json(self._phone(request)))

    async def unlink(self, request: web.Request) -> web.Response:
        """Removes the linked devices."""
        await read_object(request, set())
        phone = self._phone(request)
        self._world.whatsapp.unlink(phone, "device_removed")
        return web.json_response(_phone_json(phone))

    async def send_message(self, request: web.Request) -> web.Response:
        """Lets another phone send a text to this one, whose linked pages get it."""
        phone = self._phone(request)
        body = await read_object(request, {"from", "body", "id", "lid"})
        if body.get("lid") not in (None, *LID_KNOWLEDGE):
            raise InvalidBody(f"`lid` must be one of {', '.join(LID_KNOWLEDGE)}.", "lid")
        message = self._world.whatsapp.message_phone(
            phone,
            sender=number(body, "from"),
            body=text(body, "body", MAX_BODY),
            message_id=text(body, "id", MAX_ID) if "id" in body else None,
            lid=None if body.get("lid") is None else str(body["lid"]),
        )
        return web.json_response(_message_json(message), status=201)

    async def send_receipts(self, request: web.Request) -> web.Response:
        """Lets this phone acknowledge what it received."""
        phone = self._phone(request)
        body = await read_object(request, {"ids", "ack"})
        ids, ack = body.get("ids"), body.get("ack")
        if (
            not isinstance(ids, list)
            or not 1 <= len(ids) <= MAX_RECEIPTS
            or not all(isinstance(message_id, str) for message_id in ids)
        ):
            raise InvalidBody("`ids` must be a list of message ids, at least one.", "ids")
        if ack not in (Ack.DELIVERED, Ack.READ) or not isinstance(ack, int):
            raise InvalidBody("`ack` must be 2 (delivered) or 3 (read).", "ack")
        self._world.whatsapp.acknowledge(phone, ids, Ack(ack))
        return web.json_response({"ids": ids, "ack": ack})

    async def inbox(self, request: web.Request) -> web.Response:
        """Lists what pages sent to this phone, oldest first."""
        messages = self._phone(request).received()
        return web.json_response({"items": [_message_json(message) for message in messages]})

    def _phone(self, request: web.Request) -> Phone:
        return self._phones.get(request.match_info["number"])


def _phone_json(phone: Phone) -> dict[str, object]:
    return {
        "number": phone.number,
        "lid": phone.lid,
        "name": phone.name,
        "linked": bool(phone.devices),
        "online": phone.online,
        "devices": [_device_json(device) for device in phone.devices.values()],
    }


def _device_json(device: Device) -> dict[str, object]:
    return {
        "id": device.id,
        "linkedAt": _time_json(device.linked_at),
        "online": device.page is not None,
    }


def _message_json(message: Message) -> dict[str, object]:
    return {
        "id": message.id,
        "from": message.sender,
        "to": message.recipient,
        "body": message.body,
        "at": _time_json(message.at),
        "ack": int(message.ack),
    }


def _time_json(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
