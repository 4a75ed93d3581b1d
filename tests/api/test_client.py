"""A server as the demonstration and the benchmarks start it."""

import socket
from pathlib import Path

import pytest

from api.client import Server, Unexpected

NO_WEB = "http://127.0.0.1:9"


async def test_a_server_whose_port_was_taken_since_it_was_picked_takes_another(
    tmp_path: Path,
) -> None:
    server = Server(tmp_path, NO_WEB)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = server.url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        await server.start()
    await server.stop()
    assert server.url != url


async def test_a_server_that_cannot_start_is_not_waited_for(tmp_path: Path) -> None:
    server = Server(tmp_path, NO_WEB, "--chromium", "/nowhere")
    with pytest.raises(Unexpected, match="ended at its start"):
        await server.start()
