"""A real server with told browsers, and a network before it that loses connections."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from api.settings import Settings
from examples import wa_stream
from tests.api.conftest import _no_settings_in_environment, api, settings, start_api
from tests.api.told import KEY, Api
from tests.examples.proxy import Proxy
from tests.surroundings import MakeSurroundings, settings_of

Say = Callable[..., Awaitable[str]]
"""Takes what a server says on its stream, and gives the server's url."""

__all__ = ["_no_settings_in_environment", "api", "settings", "start_api"]


@pytest.fixture(autouse=True)
def _impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wa_stream, "FIRST_DELAY", 0.01)
    monkeypatch.setattr(wa_stream, "LONGEST_DELAY", 0.05)


@pytest.fixture
def another_log(settings: Settings, make_surroundings: MakeSurroundings) -> Iterator[Settings]:
    """The same server's settings, with a database in which everything begins anew."""
    with make_surroundings() as surroundings:
        own = {"data_dir": str(settings.data_dir), "api_key": KEY}
        yield Settings.load({**own, **settings_of(surroundings)})


@pytest.fixture
async def proxy(api: Api) -> AsyncIterator[Proxy]:
    """What stands before the server; its address stays when the server changes."""
    assert api.port is not None
    async with Proxy(api.port) as running:
        yield running


@pytest.fixture
async def say() -> AsyncIterator[Say]:
    """Start a server that says to each client what a test wants, and then nothing."""
    servers: list[TestServer] = []

    async def start(*texts: str) -> str:
        async def stream(request: web.Request) -> web.WebSocketResponse:
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            for text in texts:
                await socket.send_str(text)
            await socket.receive()
            return socket

        app = web.Application()
        app.router.add_get("/ws", stream)
        servers.append(TestServer(app))
        await servers[-1].start_server()
        return str(servers[-1].make_url("")).rstrip("/")

    yield start
    for server in servers:
        await server.close()
