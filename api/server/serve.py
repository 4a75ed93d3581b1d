"""The server as a process: it binds its address, opens the application, and stops on a signal."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections.abc import Iterator

from aiohttp import web

from actors.browser.page.bundle import find_bundle, load_bundle
from actors.browser.process.executable import find_chromium, sandbox_refusal
from api.app import init_app, open_parts, stop_working
from api.app_keys import BACKGROUND
from api.auth import KEY
from api.lifetime import LIFETIME
from api.logs.lines import say
from api.server.connections import HttpServer
from api.server.file_limit import raise_limit, room_for_clients
from api.server.first_lines import write_first_lines
from api.server.heap import collect_often, return_large_blocks
from api.server.signals import Signals
from api.settings import Settings
from common.tasks import abandon, first
from common.threads import FILES, PROCESSES, look_up_hosts_apart

EVERYWHERE = frozenset({"", "0.0.0.0", "127.0.0.1", "::", "::1"})  # noqa: S104
"""Addresses that a browser on this machine reaches as localhost."""

logger = logging.getLogger(__name__)


class Broken(Exception):
    """Something died that the server cannot do without; the log says what. Start it again."""


class CannotListen(Exception):
    """The address cannot be listened on; the message says which and why."""


async def serve(settings: Settings, signals: Signals) -> None:
    """Run the server until it is asked to stop.

    A signal that comes later than a second after the first one hurries the shutdown.

    HTTP answers first, so that `/health` tells what a start waits for, and while the browsers
    close, so that it says `shutting_down`; then the listener closes, and the database last.

    Raises:
        Broken: It ended by itself, in order, to be started again.
        BundleUnusable: wa-js is missing, or is not the one that was pinned.
        CannotListen: The address is taken or not ours.
        ChromiumNotFound: There is no Chromium, or it does not run.
        SettingsError: The data directory cannot be used.
        StoreError: The database cannot be used.
    """
    # What the server, its database and its browsers write is for nobody else.
    os.umask(0o077)
    raise_limit()
    look_up_hosts_apart()
    return_large_blocks()
    # The address comes first: a second server started by mistake ends here, and has touched
    # neither a profile nor the database.
    with _bound(settings.host, settings.port) as listener:
        app = init_app(settings)
        door = HttpServer(app, room_for_clients(settings.connections_max))
        opening = asyncio.create_task(_open(app, door, listener, settings))
        stop = asyncio.Event()

        def begin_to_stop(number: signal.Signals) -> None:
            logger.info("⚠️  Received %s, starting graceful shutdown...", number.name)
            stop.set()
            # A start that still waits for something ends here.
            opening.cancel()

        signals.tell(begin_to_stop, app[LIFETIME].hurry.set)
        try:
            await _opened(opening, app[BACKGROUND].broken)
            if not opening.cancelled():
                opening.result()
                collect_often()
                _announce(app, settings, listener)
                await _first(stop, app[BACKGROUND].broken)
            await stop_working(app)
        finally:
            await door.close()
            signals.tell_nobody()
    logger.info("👋 Shutdown complete")
    if not stop.is_set():
        raise Broken


async def _opened(opening: asyncio.Task[None], broken: asyncio.Event) -> None:
    """Wait until all is open, or something died meanwhile that it cannot do without."""
    death = asyncio.create_task(broken.wait())
    await first(opening, death)
    if not opening.done():
        opening.cancel()
        await asyncio.wait({opening})
    await abandon(death)


async def _open(
    app: web.Application, door: HttpServer, listener: socket.socket, settings: Settings
) -> None:
    # Else every account would try, and fail, by itself.
    chromium = await PROCESSES.run(find_chromium, settings.chromium)
    refusal = await PROCESSES.run(sandbox_refusal, chromium.path)
    write_first_lines(settings, chromium, refusal)
    await FILES.run(load_bundle, find_bundle(settings.wa_js))
    await door.open(listener)
    await open_parts(app)


async def _first(*events: asyncio.Event) -> None:
    """Wait until one of the events is set."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    await first(*waits)
    await abandon(*waits)


def _announce(app: web.Application, settings: Settings, listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    host = "localhost" if settings.host in EVERYWHERE else settings.host
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    logger.info("🚀 WhatsApp API Server running on %s", url)
    logger.info("💡 Ready to accept connections")
    logger.info("📊 Health check: %s/health", url)
    key = app[KEY]
    if key.made_now and settings.log_format == "text":
        # Not a log line: logs are kept and passed on, and this is a secret.
        say(f"Dashboard, with its key, shown this once: {url}/?key={key.value}")
    elif settings.api_key is None:
        logger.info("The API key is in %s", settings.key_file)


@contextlib.contextmanager
def _bound(host: str, port: int) -> Iterator[socket.socket]:
    """Take the address; who connects before the server is open waits for it.

    Raises:
        CannotListen: It is taken or not ours.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        # A name may stand for an IPv6 and an IPv4 address; the latter is what people expect.
        family, kind, protocol, _, address = min(found, key=lambda entry: entry[0])
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise CannotListen(f"cannot listen on {host}: {error.strerror}") from error
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
            listener.listen()
        except OSError as error:
            raise CannotListen(f"cannot listen on {host}:{port}: {error.strerror}") from error
        yield listener
