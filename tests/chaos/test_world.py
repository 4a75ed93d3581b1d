"""What a run sees of the servers it attacks."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.chaos.violation import Violation
from tests.chaos.world import World
from tests.redis_server import RedisServer


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """One in which nothing runs yet."""
    made = World(tmp_path, "http://127.0.0.1:9", RedisServer(tmp_path), seed=1)
    yield made
    await made.close()


@contextmanager
def browser(profile: Path) -> Iterator[None]:
    """What looks like a browser on a profile."""
    command = [sys.executable, "-c", "input()", f"--user-data-dir={profile}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as process:
        yield
        process.communicate(b"\n")


async def test_a_second_browser_is_seen_while_nobody_waits_for_anything(world: World) -> None:
    watching = asyncio.create_task(world._watch_browsers())
    with browser(world.profiles / "a"), browser(world.profiles / "b"):
        while len(world.seen_browsers) < 2:
            await asyncio.sleep(0.01)
        assert not watching.done()
        with browser(world.profiles / "a"), pytest.raises(Violation, match="a has 2 browsers"):
            await watching
