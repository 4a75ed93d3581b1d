"""The server as a process: how it starts, what it prints, how it stops."""

import asyncio
import contextlib
import os
import re
import resource
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib.metadata import version
from pathlib import Path

import aiohttp
import psutil
import pytest

from api.server.serve import _opened
from api.settings import environment_without_settings
from tests.harness import Phones, ServerProcess

Start = Callable[..., Awaitable[Process]]
KEY = "a-key-for-tests-of-a-start"
STARTED = "📊 Health check: "


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Start a server process on a free port with a data directory of its own."""
    processes: list[Process] = []

    async def start(**variables: str) -> Process:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "api", "serve", "--port", "0"),
            env={**environment_without_settings(), "WA_DATA_DIR": str(tmp_path / "data")}
            | variables,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def until_started(process: Process) -> tuple[str, list[str]]:
    """Read until the server serves; give its URL and what it printed."""
    assert process.stdout is not None
    lines: list[str] = []
    async with asyncio.timeout(20):
        while not lines or STARTED not in lines[-1]:
            lines.append((await process.stdout.readline()).decode())
            assert lines[-1], "the server ended"
    return lines[-1].partition(STARTED)[2].strip().removesuffix("/health"), lines


async def until_ended(process: Process) -> tuple[list[str], str]:
    """Wait for the process's end; give the last lines of its output, and its errors."""
    async with asyncio.timeout(20):
        output, errors = await process.communicate()
    return output.decode().splitlines(), errors.decode()


def caught_by(process: Process) -> set[int]:
    """Return the numbers of the signals that a process has handlers for."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    found = re.search(r"^SigCgt:\s*([0-9a-f]+)$", status, re.MULTILINE)
    mask = 0 if found is None else int(found[1], 16)
    return {number for number in range(1, 65) if mask >> (number - 1) & 1}


def message(line: str) -> str:
    """Strip time, level and logger off a log line."""
    return re.sub(r"^\S+Z [A-Z]+ +\S+  ", "", line.rstrip("\n"))


async def test_a_start_says_where_it_serves(start: Start) -> None:
    process = await start(WA_API_KEY=KEY)
    url, lines = await until_started(process)
    said = [message(line) for line in lines]
    words = ("wa-manager ", "Chromium: ", "Data directory: ", "Database: sqlite://", "Redis: none")
    first = [text for text in said if "sandbox" not in text]
    assert [word for word, text in zip(words, first, strict=False) if word in text] == [*words]
    assert version("wa-manager") in said[0]
    assert said[-3:] == [
        f"🚀 WhatsApp API Server running on {url}",
        "💡 Ready to accept connections",
        f"📊 Health check: {url}/health",
    ]
    assert re.fullmatch(r"http://localhost:\d+", url)
    async with aiohttp.ClientSession() as client:
        assert (await client.get(f"{url}/health")).status == 200


async def test_a_server_may_open_as_many_files_as_the_system_allows(start: Start) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 512), hard))
    try:
        process = await start(WA_API_KEY=KEY)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    await until_started(process)

    assert psutil.Process(process.pid).rlimit(psutil.RLIMIT_NOFILE) == (hard, hard)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_the_server_in_order(start: Start, number: signal.Signals) -> None:
    process = await start(WA_API_KEY=KEY)
    await until_started(process)
    process.send_signal(number)
    lines, errors = await until_ended(process)
    said = [message(line) for line in lines]
    assert said == [
        f"⚠️  Received {number.name}, starting graceful shutdown...",
        "✅ Database disconnected",
        "👋 Shutdown complete",
    ]
    assert (process.returncode, errors) == (0, "")


async def test_signals_that_come_at_once_are_one_also_when_the_stop_is_over(start: Start) -> None:
    process = await start(WA_API_KEY=KEY)
    await until_started(process)
    process.send_signal(signal.SIGTERM)
    while process.returncode is None:
        # Also to a process that has stopped and is about to end.
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGINT)
        await asyncio.sleep(0.001)
    lines, errors = await until_ended(process)
    received = [line for line in lines if "Received" in line]
    assert len(received) == 1
    assert (process.returncode, errors) == (0, "")


async def test_a_signal_during_the_start_ends_it_in_order(start: Start) -> None:
    process = await start(WA_API_KEY=KEY)
    async with asyncio.timeout(20):
        # It listens before it imports what it needs.
        while signal.SIGTERM not in caught_by(process):
            await asyncio.sleep(0.001)
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGINT)
    lines, errors = await until_ended(process)
    assert message(lines[-1]) == "👋 Shutdown complete"
    assert (process.returncode, errors) == (0, "")


async def test_streams_are_closed_with_1001(start: Start) -> None:
    process = await start(WA_API_KEY=KEY)
    url, _ = await until_started(process)
    async with (
        aiohttp.ClientSession(headers={"X-Api-Key": KEY}) as client,
        client.ws_connect(f"{url}/ws") as stream,
    ):
        process.terminate()
        async for _ in stream:
            pass
        assert stream.close_code == aiohttp.WSCloseCode.GOING_AWAY
    await until_ended(process)
    assert process.returncode == 0


async def test_a_made_key_is_shown_once_as_a_link_that_logs_in(start: Start) -> None:
    first = await start()
    url, _ = await until_started(first)
    assert first.stdout is not None
    link = (await first.stdout.readline()).decode().split()[-1]
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as browser:
        await browser.get(link)
        assert (await browser.get(f"{url}/accounts")).status == 200
    first.terminate()
    rest, _ = await until_ended(first)

    second = await start()
    _, lines = await until_started(second)
    second.terminate()
    output = "".join(lines) + "\n".join((await until_ended(second))[0])

    key = link.partition("?key=")[2]
    assert len(key) >= 32
    assert key not in "\n".join(rest) + output


async def test_a_taken_port_is_one_line_and_touches_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "api", "serve", "--port", str(port)),
            *("--data-dir", str(tmp_path / "data")),
            env=environment_without_settings(),
            stdout=PIPE,
            stderr=PIPE,
        )
        lines, errors = await until_ended(process)
    assert process.returncode == 2
    assert errors == f"wa-manager: cannot listen on 127.0.0.1:{port}: Address already in use\n"
    assert lines == []
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("variable", "words"),
    [
        ("WA_CHROMIUM", "cannot be run as Chromium: No such file or directory"),
        ("WA_WA_JS", "cannot be read from"),
    ],
)
async def test_without_its_tools_the_server_ends_with_one_line(
    start: Start, tmp_path: Path, variable: str, words: str
) -> None:
    missing = tmp_path / "missing"
    process = await start(**{variable: str(missing)})
    lines, errors = await until_ended(process)
    assert process.returncode == 2
    assert errors.startswith("wa-manager: ")
    assert words in errors
    assert str(missing) in errors
    assert len(errors.splitlines()) == 1
    assert not [line for line in lines if "Ready" in line]


async def test_a_misspelt_variable_ends_the_start_and_the_right_one_is_named(start: Start) -> None:
    process = await start(WA_PROT="5001")
    lines, errors = await until_ended(process)
    assert process.returncode == 2
    assert errors == "wa-manager: WA_PROT: there is no such setting; did you mean WA_PORT?\n"
    assert lines == []


async def test_the_data_directory_is_private(start: Start, tmp_path: Path) -> None:
    await until_started(await start())
    modes = {
        p.name: p.stat().st_mode & 0o777
        for p in (tmp_path / "data", *(tmp_path / "data").iterdir())
    }
    assert modes["data"] == 0o700
    assert modes["api-key"] == modes["wa-manager.sqlite3"] == 0o600


async def test_profiles_and_pictures_of_an_earlier_version_become_private(
    start: Start, tmp_path: Path
) -> None:
    folders = [tmp_path / "data" / name for name in ("profiles", "evidence")]
    for folder in folders:
        folder.mkdir(parents=True)
        folder.chmod(0o777)
    (tmp_path / "data").chmod(0o755)
    await until_started(await start())
    assert [folder.stat().st_mode & 0o777 for folder in folders] == [0o700, 0o700]


@pytest.mark.parametrize(
    ("mode", "variables"),
    [(0o777, {}), (0o770, {}), (0o1777, {"WA_API_KEY": "a-key-that-was-given"})],
)
async def test_a_data_directory_that_others_can_write_is_refused_with_what_mends_it(
    start: Start, tmp_path: Path, mode: int, variables: dict[str, str]
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    data.chmod(mode)
    process = await start(**variables)
    lines, errors = await until_ended(process)
    assert (process.returncode, lines) == (2, [])
    assert errors.startswith(f"wa-manager: WA_DATA_DIR: {data} can be written by other users")
    assert f"chmod go-w {data}" in errors
    assert len(errors.splitlines()) == 1
    assert list(data.iterdir()) == []


async def test_a_key_that_others_can_write_is_refused_with_what_mends_it(
    start: Start, tmp_path: Path
) -> None:
    key = tmp_path / "data/api-key"
    key.parent.mkdir(mode=0o700)
    key.write_text("a-key-that-anybody-may-have-put-here")
    key.chmod(0o666)
    process = await start()
    _, errors = await until_ended(process)
    assert process.returncode == 2
    assert f"{key} can be written by other users" in errors
    assert f"chmod go-w {key}" in errors


async def test_a_server_and_its_browsers_write_for_nobody_else(
    server: ServerProcess, phones: Phones
) -> None:
    account_id = await server.create()
    await phones.link(server, account_id, "491700000001")
    assert server.process is not None
    found = [path for path in server.data.rglob("*") if not path.is_symlink()]
    assert len(found) > 20
    assert [path for path in found if path.stat().st_mode & 0o077] == []


async def test_what_dies_during_the_start_ends_it() -> None:
    opening = asyncio.create_task(asyncio.sleep(3600))
    broken = asyncio.Event()
    waiting = asyncio.create_task(_opened(opening, broken))
    broken.set()
    await asyncio.wait_for(waiting, 10)
    assert opening.cancelled()
