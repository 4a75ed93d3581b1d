"""Calls that block wait for their own subject's threads only."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator
from contextvars import ContextVar
from pathlib import Path

import pytest

from common.threads import FILES, LIVENESS, POOLS, Pool, look_up_hosts_apart

WHERE = ContextVar("WHERE", default="nowhere")


@pytest.fixture
async def busy() -> AsyncIterator[threading.Event]:
    """Have all threads for files be busy, and more work wait for them, until it is set."""
    done = threading.Event()
    work = [asyncio.create_task(FILES.run(done.wait)) for _ in range(3 * FILES.most)]
    await asyncio.sleep(0)
    yield done
    done.set()
    await asyncio.gather(*work)


async def test_slow_work_on_profiles_delays_neither_names_nor_signs_of_life(
    busy: threading.Event,
) -> None:
    look_up_hosts_apart()
    async with asyncio.timeout(10):
        found = await asyncio.get_running_loop().getaddrinfo("localhost", 80)
        assert found
        for pool in POOLS:
            if pool is not FILES:
                assert await pool.run(lambda: "done") == "done"
    assert not busy.is_set()


async def test_names_are_looked_up_in_threads_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    look_up_hosts_apart()
    used = []
    look_up = socket.getaddrinfo

    def noted(*args: object, **kwargs: object) -> object:
        used.append(threading.current_thread().name)
        return look_up(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", noted)
    await asyncio.get_running_loop().getaddrinfo("localhost", 80)
    assert [name.partition("_")[0] for name in used] == ["hosts"]


async def test_a_call_runs_in_the_context_of_who_asks_in_a_thread_with_a_name() -> None:
    WHERE.set("here")

    def look() -> tuple[str, str]:
        comm = Path(f"/proc/self/task/{threading.get_native_id()}/comm")
        return WHERE.get(), comm.read_text().strip()

    assert await LIVENESS.run(look) == ("here", LIVENESS.name)


async def test_no_more_threads_are_started_than_there_may_be() -> None:
    pool = Pool("few", 2)
    names = await asyncio.gather(
        *(pool.run(lambda: threading.current_thread().name) for _ in range(50))
    )
    assert len(set(names)) <= 2
