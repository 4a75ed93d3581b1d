"""What a run sees of the servers it attacks."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.chaos.violation import Violation
from tests.chaos.world import LOOK_EVERY, World
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


class Twice:
    """Complaints that end with every second look."""

    def __init__(self) -> None:
        self.looks = 0

    async def __call__(self) -> list[str]:
        self.looks += 1
        return ["not yet"] if self.looks % 2 else []


async def test_what_a_fault_waits_for_after_its_harm_counts_as_recovery(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    complaints = Twice()

    async def settled() -> None:
        pass

    async def fault(world: World) -> None:
        world.harmed()
        await world.well(complaints, calm_looks=1)

    monkeypatch.setattr(world, "settle", settled)
    _, seconds = await world.suffer(fault)
    assert seconds >= LOOK_EVERY


async def test_all_waits_of_a_recovery_have_one_deadline(world: World) -> None:
    complaints = Twice()

    async def fault(world: World) -> None:
        world.harmed()
        await world.well(complaints, calm_looks=1)
        world.deadline = LOOK_EVERY / 2
        await world.well(complaints, calm_looks=1)

    with pytest.raises(Violation, match="not yet"):
        await world.suffer(fault)
    assert complaints.looks == 3
