"""The demonstration, as a newcomer runs it."""

import asyncio
import signal
import sys

from tests.harness import PATIENCE


async def start_demo(*flags: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "api", "demo", *flags),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def test_the_demo_shows_everything_and_exits_with_0() -> None:
    demo = await start_demo("--exit")
    output, _ = await asyncio.wait_for(demo.communicate(), 2 * PATIENCE)
    text = output.decode()
    assert demo.returncode == 0, text
    assert "all CONNECTED again, without a scan" in text
    assert "a text went from" in text


async def test_the_demo_stays_up_with_a_link_until_it_is_interrupted() -> None:
    demo = await start_demo("--accounts", "1")
    assert demo.stdout is not None

    async def link() -> bytes:
        assert demo.stdout is not None
        async for line in demo.stdout:
            if line.startswith(b"Dashboard:"):
                return line
        raise AssertionError("no link was printed")

    assert b"/?key=" in await asyncio.wait_for(link(), 2 * PATIENCE)
    demo.send_signal(signal.SIGINT)
    await asyncio.wait_for(demo.communicate(), PATIENCE)
    assert demo.returncode == 0
