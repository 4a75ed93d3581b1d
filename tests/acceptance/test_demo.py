"""The demonstration, as a newcomer runs it."""

import asyncio
import os
import signal
import sys
from typing import Any

import pytest

from tests.harness import PATIENCE


async def start_demo(*flags: str, **options: Any) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "api", "demo", *flags),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        **options,
    )


async def test_the_demo_shows_everything_and_exits_with_0() -> None:
    demo = await start_demo("--exit")
    output, _ = await asyncio.wait_for(demo.communicate(), 2 * PATIENCE)
    text = output.decode()
    assert demo.returncode == 0, text
    assert "all CONNECTED again, without a scan" in text
    assert "a text went from" in text


async def test_the_demo_prints_its_link_first_and_stays_up_until_it_is_interrupted() -> None:
    demo = await start_demo("--accounts", "1")
    assert demo.stdout is not None
    first = await asyncio.wait_for(demo.stdout.readline(), PATIENCE)
    assert first.startswith(b"Dashboard: http://")
    assert b"/?key=" in first

    await asyncio.wait_for(demo.stdout.readuntil(b"Ctrl-C ends it."), 2 * PATIENCE)
    demo.send_signal(signal.SIGINT)
    await asyncio.wait_for(demo.communicate(), PATIENCE)
    assert demo.returncode == 0


async def test_ctrl_c_ends_the_demo_at_any_moment_and_its_server_in_good_order() -> None:
    demo = await start_demo("--accounts", "1", start_new_session=True)
    assert demo.stdout is not None
    await asyncio.wait_for(demo.stdout.readuntil(b"created"), PATIENCE)
    # As a terminal does it: to every process of the group, the demo's server too.
    os.killpg(demo.pid, signal.SIGINT)
    output, _ = await asyncio.wait_for(demo.communicate(), PATIENCE)
    assert demo.returncode == 130
    assert b"failed" not in output
    assert b"Traceback" not in output
    with pytest.raises(ProcessLookupError):
        os.killpg(demo.pid, 0)
