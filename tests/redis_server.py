"""A real redis-server of our own, which tests start and stop."""

import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

from simulator.tls import write_certificate
from tests.ports import free_port

PASSWORD = "s3cret/with@signs"


class RedisServer:
    """A redis-server on a free port, which it keeps when it is stopped and started again."""

    def __init__(self, folder: Path, *, tls: bool = False) -> None:
        self._folder = folder
        self._tls_port = free_port() if tls else 0
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def start(self, *, mute: bool = False) -> None:
        """Start it, and wait until it answers.

        Args:
            mute: Whether clients may listen but not publish, until `unmute`.
        """
        program = shutil.which("redis-server")
        assert program is not None, "redis-server is not installed"
        command = [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        if self._tls_port:
            certificate = self._folder / "certificate.pem"
            write_certificate(certificate)
            command += ["--tls-port", str(self._tls_port), "--tls-auth-clients", "no"]
            for option in ("cert", "key", "ca-cert"):
                command += [f"--tls-{option}-file", str(certificate)]
            command += ["--user", *["wa", "on", f">{PASSWORD}", "~*", "&*", "+@all"]]
        if mute:
            command += ["--user", *["default", "on", "nopass", "~*", "&*", "+@all", "-publish"]]
        self._process = subprocess.Popen(
            command, cwd=self._folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        patience = time.monotonic() + 10
        while not self._answers():
            assert self._process.poll() is None, "redis-server ended"
            assert time.monotonic() < patience, "redis-server does not answer"
            time.sleep(0.01)

    def tls_url(self, password: str = PASSWORD) -> str:
        """The address of its encrypted port, for a user with a password."""
        certificate = self._folder / "certificate.pem"
        address = f"127.0.0.1:{self._tls_port}/0"
        return f"rediss://wa:{quote(password, safe='')}@{address}?ssl_ca_certs={certificate}"

    def unmute(self) -> None:
        assert self._ask("ACL SETUSER default +publish") == "+OK"

    def freeze(self) -> None:
        """Have it keep its connections and say nothing, until it is stopped."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def stop(self) -> None:
        """End it as a crash would: without a word to its clients."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @property
    def pings(self) -> int:
        """How often clients have asked whether it is there."""
        stats = re.search(r"cmdstat_ping:calls=(\d+)", self._ask("INFO commandstats"))
        assert stats is not None
        return int(stats[1])

    def _answers(self) -> bool:
        try:
            return self._ask("PING") == "+PONG"
        except OSError:
            return False

    def _ask(self, command: str) -> str:
        with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
            connection.sendall(f"{command}\r\n".encode())
            return connection.recv(65536).decode().strip()
