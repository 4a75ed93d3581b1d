"""The simulator's two sides without a browser: phones over HTTP, and a page over its websocket."""

from typing import Any, Self

import aiohttp

from simulator.pages import NUMBER_COOKIE

WAIT_SECONDS = 5.0


class Api:
    """A part of the simulator's HTTP."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http = http
        self._url = url

    async def call(self, method: str, path: str, body: object = None) -> Any:
        """Calls what must succeed, and returns the JSON that comes back, if any."""
        async with self._http.request(method, self._url + path, json=body) as response:
            assert response.status < 300, await response.text()
            return await response.json() if response.status != 204 else None

    async def refused(self, method: str, path: str, body: object = None) -> tuple[int, str]:
        """Calls what must fail, and returns the status and the problem's type."""
        async with self._http.request(method, self._url + path, json=body) as response:
            assert response.content_type == "application/problem+json"
            problem = await response.json()
            assert problem["status"] == response.status
            assert problem["detail"]
            return response.status, problem["type"].rpartition(":")[2]


class Phone(Api):
    """A phone in the hand of somebody."""

    def __init__(self, http: aiohttp.ClientSession, url: str, number: str) -> None:
        super().__init__(http, f"{url}/sim/phones/{number}")
        self.number = number
        self.wid = f"{number}@c.us"

    async def scan(self, code: str) -> None:
        await self.call("POST", "/scan", {"code": code})

    async def enter_code(self, code: str) -> None:
        await self.call("POST", "/enter-code", {"code": code})

    async def unlink(self) -> None:
        await self.call("POST", "/unlink")

    async def receive(self, sender: str, body: str) -> dict[str, Any]:
        """Lets somebody's phone send a text to this one."""
        message: dict[str, Any] = await self.call(
            "POST", "/messages", {"from": sender, "body": body}
        )
        return message

    async def acknowledge(self, message_id: str, ack: int) -> None:
        await self.call("POST", "/receipts", {"ids": [message_id], "ack": ack})

    async def inbox(self) -> list[dict[str, Any]]:
        return list((await self.call("GET", "/inbox"))["items"])

    async def shown(self) -> dict[str, Any]:
        """Returns the phone as the list of phones shows it."""
        return dict(await self.call("GET", ""))


class Faults(Api):
    """What goes wrong."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        super().__init__(http, f"{url}/sim/faults")

    async def begin(self, kind: str, **details: Any) -> dict[str, Any]:
        return dict(await self.call("POST", "", {"kind": kind, **details}))

    async def end_all(self) -> None:
        await self.call("DELETE", "")


class PageClient:
    """Speaks as the page does, to the websocket only."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http = http
        self._url = f"{url}/sim/page"
        self.keys = {"noise": "noise-key", "identity": "identity-key", "advSecret": "adv-secret"}
        self.session: dict[str, Any] | None = None
        self.events: list[dict[str, Any]] = []

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.disconnect()

    async def connect(self) -> None:
        """Connects, and says hello with the session it has, if any."""
        number = self.session["number"] if self.session else ""
        cookie = {"Cookie": f"{NUMBER_COOKIE}={number}"} if number else {}
        self._socket = await self._http.ws_connect(self._url, headers=cookie)
        await self.tell("hello", session=self.session, keys=self.keys)

    async def disconnect(self) -> None:
        await self._socket.close()

    async def tell(self, kind: str, **values: Any) -> None:
        await self._socket.send_json({"type": kind, **values})

    async def event(self, kind: str) -> dict[str, Any]:
        """Waits for the next event of a kind; what comes before it is skipped."""
        while True:
            event = await self._socket.receive_json(timeout=WAIT_SECONDS)
            self.events.append(event)
            if event["type"] == kind:
                return dict(event)

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Asks, and returns the answer with its `result` or `error`."""
        await self.tell("call", id=1, method=method, params=params)
        return await self.event("answer")

    async def code(self) -> str:
        """Shows the first QR code that it is given, and returns its text."""
        return await self.show((await self.event("codes"))["refs"][0])

    async def show(self, ref: str) -> str:
        """Shows a QR code, and returns its text."""
        await self.tell("showing", ref=ref)
        return ",".join([ref, *self.keys.values()])

    async def link(self, phone: Phone) -> None:
        """Lets a phone scan its code, then syncs and listens."""
        await phone.scan(await self.code())
        linked = await self.event("linked")
        self.session = {name: linked[name] for name in ("number", "device", "token")}
        await self.listen()

    async def listen(self) -> dict[str, Any]:
        """Loads the chats, and says that new messages may come; returns what was loaded."""
        snapshot = (await self.call("sync"))["result"]
        await self.tell("ready")
        return dict(snapshot)

    async def closed(self) -> None:
        """Waits until the server has ended the connection."""
        message = await self._socket.receive(timeout=WAIT_SECONDS)
        while message.type is aiohttp.WSMsgType.TEXT:
            message = await self._socket.receive(timeout=WAIT_SECONDS)
