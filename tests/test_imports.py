"""The layers: which package may import which, and who alone knows a library."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("actors", "api", "common", "examples", "simulator", "store")
FORBIDDEN = {
    "common": {"actors", "api", "examples", "simulator", "store"},
    "store": {"actors", "api", "examples", "simulator"},
    "actors": {"api", "examples", "simulator"},
    "simulator": {"actors", "api", "common", "examples", "store"},
    "api": {"examples"},
    "examples": {"actors", "api", "common", "simulator", "store"},
}
ONLY_IN: dict[str, str | tuple[str, ...]] = {
    "pyppeteer": "actors/browser/",
    "pyee": "actors/browser/",
    "redis": ("store/events/bus", "examples/redis_consumer.py"),
    "tortoise": "store/",
    "pykka": "actors/",
    "segno": ("api/", "simulator/"),
    "prometheus_client": "api/metrics/",
    "pydantic_settings": "api/settings.py",
}
SIMULATOR_STARTERS = ("api/__main__.py", "api/demo.py")


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            yield (node.module or "").partition(".")[0]


FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    name = str(path.relative_to(ROOT))
    for module in imports(path):
        assert module not in FORBIDDEN[name.partition("/")[0]]
        assert name.startswith(ONLY_IN.get(module, ""))
        assert module != "simulator" or name.startswith(("simulator/", *SIMULATOR_STARTERS))


OPEN_TO_API = {
    "actors.account.context",
    "actors.account.lifecycle",
    "actors.account.restarts",
    "actors.account.view",
    "actors.browser.config",
    "actors.browser.errors",
    "actors.browser.page.bundle",
    "actors.browser.process.executable",
    "actors.browser.reports",
    "actors.config",
    "actors.deletion",
    "actors.errors",
    "actors.evidence",
    "actors.leases.policy",
    "actors.manager",
    "actors.monitor.actor",
    "actors.monitor.limits",
    "actors.monitor.memory",
    "actors.monitor.sampler",
    "actors.startqueue",
    "actors.telemetry.observer",
}
"""What the front uses of the actors: the manager, and values. A longer list needs a reason."""


def test_the_front_uses_of_the_actors_what_is_listed_and_no_more() -> None:
    used = {
        node.module
        for path in FILES
        if path.is_relative_to(ROOT / "api")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("actors")
    }
    assert used == OPEN_TO_API


def test_the_client_of_the_stream_needs_nothing_but_aiohttp() -> None:
    needed = set(imports(ROOT / "examples" / "wa_stream.py")) - sys.stdlib_module_names
    assert needed == {"aiohttp"}


def test_only_the_settings_read_the_environment() -> None:
    readers = {
        str(path.relative_to(ROOT))
        for path in FILES
        if "os.environ" in (text := path.read_text()) or "getenv" in text
    }
    # A browser is given the environment whole; nothing is read from it.
    givers = {"actors/browser/process/chromium.py"}
    assert readers - givers <= {"api/settings.py", "examples/command_line.py"}
