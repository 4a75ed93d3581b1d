"""The log of a server in use, at its most talkative: what must be on each line, and on none."""

import asyncio
import itertools
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import aiohttp
import pytest

from api.logs.lines import LogFormat
from api.logs.redaction import HIDDEN
from api.settings import environment_without_settings
from simulator.server import Simulator
from tests.harness import KEY, Phones, ServerProcess, until
from tests.ports import free_port

OURS, THEIRS, PAIRED = "491700000001", "436601234567", "14155550100"
PASSWORD = "correct-horse"
TEXTS = ("meet me at noon", "at the old bridge")
HEAD = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [A-Z]+ +([\w.]+)  (.*)")
Line = tuple[str, str | None, str]
"""Who speaks, of which account, and what is said."""

OF_ONE_ACCOUNT = (
    "actors.account.actor",
    "actors.account.recording",
    "actors.browser.",
    "actors.account.known_messages",
    "pykka",
)
"""Who speaks of one account in each line."""
OF_ALL_PROFILES = ("actors.browser.profile.care", "actors.browser.profile.orphans")
"""Who speaks of all of them, and names an account where there is one."""


@pytest.fixture
async def server(
    simulator: Simulator, tmp_path: Path, form: LogFormat
) -> AsyncIterator[ServerProcess]:
    running = ServerProcess(tmp_path, simulator.url)
    running.environment |= {
        "WA_LOG_LEVEL": "DEBUG",
        "WA_LOG_FORMAT": form,
        "WA_REDIS_URL": f"redis://:{PASSWORD}@127.0.0.1:{free_port()}",
        "WA_MONITOR_SECONDS": "0.5",
        "WA_RESOURCES_SECONDS": "0.5",
    }
    await running.start()
    yield running
    await running.close()
    await running.no_chromium_is_left()


async def use(server: ServerProcess, phones: Phones) -> tuple[list[str], list[str]]:
    """Go through all that has to do with secrets; give the accounts, and the codes seen."""
    linked, paired = await server.create("Linked"), await server.create("Paired")
    await server.connect(linked)
    await server.reaches(linked, "QR_READY")
    qr = (await server.call("GET", f"/accounts/{linked}/qr?format=json"))["qr"]
    await phones.scan(OURS, qr)
    await server.reaches(linked, "CONNECTED")

    await server.connect(paired)
    await server.reaches(paired, "QR_READY")
    path = f"/accounts/{paired}/pairing-code"
    code = (await server.call("POST", path, {"phone": PAIRED}))["code"]
    await phones.call("POST", f"phones/{PAIRED}/enter-code", {"code": code})
    await server.reaches(paired, "CONNECTED")

    async with server.listen("?types=message") as listener:
        body = {"to": THEIRS, "text": TEXTS[0]}
        await server.call("POST", f"/accounts/{linked}/messages", body, expect=201)
        await phones.call("POST", f"phones/{OURS}/messages", {"from": THEIRS, "body": TEXTS[1]})
        await listener.until(lambda event: event["type"] == "message")
    await server.call("POST", f"/accounts/{linked}/messages", {"to": "x", "text": "x"}, expect=422)
    async with server.client.get(f"/?key={KEY}"), server.client.get("/accounts?key=wrong"):
        pass

    server.browser_of(linked).kill()
    await server.reaches(linked, "CONNECTING")
    await server.reaches(linked, "CONNECTED")
    await server.call("POST", f"/accounts/{paired}/logout", expect=202)
    await server.reaches(paired, "LOGGED_OUT")

    async def measured() -> bool:
        return "its browser takes" in server.log

    await until(measured, "a browser is measured")
    await server.end()
    return [linked, paired], [*qr.split(","), code]


def secrets_in(log: str, codes: list[str]) -> list[str]:
    """Find what must not be there, and any trace of a secret that was taken out at the last."""
    numbers = [number[:-4] for number in (OURS, THEIRS, PAIRED)]
    traces = (HIDDEN, "…", "CONSOLE")
    return [each for each in (*numbers, *TEXTS, *codes, PASSWORD, KEY, *traces) if each in log]


def json_lines(log: str) -> Iterator[Line]:
    for line in log.splitlines():
        found = json.loads(line)
        words = found["message"] + found.get("exception", "")
        yield found["logger"], found.get("account"), words


def text_lines(log: str) -> Iterator[Line]:
    """Read the readable form: an account is the first id in its line. A block has one head."""
    for line in log.splitlines():
        if head := HEAD.fullmatch(line):
            account = re.search(r"\b[0-9a-f]{16}\b", head[2])
            yield head[1], account and account[0], head[2]
        else:
            assert line.startswith("  ")


@pytest.mark.parametrize(
    ("form", "lines"), [("text", text_lines), ("json", json_lines)], ids=["text", "json"]
)
async def test_a_log_at_debug_tells_each_account_and_no_secret(
    server: ServerProcess, phones: Phones, lines: Callable[[str], Iterator[Line]]
) -> None:
    accounts, codes = await use(server, phones)
    assert secrets_in(server.log, codes) == []
    said = list(lines(server.log))
    for logger, account, words in said:
        of_one = logger.startswith(OF_ONE_ACCOUNT) and logger not in OF_ALL_PROFILES
        assert account in accounts or not of_one, words
        assert all(account == each or each not in words for each in accounts), words
    for each in accounts:
        assert any(account == each and "CONNECTED (ready)" in words for _, account, words in said)
    statuses = [words for logger, _, words in said if logger == "actors.account.recording"]
    assert all(first != second for first, second in itertools.pairwise(statuses))
    assert sum("browser_exited" in words for words in statuses) == 1
    assert all(f'"{name}"' in server.log for name in ("Linked", "Paired"))
    for text in ("✅ Lock files cleaned", "📊 Resource Monitor:", "👋 Shutdown complete"):
        assert text in server.log


async def test_a_server_whose_log_nobody_reads_any_more_goes_on(tmp_path: Path) -> None:
    port = free_port()
    reader, writer = os.pipe()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "api", "serve"),
        *("--port", str(port), "--data-dir", str(tmp_path / "data"), "--log-level", "DEBUG"),
        env=environment_without_settings(),
        stdout=writer,
        stderr=writer,
    )
    os.close(writer)
    with os.fdopen(reader, "rb") as log:
        said = await asyncio.to_thread(log.readline)
    assert b"wa-manager" in said

    key_file = tmp_path / "data" / "api-key"
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:

        async def answers() -> bool:
            try:
                async with client.get("/health/ready") as response:
                    return response.status == 200
            except aiohttp.ClientConnectionError:
                return False

        await until(answers, "the server is ready")
        headers = {"X-Api-Key": key_file.read_text().strip()}
        async with client.post("/accounts", json={"name": "x"}, headers=headers) as response:
            assert response.status == 201
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 30) == 0
