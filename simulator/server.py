"""The simulator as a server: its routes, and how it starts and stops."""

import asyncio
import io
from types import TracebackType
from typing import Self

import segno
from aiohttp import web

from simulator import tls
from simulator.assets import Assets
from simulator.faults import Kind
from simulator.faults_api import FaultsApi
from simulator.pages import HEARTBEAT_SECONDS, NUMBER_COOKIE, Page, World
from simulator.phones_api import PhonesApi
from simulator.problems import problem_middleware
from simulator.settings import SimulatorSettings

SHUTDOWN_SECONDS = 1.0
IDLE_SECONDS = 60.0
"""How long a connection may rest between two requests, and the head of one may take."""
LINGER_SECONDS = 2.0
"""How long the rest of a body is taken, and thrown away, for the answer to be read before it."""
MAX_REQUEST_BYTES = 1 << 20


class Simulator:
    """A WhatsApp Web with phones, on one address.

    Runs on the loop that starts it, and keeps everything in memory:

        async with Simulator(SimulatorSettings()) as simulator:
            print(simulator.url)
    """

    def __init__(self, settings: SimulatorSettings | None = None) -> None:
        self.settings = settings or SimulatorSettings()
        self._world = World(self.settings)
        self._assets = Assets()
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    @property
    def port(self) -> int:
        """The port it listens on."""
        assert self._runner is not None, "the simulator has been started"
        return int(self._runner.addresses[0][1])

    @property
    def url(self) -> str:
        """The address of the page, without a slash at its end."""
        scheme = "https" if self.settings.tls else "http"
        return f"{scheme}://{self.settings.host}:{self.port}"

    async def start(self) -> None:
        """Listens.

        Raises:
            OSError: the port is taken, or the host is none of ours.
        """
        runner = web.AppRunner(
            self._app(),
            access_log=None,
            # Inflating a body of zeros takes seconds, which the loop has not.
            auto_decompress=False,
            keepalive_timeout=IDLE_SECONDS,
            lingering_time=LINGER_SECONDS,
            shutdown_timeout=SHUTDOWN_SECONDS,
        )
        await runner.setup()
        context = tls.make_context() if self.settings.tls else None
        site = web.TCPSite(runner, self.settings.host, self.settings.port, ssl_context=context)
        try:
            await site.start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner

    async def stop(self) -> None:
        """Closes all pages' connections and stops listening."""
        if self._runner:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    def _app(self) -> web.Application:
        app = web.Application(middlewares=[problem_middleware], client_max_size=MAX_REQUEST_BYTES)
        app.add_routes(
            [
                web.get("/", self._index),
                web.get("/sim/page", self._page),
                web.get("/sim/qr.svg", self._qr_image),
                web.get("/sim/health", self._health),
                *self._assets.routes(),
                *PhonesApi(self._world).routes(),
                *FaultsApi(self._world, self._assets.modules).routes(),
            ]
        )
        app.on_shutdown.append(self._close_pages)
        return app

    async def _index(self, request: web.Request) -> web.Response:
        faults, number = self._world.faults, request.cookies.get(NUMBER_COOKIE)
        slow = faults.find(Kind.SLOW_LOAD, number)
        if slow and slow.seconds:
            await asyncio.sleep(slow.seconds)
        broken = {fault.module for fault in faults.find_all(Kind.BROKEN_MODULE, number)}
        return self._assets.index(sorted(filter(None, broken)))

    async def _page(self, request: web.Request) -> web.StreamResponse:
        if self._world.faults.find(Kind.OFFLINE, request.cookies.get(NUMBER_COOKIE)):
            raise web.HTTPServiceUnavailable(text="A fault keeps this page offline.")
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT_SECONDS, compress=False)
        await socket.prepare(request)
        await Page(self._world, socket).talk()
        return socket

    async def _qr_image(self, request: web.Request) -> web.Response:
        image = io.BytesIO()
        segno.make(request.query.get("text", ""), micro=False).save(image, kind="svg", scale=4)
        return web.Response(body=image.getvalue(), content_type="image/svg+xml")

    async def _health(self, _request: web.Request) -> web.Response:
        phones, pages = len(self._world.whatsapp.phones), len(self._world.pages)
        return web.json_response({"status": "ok", "phones": phones, "pages": pages})

    async def _close_pages(self, _app: web.Application) -> None:
        for page in self._world.pages:
            page.close()
