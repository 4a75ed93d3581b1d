"""Servers for the tests of the front: all is real but the browsers, which are told what to say."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from api.app import init_app, open_parts
from api.settings import PREFIX, Settings
from tests.api.told import BEARER, KEY, Api
from tests.surroundings import Surroundings, settings_of
from tests.told import ToldManager


@pytest.fixture(autouse=True)
def _no_settings_in_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)


@pytest.fixture
def settings(tmp_path: Path, surroundings: Surroundings) -> Settings:
    own = {"data_dir": str(tmp_path / "data"), "api_key": KEY}
    return Settings.load({**own, **settings_of(surroundings)})


@pytest.fixture
async def start_api(
    surroundings: Surroundings,  # They outlive every server on them.
) -> AsyncIterator[Callable[[Settings], Awaitable[Api]]]:
    """Start a server with these settings; call it again for a second one."""
    started: list[Api] = []

    async def start(settings: Settings) -> Api:
        app = init_app(settings, ToldManager)
        api = Api(TestServer(app, host="127.0.0.1"), headers=BEARER)
        started.append(api)
        await api.start_server()
        await open_parts(app)
        return api

    yield start
    for api in started:
        api.end_stopping()
        await api.close()


@pytest.fixture
async def api(start_api: Callable[[Settings], Awaitable[Api]], settings: Settings) -> Api:
    return await start_api(settings)


@pytest.fixture
async def stranger(api: Api) -> AsyncIterator[aiohttp.ClientSession]:
    """A client without the key."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(api.make_url("/"), cookie_jar=jar) as session:
        yield session
