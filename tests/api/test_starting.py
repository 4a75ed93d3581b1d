"""A server whose database is away at its start says so, waits, and serves when it is there."""

import asyncio
import logging
import re
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer

from api.app import init_app, open_parts
from api.settings import Settings
from store import accounts
from store.database.sqlite import sqlite_url
from tests.api.told import BEARER, KEY, Api
from tests.harness import ServerProcess, until
from tests.held import HeldDatabase
from tests.surroundings import MakeSurroundings, Surroundings
from tests.told import ToldManager

SECRET = "a-secret-word"


@pytest.fixture
def surroundings(make_surroundings: MakeSurroundings) -> Iterator[Surroundings]:
    """A database without tables: one that is held lets nobody make them."""
    with make_surroundings(empty=True) as made:
        yield made


@pytest.fixture
def outage(surroundings: Surroundings) -> Iterator[HeldDatabase]:
    """A database that is away until it is released."""
    with closing(surroundings.outage()) as outage:
        outage.hold()
        yield outage


@pytest.fixture
async def starting(settings: Settings, outage: HeldDatabase) -> AsyncIterator[Api]:
    """A server that answers, and that is about to open its parts."""
    async with Api(TestServer(init_app(settings, ToldManager)), headers=BEARER) as api:
        yield api


async def waits(api: Api) -> bool:
    async with api.get("/health") as response:
        return "store" in (await response.json()).get("reason", "")


async def test_health_says_what_the_start_waits_for_and_all_else_is_refused(
    starting: Api, surroundings: Surroundings, caplog: pytest.LogCaptureFixture
) -> None:
    assert starting.app is not None
    opening = asyncio.create_task(open_parts(starting.app))
    await until(lambda: waits(starting), "the start waits for the database")

    health, ready, live = [await starting.get(f"/health{path}") for path in ("", "/ready", "/live")]
    told = await health.json()
    refused = await starting.get("/accounts")
    opening.cancel()

    assert (health.status, ready.status, live.status) == (503, 503, 200)
    assert told["status"] == "degraded"
    assert told["reason"].startswith("the server is starting; store: The database does not answer")
    assert told["components"]["store"]["status"] == "degraded"
    assert (refused.status, refused.content_type) == (503, "application/problem+json")
    assert int(refused.headers["Retry-After"]) > 0
    cause = "database is locked" if surroundings.name == "sqlite" else "Connect call failed"
    assert cause in (await refused.json())["detail"]
    said = [each for each in caplog.records if each.name == "store.database.timeouts"]
    assert [each.levelno for each in said] == [logging.WARNING]


@pytest.mark.parametrize("path", ["/", "/dashboard/app.js"])
async def test_the_page_is_there_while_the_server_starts(starting: Api, path: str) -> None:
    assert (await starting.get(path)).status == 200


async def test_the_page_can_be_logged_in_to_while_the_server_starts(starting: Api) -> None:
    assert (await starting.post("/login", json={"key": KEY})).status == 204


async def test_the_start_goes_on_when_the_database_is_there(
    starting: Api, outage: HeldDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    assert starting.app is not None
    opening = asyncio.create_task(open_parts(starting.app))
    await until(lambda: waits(starting), "the start waits for the database")

    with caplog.at_level(logging.INFO):
        outage.release()
        await asyncio.wait_for(opening, 20)

    health, ready = await starting.get("/health"), await starting.get("/health/ready")
    assert ((await health.json())["status"], ready.status) == ("ok", 200)
    assert "The database is there, after" in caplog.text
    account_id = await starting.create()
    await starting.link(account_id)


async def test_a_database_that_goes_away_again_during_the_start_is_waited_for(
    settings: Settings, surroundings: Surroundings, caplog: pytest.LogCaptureFixture
) -> None:
    class Late(ToldManager):
        """A manager that starts just when another program takes the database."""

        async def start(self) -> None:
            # Its lease is missing, and has to be written.
            await accounts.create("Support")
            with closing(surroundings.held()) as held:
                held.hold()
                starting = asyncio.create_task(super().start())
                while self.trouble is None:
                    await asyncio.sleep(0.005)
                assert not starting.done()
            await starting

    app = init_app(settings, Late)
    async with Api(TestServer(app), headers=BEARER) as api:
        with caplog.at_level(logging.INFO):
            await asyncio.wait_for(open_parts(app), 20)
        assert (await api.get("/health/ready")).status == 200
    assert "Leases: all is well again" in caplog.text


async def test_a_database_that_cannot_be_used_ends_the_server_at_once(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path, "http://127.0.0.1:1")
    server.environment["WA_DATABASE_URL"] = sqlite_url(tmp_path / "missing" / "wa.sqlite3")
    await server.spawn()
    assert server.process is not None
    code = await asyncio.wait_for(server.process.wait(), 20)
    await server.close()

    assert code == 2
    assert f"wa-manager: The database's folder does not exist: {tmp_path}" in server.log
    assert "Waiting for the database" not in server.log


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_the_wait_in_order_and_no_password_was_shown(
    tmp_path: Path, number: signal.Signals
) -> None:
    server = ServerProcess(tmp_path, "http://127.0.0.1:1")
    server.environment["WA_DATABASE_URL"] = f"postgres://me:{SECRET}@127.0.0.1:1/wa"
    await server.spawn()

    async def waiting() -> bool:
        return "Waiting for the database" in server.log

    await until(waiting, "the server waits", lambda: server.log)
    health = await server.call("GET", "/health", expect=503)
    code = await server.end(number)
    await server.close()

    assert code == 0
    assert "127.0.0.1', 1" in health["reason"]
    assert SECRET not in server.log + str(health)
    assert KEY not in server.log
    assert re.findall(r"⚠️ .*|✅ Database.*|👋 .*|🚀.*", server.log) == [
        f"⚠️  Received {number.name}, starting graceful shutdown...",
        "👋 Shutdown complete",
    ]
