"""The promises of a deployment by docker compose: its files are read as an engine reads them."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from api.app import LAST_WRITES_SECONDS
from api.server.connections import REQUEST_SECONDS
from api.settings import Settings, variable
from tests import container
from tests.container import COMPOSE
from tests.harness import until
from tests.ports import free_port

SETTINGS = {variable(field) for field in Settings.model_fields}
SET_BY_THE_IMAGE = {"WA_HOST", "WA_PORT", "WA_DATA_DIR"}
PROGRAMS = str(Path(sys.executable).parent)
VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)([^}]*)\}")


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
    for name in ("postgres", "redis"):
        assert service(name)["networks"] == ["inside"], name
        assert "ports" not in service(name), name


def test_s13_what_has_a_port_can_be_reached_there_and_by_default_from_this_machine_alone() -> None:
    networks = container.compose()["networks"]
    reached = {name: found for name, found in services().items() if "ports" in found}
    assert set(reached) == {"wa-manager", "prometheus", "grafana"}
    for name, found in reached.items():
        # From an internal network an engine publishes nothing, nor can an Alertmanager be told.
        assert any(networks[network] is None for network in found["networks"]), name
        [port] = found["ports"]
        assert port.startswith(("127.0.0.1:", "${BIND_ADDRESS:-127.0.0.1}:")), name


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
