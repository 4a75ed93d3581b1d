"""A real Postgres of our own, which tests start, stop, freeze, and fill with databases."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import psutil

from tests.ports import free_port

USER = "wa"
PASSWORD = "s3cret/@:%[x]"
"""Of signs that an address must write in another way."""
MAINTENANCE = "postgres"
"""The database that is always there."""
PATIENCE = 30.0
DONE = "-- done --"
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "32MB",
    "max_connections": "100",
    "listen_addresses": "127.0.0.1",
    "lc_messages": "C",
}
"""Quick, since nothing has to outlive the machine. What is committed outlives the server."""


class PostgresServer:
    """A Postgres on a free port, which it keeps when it is stopped and started again.

    Its folder is not pytest's: Postgres refuses to run as root, and nobody else may enter that.
    """

    def __init__(self) -> None:
        self.port = free_port()
        self._programs = _programs()
        self._user = _unprivileged_user()
        self.folder = Path(tempfile.mkdtemp(prefix="wa-postgres-"))
        if self._user is not None:
            shutil.chown(self.folder, self._user)
        self._data = self.folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self._frozen: list[psutil.Process] = []

    def url(self, database: str, *, password: str = PASSWORD) -> str:
        """Return the address of one of its databases."""
        return f"postgres://{USER}:{quote(password, safe='')}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        if self._process is not None:
            return
        if not self._data.exists():
            self._create()
        arguments = [f"-c{name}={value}" for name, value in SETTINGS.items()]
        self._process = self._popen(
            *("postgres", "-D", str(self._data), "-p", str(self.port), "-k", str(self.folder)),
            *arguments,
        )
        patience = time.monotonic() + PATIENCE
        while not self._answers():
            assert self._process.poll() is None, f"Postgres ended: {self._log}"
            assert time.monotonic() < patience, f"Postgres does not answer: {self._log}"
            time.sleep(0.02)

    def stop(self) -> None:
        """End it as a crash would: without a word to its clients.

        It waits for a client that has connected and said nothing yet, so this is not for the
        loop's thread while there may be one.
        """
        if self._process is not None:
            self.thaw()
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(PATIENCE)
            self._process = None

    def remove(self) -> None:
        """End it for good, and leave nothing behind."""
        self.stop()
        shutil.rmtree(self.folder)

    def freeze(self) -> None:
        """Have it keep its connections, accept more, and say nothing, until `thaw` or `stop`."""
        assert self._process is not None
        main = psutil.Process(self._process.pid)
        # The main process first: after that there are no new ones.
        main.suspend()
        self._frozen = [main, *main.children(recursive=True)]
        for process in self._frozen[1:]:
            with suppress(psutil.NoSuchProcess):
                process.suspend()

    def thaw(self) -> None:
        for process in self._frozen:
            with suppress(psutil.NoSuchProcess):
                process.resume()
        self._frozen = []

    def restore(self) -> None:
        """Have it run and answer again, whatever a test did to it."""
        self.thaw()
        self.start()

    def create(self, database: str, template: str = "template1") -> None:
        self.sql(f"CREATE DATABASE {database} TEMPLATE {template}")

    def drop(self, database: str) -> None:
        """Remove a database, also under the hands of those who use it."""
        self.sql(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")

    def drop_connections(self, database: str) -> None:
        """End every connection to a database, as an administrator or a failover does."""
        self.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            f"WHERE datname = '{database}' AND pid <> pg_backend_pid()"
        )

    def sql(self, statements: str, database: str = MAINTENANCE) -> str:
        """Run statements and return what they print."""
        with self.session(database) as session:
            return session.run(statements)

    def environment(self) -> dict[str, str]:
        """Return the environment in which its own programs are found, and find it."""
        return {
            **os.environ,
            "PATH": f"{self._programs}:{os.environ['PATH']}",
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self.port),
            "PGPASSWORD": PASSWORD,
            "PGCONNECT_TIMEOUT": "5",
        }

    @contextmanager
    def session(self, database: str) -> Iterator["PostgresSession"]:
        """Connect to a database, from outside of what is tested."""
        options = ("--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "-vON_ERROR_STOP=1")
        with subprocess.Popen(
            [str(self._programs / "psql"), *options, "-U", USER, "-d", database],
            env=self.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as client:
            yield PostgresSession(client)
            client.communicate(timeout=PATIENCE)

    def _create(self) -> None:
        password = self.folder / "password"
        password.write_text(PASSWORD)
        if self._user is not None:
            shutil.chown(password, self._user)
        creating = self._popen(
            *("initdb", "-D", str(self._data), "-U", USER, "--pwfile", str(password)),
            *("--auth", "password", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"),
        )
        assert creating.wait(PATIENCE) == 0, self._log

    def _popen(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [str(self._programs / program), *arguments],
                cwd=self.folder,
                user=self._user,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _answers(self) -> bool:
        ready = (str(self._programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port))
        return subprocess.run(ready, check=False).returncode == 0

    @property
    def _log(self) -> str:
        return (self.folder / "log").read_text()[-3000:]


class PostgresSession:
    """A connection that carries statements out one after the other, and keeps what they lock."""

    def __init__(self, client: subprocess.Popen[str]) -> None:
        self._client = client

    def run(self, statements: str) -> str:
        """Carry statements out, and return what they print."""
        assert self._client.stdin is not None
        assert self._client.stdout is not None
        self._client.stdin.write(f"{statements};\n\\echo {DONE}\n")
        self._client.stdin.flush()
        lines: list[str] = []
        while (line := self._client.stdout.readline()).strip() != DONE:
            lines.append(line)
            assert line, f"the client of Postgres ended: {''.join(lines)}"
        return "".join(lines).strip()


def _programs() -> Path:
    """Find Postgres's programs, which Debian keeps off the path."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"),
        key=lambda path: float(path.parts[-3]),
    )
    if found:
        return found[-1].parent
    program = shutil.which("initdb")
    assert program is not None, "postgresql is not installed"
    return Path(program).resolve().parent


def _unprivileged_user() -> str | None:
    """Return whom to run it as: us, unless we are root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"
