"""The open pages: one websocket each, and what is said on it.

The other end is `web/connection/server.js`.
"""

import asyncio
import json
import logging
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from aiohttp import WSMessageTypeError, web

from simulator.faults import Faults, Kind
from simulator.linking import Linking, PublicKeys
from simulator.phones import Device, Event, NotSimulated, Phone, PhoneError, check_number
from simulator.settings import SimulatorSettings
from simulator.whatsapp import WhatsApp

NUMBER_COOKIE = "sim_number"
"""Tells whose page it is before it has said a word, so that faults can concern one number."""

HEARTBEAT_SECONDS = 30.0
MAX_OUTGOING = 20_000
"""Events that may wait for a page to read them; one that reads no more is dropped."""

SYNC_STEPS = 10
MAX_NAME = 50
"""So much of the name of an unknown call is said again."""
MAX_SAID = 200
"""So much of what is not understood is said again."""

log = logging.getLogger(__name__)


class ProtocolError(Exception):
    """The page said what no page of ours says."""


class Page:
    """One page and its websocket. Runs on the loop; nothing here waits for the page to read."""

    def __init__(self, world: "World", socket: web.WebSocketResponse) -> None:
        self._world = world
        self._socket = socket
        self._outgoing: asyncio.Queue[Event | None] = asyncio.Queue()
        self._talking: asyncio.Task[None] | None = None
        self._syncing: asyncio.Task[None] | None = None
        self._keys: PublicKeys | None = None
        self._has_session = False
        self._passkey_for: str | None = None
        """The phone that wants to link the page, and that a fault lets wait for a passkey."""
        self.phone: Phone | None = None
        self.device: Device | None = None
        self.blocked = False

    @property
    def number(self) -> str | None:
        """Whose page it is; None while it is not linked."""
        return self.phone.number if self.phone else None

    def tell(self, event: Event) -> None:
        """Sends an event, after those that were told before it."""
        if event["type"] == "message" and self._world.faults.find(Kind.SILENT, self.number):
            event = {**event, "silent": True}
        if self._outgoing.qsize() < MAX_OUTGOING:
            self._outgoing.put_nowait(event)
        elif self._talking:
            self._talking.cancel()

    def close(self) -> None:
        """Ends the connection; the page will try again by itself."""
        self._outgoing.put_nowait(None)

    def block(self, state: str) -> None:
        """Refuses service until a human has acted, by WhatsApp's word for the state."""
        self.blocked = True
        self.tell({"type": "blocked", "state": state})

    async def talk(self) -> None:
        """Serves the page until its connection ends."""
        self._world.pages.add(self)
        self._talking = asyncio.current_task()
        writer = asyncio.create_task(self._write())
        try:
            while True:
                self._hear(await self._socket.receive_json())
        except (WSMessageTypeError, ProtocolError, ValueError) as error:
            if not self._socket.closed:
                log.warning("A page was dropped: %s", error)
        finally:
            self._world.pages.remove(self)
            self._forget()
            writer.cancel()

    def link(self, number: str) -> None:
        """Links the page to a phone, or asks for a passkey first where a fault demands it.

        Raises:
            PhoneError: the phone cannot have it.
        """
        if self._world.faults.find(Kind.PASSKEY, number):
            self._ask_for_passkey(number)
        else:
            self._link(number)

    def link_if_allowed(self) -> None:
        """Links a page that had to wait for its passkey, unless it still has to."""
        number = self._passkey_for
        if number is None or self._world.faults.find(Kind.PASSKEY, number):
            return
        self._passkey_for = None
        try:
            self._link(number)
        except PhoneError as error:
            log.warning("Phone %s did not link a page after all: %s", number, error)
            self.close()

    def _ask_for_passkey(self, number: str) -> None:
        self._world.whatsapp.phones.get_or_create(number)
        self._passkey_for = number
        self._world.linking.withdraw(self)
        self.tell({"type": "passkey", "challenge": secrets.token_hex(32)})

    def _link(self, number: str) -> None:
        assert self._keys is not None, "a page that shows a code has said hello"
        whatsapp = self._world.whatsapp
        self.device = whatsapp.link(number, self._keys.identity, self)
        self.phone = whatsapp.phones.get(number)
        self._has_session = True
        self._world.linking.withdraw(self)

    def offer_codes(self) -> None:
        """Gives the page QR codes to show, unless a fault forbids it."""
        if self._keys is None or self._has_session or self._passkey_for:
            return
        if self._world.faults.find(Kind.NO_QR, None):
            return
        settings = self._world.settings
        self.tell(
            {
                "type": "codes",
                "refs": self._world.linking.offer(self, self._keys, settings.qr_codes),
                "firstSeconds": settings.qr_first_seconds,
                "nextSeconds": settings.qr_next_seconds,
            }
        )

    async def _write(self) -> None:
        try:
            while (event := await self._outgoing.get()) is not None:
                await self._socket.send_json(event)
            await self._socket.close()
        except ConnectionError:
            pass  # the reader notices, and ends the page

    def _forget(self) -> None:
        self._world.linking.withdraw(self)
        if self._syncing:
            self._syncing.cancel()
        if self.device:
            self.device.detach(self)

    def _hear(self, said: object) -> None:
        match said:
            case {"type": "hello", "session": session, "keys": dict(keys)}:
                self._hello(session, keys)
            case {"type": "showing", "ref": str() | None as ref}:
                self._world.linking.show(self, ref)
            case {"type": "codes-wanted"}:
                self.offer_codes()
            case {"type": "call", "id": int(call), "method": str(method), "params": dict(params)}:
                self._called(call, method, params)
            case {"type": "call", "id": int(call)}:
                self._answer(call, error="A call has an `id`, a `method` and `params`.")
            case {"type": str(kind)} if self.phone and self.device:
                self._hear_linked(self.phone, self.device, kind, said)
            case dict():
                self._refuse(said)
            case _:
                raise ProtocolError("what a page says is an object")

    def _hear_linked(self, phone: Phone, device: Device, kind: str, said: object) -> None:
        match kind, said:
            case "ready", _:
                device.listen()
            case "received", {"delivery": int(number)}:
                event = device.confirm(number)
                if event and event["type"] == "message":
                    self._world.whatsapp.delivered(phone, event)
            case "seen", {"chat": str(sender)}:
                self._world.whatsapp.seen(phone, sender)
            case "logout", _:
                self._log_out(phone, device)
            case _:
                self._refuse(said)

    def _refuse(self, said: object) -> None:
        """Tells the page, and the log, what is not understood; dropped, it would only come back."""
        reason = f"not understood: {json.dumps(said)[:MAX_SAID]}"
        log.warning("A page was refused: %s", reason)
        self.tell({"type": "refused", "reason": reason})

    def _hello(self, session: object, keys: dict[str, object]) -> None:
        match keys:
            case {"noise": str(noise), "identity": str(identity), "advSecret": str(adv_secret)}:
                self._keys = PublicKeys(noise, identity, adv_secret)
            case _:
                raise ProtocolError("hello without keys")
        match session:
            case None:
                self.offer_codes()
            case {"number": str(number), "device": str(device), "token": str(token)}:
                self._resume(number, device, token, identity)
            case _:
                raise ProtocolError("hello with half a session")

    def _resume(self, number: str, device: str, token: str, identity: str) -> None:
        whatsapp = self._world.whatsapp
        self._has_session = True
        self.phone = whatsapp.phones.find(number)
        if self._world.faults.find(Kind.TERMS, number):
            self.block("TOS_BLOCK")
            return
        self.device = whatsapp.resume(number, device, token, identity, self)
        if self.device is None:
            self.tell({"type": "unlinked", "reason": "device_removed"})

    def _called(self, call: int, method: str, params: dict[str, object]) -> None:
        if method == "sync" and self.phone and self.device:
            self._syncing = asyncio.create_task(self._sync(call, self.phone, self.device))
            return
        try:
            outcome: Event = {"result": self._carry_out(method, params)}
        except PhoneError as error:
            outcome = {"error": str(error)}
        answer = partial(self._answer, call, **outcome)
        if not self._holds_back(method, answer):
            answer()

    def _log_out(self, phone: Phone, device: Device) -> None:
        """Removes the page's own device; the page is told that it is unlinked."""
        reason = "user_initiated"
        answer = partial(self.tell, {"type": "unlinked", "reason": reason})
        if self._holds_back("logout", answer):
            device.detach(self)
        self._world.whatsapp.unlink(phone, reason, device)

    def _holds_back(self, call: str, answer: Callable[[], None]) -> bool:
        """Says whether a fault has taken an answer, to give it late or never."""
        faults = self._world.faults.find_all(Kind.LATE_ANSWERS, self.number)
        for fault in (fault for fault in faults if fault.call == call):
            self._world.faults.hold(fault)
            if fault.seconds is not None:
                asyncio.get_running_loop().call_later(fault.seconds, answer)
            return True
        return False

    def _carry_out(self, method: str, params: dict[str, object]) -> Event:
        whatsapp = self._world.whatsapp
        match method, params:
            case "pairing-code", {"number": str(number)}:
                seconds = self._world.settings.pairing_code_seconds
                check_number(number)
                code = self._world.linking.make_pairing_code(self, number, seconds)
                return {"code": code, "seconds": seconds}
            case "number-exists", {"id": str(wid)}:
                return {"id": whatsapp.find_id(wid)}
            case "send-message", {"id": str(message_id), "to": str(to), "body": str(body)} if (
                self.phone and self.device
            ):
                message = whatsapp.send_from_page(self.phone, self.device, message_id, to, body)
                return {"t": int(message.at.timestamp())}
            case _:
                raise NotSimulated(f"the call {method[:MAX_NAME]!r} with {sorted(params)}")

    def _answer(self, call: int, **outcome: object) -> None:
        self.tell({"type": "answer", "id": call, **outcome})

    async def _sync(self, call: int, phone: Phone, device: Device) -> None:
        """Answers with the chats after their time. A fault that ends meanwhile delays no more."""
        for step in range(SYNC_STEPS):
            fault = self._world.faults.find(Kind.SLOW_SYNC, phone.number)
            seconds = self._world.settings.sync_seconds
            if fault and fault.seconds is not None:
                seconds = fault.seconds
            self.tell({"type": "sync-progress", "percent": 100 * step // SYNC_STEPS})
            await asyncio.sleep(seconds / SYNC_STEPS)
        self.tell({"type": "sync-progress", "percent": 100})
        self._answer(call, result=self._world.whatsapp.snapshot(phone, device))


class Pages:
    """The pages that are connected now."""

    def __init__(self) -> None:
        self._open: set[Page] = set()

    def __iter__(self) -> Iterator[Page]:
        return iter(list(self._open))

    def __len__(self) -> int:
        return len(self._open)

    def add(self, page: Page) -> None:
        """Notes that a page has connected."""
        self._open.add(page)

    def remove(self, page: Page) -> None:
        """Notes that a page has gone."""
        self._open.discard(page)


@dataclass(frozen=True)
class World:
    """All that the parts of a simulator share."""

    settings: SimulatorSettings
    whatsapp: WhatsApp = field(default_factory=WhatsApp)
    linking: Linking[Page] = field(default_factory=Linking[Page])
    faults: Faults = field(default_factory=Faults)
    pages: Pages = field(default_factory=Pages)
