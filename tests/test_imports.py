"""The layers: which package may import which, and who alone knows a library."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("actors", "api", "simulator", "store")
FORBIDDEN = {
    "store": {"actors", "api", "simulator"},
    "actors": {"api", "simulator"},
    "simulator": {"actors", "api", "store"},
    "api": set[str](),
}
ONLY_IN: dict[str, str | tuple[str, ...]] = {
    "pyppeteer": "actors/browser/",
    "pyee": "actors/browser/",
    "redis": "store/bus",
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


def test_only_the_settings_read_the_environment() -> None:
    readers = {
        str(path.relative_to(ROOT))
        for path in FILES
        if "os.environ" in (text := path.read_text()) or "getenv" in text
    }
    # A browser is given the environment whole; nothing is read from it.
    assert readers - {"actors/browser/chromium.py"} <= {"api/settings.py"}
