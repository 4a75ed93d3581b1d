"""The database opens, is brought up to date, and says clearly why it does not open."""

import asyncio
import contextvars

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from store import accounts
from store.database import postgres
from store.database.opening import open_database
from store.errors import DatabaseAway, DatabaseUnusable
from tests.held import HeldDatabase
from tests.surroundings import Surroundings


async def test_queries_work_from_a_task_with_nothing_of_our_context(database: None) -> None:
    row, _ = await accounts.create("one")

    task = asyncio.create_task(accounts.get(row.id), context=contextvars.Context())

    assert await task == await accounts.get(row.id)


async def test_queries_work_from_a_request_handler(database: None) -> None:
    async def handler(_: web.Request) -> web.Response:
        created = await accounts.create("from a request")
        return web.Response(text=created[0].id)

    app = web.Application()
    app.router.add_get("/", handler)
    async with TestClient(TestServer(app)) as client:
        account_id = await (await client.get("/")).text()

    assert await accounts.get(account_id)


async def test_what_was_kept_is_there_when_it_is_opened_again(surroundings: Surroundings) -> None:
    async with open_database(surroundings.database_url):
        row, _ = await accounts.create("one")

    async with open_database(surroundings.database_url):
        kept = await accounts.get(row.id)

    assert kept is not None
    assert kept.name == "one"


@pytest.mark.parametrize("url", ["", "sqlite://", "mysql://root@localhost/wa", "wa.sqlite3"])
async def test_a_wrong_address_is_refused(url: str) -> None:
    with pytest.raises(DatabaseUnusable, match="address is wrong"):
        async with open_database(url):
            pass


async def test_postgres_without_its_driver_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(postgres, "asyncpg", None)

    with pytest.raises(DatabaseUnusable, match="pip install") as raised:
        async with open_database("postgres://wa:secret@localhost/wa"):
            pass

    assert "secret" not in str(raised.value)


async def test_a_query_on_a_held_database_says_that_it_is_away(
    database: None, held: HeldDatabase
) -> None:
    held.hold()

    with pytest.raises(DatabaseAway, match="lock"):
        await accounts.create("one")
