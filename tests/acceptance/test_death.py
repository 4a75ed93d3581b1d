"""The end of a server that something broke which it cannot do without."""

import signal
import sys
from pathlib import Path

import pytest

from tests.harness import Phones, ServerProcess

NUMBER = "491700000001"
MORTAL = [sys.executable, "-m", "tests.acceptance.mortal_server", "serve"]


@pytest.mark.sqlite
async def test_a_server_whose_registry_died_ends_with_1_and_no_browser_and_can_be_started_again(
    server: ServerProcess, phones: Phones
) -> None:
    await server.end()
    product = server.command
    server.command = MORTAL
    server.environment["MORTAL"] = "registry"
    await server.start()
    account_id = await server.create()
    await phones.link(server, account_id, NUMBER)

    assert await server.end(signal.SIGUSR1) == 1

    assert server.browsers
    assert server.chromiums() == []
    assert "The registry of accounts died; the server ends: " in server.log
    assert "👋 Shutdown complete" in server.log
    server.command = product
    await server.start()
    await server.reaches(account_id, "CONNECTED")
    assert await server.scans(account_id) == 1


@pytest.mark.sqlite
@pytest.mark.parametrize("name", ["recorder", "log"])
async def test_a_server_of_which_a_part_in_the_background_died_ends_with_1(
    tmp_path: Path, name: str
) -> None:
    server = ServerProcess(tmp_path, "http://127.0.0.1:1")
    server.command = MORTAL
    server.environment["MORTAL"] = name
    await server.start()
    account_id = await server.create()

    assert await server.end(signal.SIGUSR1) == 1

    assert f"The {name} died; the server ends: " in server.log
    assert "👋 Shutdown complete" in server.log
    server.command = [sys.executable, "-m", "api", "serve"]
    await server.start()
    assert [event["data"]["cause"] for event in await server.events(account_id)] == ["created"]
    await server.close()
