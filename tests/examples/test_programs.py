"""The examples as programs: they print, they go on where they were, and they say what is wrong."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from store.events import event_log
from tests.api.told import KEY, Api
from tests.examples.proxy import Proxy
from tests.redis_server import RedisServer
from tests.told import until

Run = Callable[..., Awaitable[Process]]


@pytest.fixture
async def run(proxy: Proxy) -> AsyncIterator[Run]:
    """Run an example against the server."""
    started: list[Process] = []

    async def start(module: str, *flags: str, key: str = KEY) -> Process:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", f"examples.{module}", "--url", proxy.url, *flags),
            env={**os.environ, "WA_API_KEY": key},
            stdout=PIPE,
            stderr=PIPE,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def line_with(process: Process, text: str) -> str:
    """Read until a line has the text."""
    assert process.stdout is not None
    async with asyncio.timeout(20):
        while line := (await process.stdout.readline()).decode():
            if text in line:
                return line
    raise AssertionError((await process.communicate())[1].decode())


async def complaint(process: Process) -> str:
    """Wait until it has ended, and give what it complained of."""
    _, errors = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode
    return errors.decode()


async def test_follow_prints_what_happens_and_goes_on_where_it_was_killed(
    api: Api, run: Run, tmp_path: Path
) -> None:
    account_id = await api.create("Support")
    await api.recorded()
    file = tmp_path / "position.json"

    first = await run("follow", "--since", "0", "--position", str(file))
    assert "Support DISCONNECTED" in await line_with(first, "1 accounts")
    await line_with(first, f'"Support" {account_id} status')
    await api.link(account_id)
    await line_with(first, '"status":"CONNECTED"')
    await api.recorded()
    newest = await event_log.newest_id()
    await until(lambda: file.exists() and int(file.read_text()) == newest)
    first.kill()
    await first.wait()

    second = await run("follow", "--position", str(file))
    await line_with(second, "Support CONNECTED")
    async with api.post(f"/accounts/{account_id}/disconnect") as response:
        assert response.status == 202
    assert '"status":"DISCONNECTED"' in await line_with(second, f'"Support" {account_id} status')


async def test_the_consumer_of_redis_prints_what_was_missed(
    api: Api, run: Run, redis_server: RedisServer, tmp_path: Path
) -> None:
    account_id = await api.create("Support")
    await api.recorded()
    file = tmp_path / "position.json"
    file.write_text('{"start": 0, "marks": {}}')
    consumer = await run("redis_consumer", "--redis", redis_server.url, "--position", str(file))
    assert await line_with(consumer, f'"Support" {account_id} 1 status')


@pytest.mark.parametrize("module", ["follow", "redis_consumer"])
async def test_what_is_wrong_is_said_in_a_sentence(
    api: Api, run: Run, redis_server: RedisServer, tmp_path: Path, module: str
) -> None:
    redis = ["--redis", redis_server.url] if module == "redis_consumer" else []
    broken = tmp_path / "position.json"
    broken.write_text("[]")
    no_key, wrong_key, no_position = await asyncio.gather(
        run(module, key=""),
        run(module, *redis, key="wrong"),
        run(module, "--position", str(broken)),
    )
    assert "export WA_API_KEY=" in await complaint(no_key)
    assert "Refused: HTTP 401" in (told := await complaint(wrong_key))
    assert "Traceback" not in told
    assert f"{broken} holds something else" in await complaint(no_position)
