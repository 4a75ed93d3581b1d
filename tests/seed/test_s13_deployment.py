"""The promises of a deployment by docker compose.

No container engine is needed: the files are read as an engine reads them, and what the image would
do is done in a folder, by the image's own steps, as its user. Those steps fetch libraries, so that
the tests which make the image need a network, or what pip and npm are set up with instead.
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
from typing import Any

import pytest

from api.app import LAST_WRITES_SECONDS
from api.serve import REQUEST_SECONDS
from api.settings import Settings, variable
from simulator.server import Simulator
from tests import container
from tests.container import COMPOSE
from tests.harness import KEY, Phones, ServerProcess, until
from tests.ports import free_port

SETTINGS = {variable(field) for field in Settings.model_fields}
SET_BY_THE_IMAGE = {"WA_HOST", "WA_PORT", "WA_DATA_DIR"}
PROGRAMS = str(Path(sys.executable).parent)
PYTHON = "/usr/bin/python3"
VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)([^}]*)\}")


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that the image's user can reach, unlike those that pytest makes."""
    folder = Path(tempfile.mkdtemp(prefix="wa-manager-container-"))
    container.hand_over(folder)
    yield folder
    shutil.rmtree(folder)


def service(name: str) -> dict[str, Any]:
    found: dict[str, Any] = container.compose()["services"][name]
    return found


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = container.compose()["services"]
    return found


def defaults() -> dict[str, str]:
    """What compose.yaml takes for each variable that is not set; for some it asks."""
    return dict(VARIABLE.findall((COMPOSE / "compose.yaml").read_text()))


def seconds(text: str) -> int:
    return int(text.removesuffix("s"))


def test_s13_the_compose_file_follows_the_compose_specification() -> None:
    checker = shutil.which("check-jsonschema", path=PROGRAMS)
    assert checker is not None
    schema = ("--builtin-schema", "vendor.compose-spec")
    done = subprocess.run(
        [checker, *schema, COMPOSE / "compose.yaml"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_s13_the_dockerfile_passes_the_linter() -> None:
    linter = shutil.which("hadolint", path=PROGRAMS)
    assert linter is not None
    done = subprocess.run(
        [linter, COMPOSE / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_s13_the_server_is_the_service_wa_manager_on_port_5001() -> None:
    assert service("wa-manager")["ports"] == ["${BIND_ADDRESS:-127.0.0.1}:${PORT:-5001}:5001"]
    assert container.last("EXPOSE") == "5001"
    assert container.environment()["WA_PORT"] == "5001"


def test_s13_its_memory_is_limited_to_2g_and_one_line_raises_it() -> None:
    assert service("wa-manager")["mem_limit"] == "${MEMORY_LIMIT:-2G}"
    assert "#MEMORY_LIMIT=2G" in (COMPOSE / ".env.example").read_text().splitlines()


def test_s13_the_example_of_env_names_what_the_compose_file_asks_for_and_nothing_else() -> None:
    example = (COMPOSE / ".env.example").read_text()
    named = dict(re.findall(r"^#?(\w+)=(.*)$", example, re.MULTILINE))
    from_secrets = {secret["environment"] for secret in container.compose()["secrets"].values()}
    assert set(named) == set(defaults()) | from_secrets | {"COMPOSE_PROFILES"}
    for name, rule in defaults().items():
        assert rule.startswith((":-", ":?")), f"{name} can be left out without a word"
        assert named[name] == rule[2:] or rule.startswith(":?"), name
    asked = {name for name, rule in defaults().items() if rule.startswith(":?")}
    assert asked == set(re.findall(r"^(\w+)=$", example, re.MULTILINE))


def test_s13_variables_of_the_server_are_its_settings() -> None:
    in_compose = set(service("wa-manager")["environment"])
    in_image = {name for name in container.environment() if name.startswith("WA_")}
    assert in_image == SET_BY_THE_IMAGE
    assert in_compose | in_image <= SETTINGS
    assert not in_compose & in_image
    assert {"WA_DATABASE_URL", "WA_REDIS_URL"} <= in_compose


def test_s13_docker_waits_longer_than_the_server_needs_to_stop() -> None:
    grace = seconds(defaults()["STOP_GRACE_PERIOD"].removeprefix(":-"))
    shutdown = float(defaults()["WA_SHUTDOWN_SECONDS"].removeprefix(":-"))
    assert shutdown == Settings.model_fields["shutdown_seconds"].default
    # A second signal's time for browsers that do not end is the same again at most.
    assert grace > 2 * shutdown + LAST_WRITES_SECONDS + REQUEST_SECONDS


def test_s13_every_service_comes_back_is_confined_and_cannot_fill_the_disk_with_its_log() -> None:
    for name, found in services().items():
        assert found["restart"] == "unless-stopped", name
        assert found["init"] is True, name
        assert found["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in found["security_opt"], name
        assert found["pids_limit"], name
        assert {"max-size", "max-file"} <= set(found["logging"]["options"]), name
        assert found.get("privileged") is None, name


def test_s13_the_server_has_no_privileges_and_writes_only_where_it_should() -> None:
    found = service("wa-manager")
    assert found["read_only"] is True
    assert found["tmpfs"] == ["/tmp"]
    assert found["volumes"] == [f"data:{container.environment()['WA_DATA_DIR']}"]
    assert "cap_add" not in found
    assert "seccomp=seccomp.json" in found["security_opt"]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", container.last("USER"))
    assert container.last("VOLUME") == container.environment()["WA_DATA_DIR"]


def test_s13_the_server_waits_for_its_database_and_is_asked_how_it_is() -> None:
    assert service("wa-manager")["depends_on"]["postgres"] == {"condition": "service_healthy"}
    assert {"interval", "timeout", "retries"} <= set(service("wa-manager")["healthcheck"])
    assert container.health_check()[0] == "python"
    for name in ("postgres", "redis"):
        assert service(name)["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL"), name


def test_s13_what_is_kept_is_in_volumes_that_down_v_removes() -> None:
    volumes = container.compose()["volumes"]
    mounts = [mount for found in services().values() for mount in found.get("volumes", ())]
    named = {mount.split(":")[0] for mount in mounts if not mount.startswith(".")}
    assert named == set(volumes)
    assert set(volumes.values()) == {None}, "an external volume would stay"
    assert all(mount.endswith(":ro") for mount in mounts if mount.startswith("."))


def test_s13_a_line_of_env_says_which_services_there_are_so_that_down_v_removes_them() -> None:
    # What a flag has started, a `down` without that flag leaves behind, with its volumes.
    profiles = {profile for found in services().values() for profile in found.get("profiles", ())}
    line = f"#COMPOSE_PROFILES={','.join(sorted(profiles))}"
    assert line in (COMPOSE / ".env.example").read_text().splitlines()
    assert "--profile" not in (COMPOSE / "compose.yaml").read_text()


def test_s13_files_that_services_are_given_are_there() -> None:
    mounts = [mount for found in services().values() for mount in found.get("volumes", ())]
    sources = [COMPOSE / mount.split(":")[0] for mount in mounts if mount.startswith(".")]
    assert sources
    assert [source for source in sources if not source.exists()] == []


def test_s13_prometheus_finds_the_servers_key_where_its_configuration_says() -> None:
    configuration = (COMPOSE / "prometheus.yml").read_text()
    [key] = service("prometheus")["secrets"]
    assert f"credentials_file: /run/secrets/{key}\n" in configuration
    assert "./prometheus.yml:/etc/prometheus/prometheus.yml:ro" in service("prometheus")["volumes"]
    assert container.compose()["secrets"][key] == {"environment": "WA_API_KEY"}
    # A root that is read-only would keep the engine from putting the secret there.
    assert "read_only" not in service("prometheus")


def test_s13_databases_cannot_be_reached_from_outside() -> None:
    assert container.compose()["networks"]["inside"] == {"internal": True}
    for name in ("postgres", "redis", "prometheus"):
        assert service(name)["networks"] == ["inside"], name
        assert "ports" not in service(name), name


def test_s13_images_are_pinned_to_a_version() -> None:
    images = [found["image"] for found in services().values() if "build" not in found]
    stages = {rest.split()[-1] for name, rest in container.instructions() if name == "FROM"}
    bases = [rest.split()[0] for name, rest in container.instructions() if name == "FROM"]
    for image in (*images, *(base for base in bases if base not in stages)):
        assert re.search(r":v?\d+\.\d+", image), image


def redis_is_healthy(port: int, password: str) -> bool:
    """Ask as compose.yaml's health check does, at an address of our own."""
    [_, check] = service("redis")["healthcheck"]["test"]
    check = check.replace("redis-cli", f"redis-cli -p {port}")
    variables = {"PATH": os.environ["PATH"], "REDISCLI_AUTH": password}
    return subprocess.run(["sh", "-c", check], env=variables, check=False).returncode == 0


async def test_s13_redis_starts_by_the_compose_files_command_and_wants_the_password() -> None:
    port = free_port()
    # What compose makes of $$, and an address of our own.
    [*shell, script] = service("redis")["command"]
    script = script.replace("$$", "$").replace('save ""', f'save ""\nport {port}\nbind 127.0.0.1')
    variables = {"PATH": os.environ["PATH"], "REDIS_PASSWORD": "secret"}
    process = await asyncio.create_subprocess_exec(
        *shell, script, env=variables, stdout=subprocess.DEVNULL
    )
    try:
        await until(
            lambda: asyncio.to_thread(redis_is_healthy, port, "secret"), "Redis takes the password"
        )
        assert not await asyncio.to_thread(redis_is_healthy, port, "another")
        assert "secret" not in Path(f"/proc/{process.pid}/cmdline").read_text()
    finally:
        process.terminate()
        await process.wait()


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
    """A server that runs as the image has it: its command, environment, user and system calls."""

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
        return [*container.confined(self._place), *container.given(self.variables)]


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
