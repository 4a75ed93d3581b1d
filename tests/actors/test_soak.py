"""Accounts that come and go leave nothing behind in the actors and in what is written of them.

Browsers are told what to report, so that there is time for many connects. What real ones
leave behind is shown by `tests/acceptance/test_soak.py`, and in the long run by `make bench`.
"""

import asyncio
import gc
import threading
import tracemalloc
from collections.abc import Iterator
from contextvars import Context
from pathlib import Path
from weakref import ReferenceType

import pytest

from actors.browser.reports import Authenticated
from bench.soak import pace
from common.threads import MOST
from store.status import Status
from tests.actors.conftest import READY, Stage

WARM_UP = 30
LOOKS = 5
CONNECTS = 20
"""Between two looks."""
OBJECTS_PER_CONNECT = 0.5
"""One that is kept of each connect would be seen."""
BYTES_PER_CONNECT = 1_000
"""Where what is kept is no object of its own but in one, as a text in a list. Caches take 200."""


def objects() -> int:
    """Count Python's objects, but for what asyncio drops many of at once when there are enough."""
    gc.collect()
    passing = (asyncio.TimerHandle, Context, ReferenceType)
    return sum(type(each) not in passing for each in gc.get_objects())


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.fixture
def traced() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


async def come_and_go(stage: Stage, account_id: str, times: int) -> None:
    for _ in range(times):
        stage.manager.runs.clear()
        await stage.manager.connect(account_id)
        run = await stage.run(account_id)
        run.report(Authenticated(fresh=False))
        run.report(READY)
        await stage.reaches(account_id, Status.CONNECTED)
        await stage.manager.disconnect(account_id)
        await stage.reaches(account_id, Status.DISCONNECTED)
    assert await stage.recorder.flush(5)


@pytest.mark.sqlite
@pytest.mark.usefixtures("traced")
async def test_many_connects_leave_nothing_in_memory(stage: Stage) -> None:
    account_id, _ = await stage.linked()
    await stage.manager.disconnect(account_id)
    await stage.reaches(account_id, Status.DISCONNECTED)
    await come_and_go(stage, account_id, WARM_UP)
    threads, opened = threading.active_count(), descriptors()
    found, memory = [], []
    for _ in range(LOOKS):
        await come_and_go(stage, account_id, CONNECTS)
        found.append(objects())
        memory.append(tracemalloc.get_traced_memory()[0])
    assert pace(found) / CONNECTS < OBJECTS_PER_CONNECT
    assert pace(memory) / CONNECTS < BYTES_PER_CONNECT
    # Those for blocking calls start when they are needed first.
    assert threading.active_count() <= threads + MOST
    assert descriptors() == opened
