"""A real nginx of our own, in front of servers that tests start."""

import os
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

from tests.ports import free_port

PROGRAM = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
"""Debian keeps it where only root looks for programs."""

DEPLOYMENT = (Path(__file__).parents[1] / "docs/deployment.md").read_text()
PASSED_ON = tuple(re.findall(r"^ +(proxy_set_header .*;)$", DEPLOYMENT, re.MULTILINE))
"""What the documentation says that a proxy should pass on."""

CONFIGURATION = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
    server {{
        listen 127.0.0.1:{port};
        {locations}
    }}
}}
"""
LOCATION = """
        location {path} {{
            proxy_pass {target}/;
            proxy_http_version 1.1;
            proxy_buffering off;
            {passed_on}
        }}
"""


class NginxServer:
    """An nginx on a free port, with a server behind each path."""

    def __init__(
        self, folder: Path, targets: dict[str, str], passed_on: tuple[str, ...] = PASSED_ON
    ) -> None:
        """Prepare it.

        Args:
            folder: Where it keeps its files.
            targets: The address behind each path, such as `/wa/`.
            passed_on: What it tells the servers of a request beside the request.
        """
        self._folder = folder
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"http://127.0.0.1:{self._port}"
        locations = [
            LOCATION.format(path=path, target=target, passed_on="\n".join(passed_on))
            for path, target in targets.items()
        ]
        self._configuration = CONFIGURATION.format(
            folder=folder, port=self._port, locations="".join(locations)
        )

    def start(self) -> None:
        """Start it, and wait until it listens."""
        assert PROGRAM is not None, "nginx is not installed"
        file = self._folder / "nginx.conf"
        file.write_text(self._configuration)
        with (self._folder / "output").open("wb") as output:
            self._process = subprocess.Popen(
                [PROGRAM, "-p", self._folder, "-c", file], stdout=output, stderr=output
            )
        patience = time.monotonic() + 10
        while not self._listens():
            assert self._process.poll() is None, (self._folder / "output").read_text()
            assert time.monotonic() < patience, "nginx does not listen"
            time.sleep(0.01)

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
        except OSError:
            return False
        return True
