"""The simulator as a server and as a program."""

import argparse
import asyncio
import gzip
import signal
import socket
import sys
from collections.abc import Callable

import aiohttp
import pytest

from simulator import cli
from simulator.server import Simulator
from simulator.settings import SimulatorSettings
from tests.simulator.clients import PageClient, Phone

PROGRAM = """
import argparse, sys
from simulator import cli
parser = argparse.ArgumentParser()
cli.add_arguments(parser)
sys.exit(cli.run(parser.parse_args()))
"""


async def test_the_page_loads_modules_that_may_be_cached_for_ever(
    simulator: Simulator, http: aiohttp.ClientSession
) -> None:
    async with http.get(simulator.url) as page:
        html = await page.text()
    path = next(part for part in html.split('"') if part.endswith("/main.js"))

    async with http.get(simulator.url + path) as script:
        assert script.content_type == "text/javascript"
        assert "immutable" in script.headers["Cache-Control"]
    assert page.headers["Cache-Control"] == "no-cache"


async def test_the_qr_code_is_drawn(simulator: Simulator, http: aiohttp.ClientSession) -> None:
    async with http.get(f"{simulator.url}/sim/qr.svg", params={"text": "2@ref,a,b,c"}) as image:
        assert image.content_type == "image/svg+xml"
        assert b"<svg" in await image.read()


@pytest.mark.parametrize("path", ["/nowhere", "/sim/phones/491700000001/dance"])
async def test_an_unknown_path_is_a_problem(
    path: str, simulator: Simulator, http: aiohttp.ClientSession
) -> None:
    async with http.get(simulator.url + path) as response:
        assert response.status == 404
        assert response.content_type == "application/problem+json"


async def test_health_counts_open_pages(
    simulator: Simulator, http: aiohttp.ClientSession, open_page: Callable[[], PageClient]
) -> None:
    async with open_page() as page:
        await page.event("codes")
        async with http.get(f"{simulator.url}/sim/health") as health:
            assert await health.json() == {"status": "ok", "phones": 0, "pages": 1}


async def test_a_page_that_says_what_is_not_understood_is_told_so_and_stays(
    open_page: Callable[[], PageClient],
) -> None:
    async with open_page() as page:
        await page.tell("dance")
        assert "dance" in str((await page.event("refused"))["reason"])
        await page.call("number-exists", id="491700000001@c.us")


async def test_a_call_that_is_not_simulated_is_refused_by_its_name(
    open_page: Callable[[], PageClient],
) -> None:
    async with open_page() as page:
        answer = await page.call("create-group", name="Friends")
        assert "'create-group'" in str(answer["error"])
        await page.call("number-exists", id="491700000001@c.us")


async def test_a_malformed_call_of_a_linked_page_is_answered(
    alice: Phone, open_page: Callable[[], PageClient]
) -> None:
    async with open_page() as page:
        await page.link(alice)
        answer = await page.call("number-exists")
        assert "error" in answer


async def test_a_page_without_keys_is_dropped(open_page: Callable[[], PageClient]) -> None:
    async with open_page() as page:
        await page.tell("hello", session=None, keys={})
        await page.closed()


async def test_stopping_closes_the_pages(open_page: Callable[[], PageClient]) -> None:
    async with Simulator() as simulator, aiohttp.ClientSession() as http:
        page = PageClient(http, simulator.url)
        async with page:
            await page.event("codes")
            await simulator.stop()
            await page.closed()


async def test_the_port_can_be_had_again_at_once() -> None:
    async with Simulator() as former:
        port = former.port

    async with Simulator(SimulatorSettings(port=port)) as simulator:
        assert simulator.url == f"http://127.0.0.1:{port}"


class TestTls:
    @pytest.fixture
    def settings(self) -> SimulatorSettings:
        return SimulatorSettings(tls=True)

    async def test_page_and_websocket_are_encrypted(
        self,
        simulator: Simulator,
        http: aiohttp.ClientSession,
        open_page: Callable[[], PageClient],
    ) -> None:
        assert simulator.url.startswith("https://")
        async with http.get(simulator.url) as response:
            assert response.status == 200
        async with open_page() as page:
            await page.event("codes")


async def test_a_compressed_body_is_refused_and_not_inflated(
    simulator: Simulator, http: aiohttp.ClientSession
) -> None:
    zeros = gzip.compress(bytes(100_000_000))
    async with http.post(
        f"{simulator.url}/sim/faults", data=zeros, headers={"Content-Encoding": "gzip"}
    ) as response:
        assert response.status == 415
        assert (await response.json())["type"] == "urn:wa-simulator:compressed-body"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_program_says_where_it_is_and_stops_on_a_signal(number: signal.Signals) -> None:
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, "--port", "0", stdout=asyncio.subprocess.PIPE
    )
    assert program.stdout is not None
    greeting = (await program.stdout.readline()).decode()
    url = greeting.split()[-1]
    async with aiohttp.ClientSession() as http, PageClient(http, url):
        program.send_signal(number)
        assert await asyncio.wait_for(program.wait(), 5) == 0
    assert greeting.startswith("WhatsApp Web is simulated on http://127.0.0.1:")


def test_a_taken_port_is_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    cli.add_arguments(parser)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])

        assert cli.run(parser.parse_args(["--port", port])) == 2

    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"127.0.0.1:{port}" in error


@pytest.mark.parametrize("arguments", [["--port", "x"], ["--port", "70000"], ["--qr-first", "0"]])
def test_bad_arguments_are_refused(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser()
    cli.add_arguments(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(arguments)
