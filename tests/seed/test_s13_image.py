"""The promises of the image, and of a container that runs it.

There is no container engine: what the image would do is done in a folder, by the image's own steps,
as its user. Those steps fetch libraries, so that the tests which make the image need a network, or
what pip and npm are set up with instead.
"""

import asyncio
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from simulator.server import Simulator
from tests import container
from tests.harness import KEY, Phones, ServerProcess, until

PYTHON = "/usr/bin/python3"
MAY_MOUNT = container.may_mount()


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that the image's user can reach, unlike those that pytest makes.

    It is not in /tmp, which a container has for itself.
    """
    folder = Path(tempfile.mkdtemp(prefix="wa-manager-container-", dir="/var/tmp"))
    container.hand_over(folder)
    yield folder
    shutil.rmtree(folder)


def confined(place: Path, *command: str) -> str:
    """Run a command as the container's user, under its profile; give what it complains of."""
    done = subprocess.run(
        [*container.confined(place), *command], capture_output=True, text=True, check=False
    )
    assert (done.returncode == 0) == (done.stderr == ""), done
    return done.stderr


def test_s13_the_profile_lets_the_browsers_sandbox_work(place: Path) -> None:
    needed = ("--user", "--map-root-user", "--net", "--pid", "--fork")
    assert confined(place, "unshare", *needed, "true") == ""
    assert confined(place, PYTHON, "-c", "import threading; threading.Thread().start()") == ""


@pytest.mark.parametrize("namespace", ["--mount", "--uts", "--ipc", "--cgroup"])
def test_s13_the_profile_refuses_namespaces_that_it_does_not_need(
    namespace: str, place: Path
) -> None:
    said = confined(place, "unshare", "--user", "--map-root-user", namespace, "true")
    assert "unshare failed: Operation not permitted" in said


@pytest.mark.parametrize("family", ["AF_ALG", "AF_VSOCK"])
def test_s13_the_profile_refuses_sockets_to_the_kernel_and_the_host(
    family: str, place: Path
) -> None:
    code = f"import socket; socket.socket(socket.{family}, socket.SOCK_SEQPACKET)"
    assert "PermissionError" in confined(place, PYTHON, "-c", code)


@pytest.mark.skipif(not MAY_MOUNT, reason="a read-only root wants the right to mount")
def test_s13_only_its_data_and_a_tmp_of_its_own_can_be_written(place: Path) -> None:
    data = place / "data"
    data.mkdir()
    places = ["/", "/etc", "/tmp", "/usr", "/var/tmp", str(place), str(data)]
    script = 'for place; do [ ! -w "$place" ] || echo "$place"; done; ls -A /tmp'
    command = [*container.with_read_only_root(data), "sh", "-c", script, "sh", *places]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["/tmp", str(data)]


def test_s13_no_library_but_one_has_to_be_built_for_the_images_python(tmp_path: Path) -> None:
    # Nor could it be without a compiler, but only an engine would see that: our Python is another.
    assert "debian:13" in container.instructions()[0][1]
    image = ("--python-version=3.13", *(f"--platform=manylinux_2_{v}_x86_64" for v in (17, 28, 34)))
    libraries = (container.PROJECT / "requirements.txt").read_text()
    others = re.sub(rf"\n{container.BUILT}==(.*\n )*.*", "", libraries)
    assert others.count("==") == libraries.count("==") - 1
    (tmp_path / "requirements.txt").write_text(others)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--dry-run", "--no-deps", *image),
            *("--only-binary=:all:", "--require-hashes", "--requirement=requirements.txt"),
            "--target=nowhere",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def files(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


@pytest.fixture
async def contained(place: Path, simulator: Simulator) -> AsyncIterator["ContainerProcess"]:
    """The server in a freshly made image, not started yet."""
    server = ContainerProcess(place, await asyncio.to_thread(container.build, place), simulator.url)
    yield server
    await server.close()
    await server.no_chromium_is_left()


@pytest.mark.timeout(300)
async def test_s13_the_images_steps_make_a_server_that_runs_as_its_user(
    contained: "ContainerProcess", phones: Phones
) -> None:
    built = files(contained.image)
    await contained.start()
    # The log is written by a thread of its own, and the link comes after the server is ready.
    await until(contained.has_told_its_link, "the link is told", lambda: contained.log)
    assert await asyncio.to_thread(contained.is_healthy)
    assert await contained.end() == 0
    assert not await asyncio.to_thread(contained.is_healthy)
    assert stat.S_IMODE(contained.data.stat().st_mode) == 0o700

    contained.variables |= {"WA_API_KEY": KEY, "WA_MONITOR_SECONDS": "0.5"}
    await contained.start()
    account = await contained.create()
    await phones.link(contained, account, "491700000001")
    assert "--no-sandbox" not in contained.browser_of(account).cmdline()
    assert {process.uids().real for process in contained.chromiums()} == {container.USER}

    async def monitored() -> bool:
        return "Resource Monitor" in contained.log

    await until(monitored, "the resource monitor's block")
    assert await contained.end(signal.SIGTERM) == 0
    assert "👋 Shutdown complete" in contained.log
    assert files(contained.image) == built, "it wrote where a read-only root would have refused"
    assert list((contained.image / "venv").rglob("asyncpg/__init__.py")), "no driver for Postgres"


class ContainerProcess(ServerProcess):
    """A server that runs as in a container: its command, environment, user, root, system calls."""

    def __init__(self, place: Path, image: Path, web_url: str) -> None:
        super().__init__(place, web_url)
        self.data.mkdir(mode=0o700)
        container.hand_over(place)
        self.image = image
        self.cwd = image / "app"
        self._place = place
        self.variables = {
            name: value.replace(container.HOME, str(image))
            for name, value in container.environment().items()
        }
        self.variables |= {"WA_WEB_URL": web_url, "WA_PORT": str(self.port)}
        self.variables["WA_DATA_DIR"] = str(self.data)

    async def start(self) -> None:
        self.command = [*self._beginning(), *container.command()]
        await super().start()

    async def has_told_its_link(self) -> bool:
        return "Dashboard, with its key, shown this once: " in self.log

    def is_healthy(self) -> bool:
        """Ask as the image's health check does."""
        [*command, question] = container.health_check()
        question = question.replace("5001", str(self.port))
        done = subprocess.run(
            [*self._beginning(), *command, question], cwd=self.cwd, capture_output=True, check=False
        )
        return done.returncode == 0

    def _beginning(self) -> list[str]:
        root = container.with_read_only_root(self.data) if MAY_MOUNT else []
        return [*root, *container.confined(self._place), *container.given(self.variables)]


async def test_s13_a_new_container_takes_over_at_once_what_a_killed_one_left(
    server: ServerProcess, phones: Phones
) -> None:
    await server.end()
    # So long that nobody can wait for it: only a proof that the former one is dead helps.
    server.environment |= {"WA_LEASE_SECONDS": "3600"}
    serve = server.command
    server.command = [*on_a_host_named("container-1"), *serve]
    await server.start()
    account = await server.create()
    await phones.link(server, account, "491700000001")
    await server.end(signal.SIGKILL)

    server.command = [*on_a_host_named("container-2"), *serve]
    await server.start()
    await server.reaches(account, "CONNECTED")


def on_a_host_named(name: str) -> list[str]:
    """The beginning of a command that runs under a host name of its own, as in a container."""
    as_root = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", *as_root, "--uts", "sh", "-c", f'hostname {name} && exec "$@"', "sh"]
