"""What memory is left, as the kernel says it in its several ways."""

from pathlib import Path

import pytest

from actors.memory import available_mb, server_memory

MB = 1 << 20
MEMINFO = "MemTotal:       8388608 kB\nMemAvailable:   4194304 kB\n"


@pytest.fixture
def meminfo(tmp_path: Path) -> Path:
    path = tmp_path / "meminfo"
    path.write_text(MEMINFO)
    return path


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_without_a_limit_it_is_what_the_machine_has(tmp_path: Path, meminfo: Path) -> None:
    groups = write(
        tmp_path, {"memory.max": "max\n", "memory.current": "1\n", "memory.stat": "anon 1\n"}
    )
    assert available_mb(groups, meminfo) == 4096
    assert available_mb(tmp_path / "none", meminfo) == 4096


def test_a_containers_limit_counts_and_its_page_cache_is_free(
    tmp_path: Path, meminfo: Path
) -> None:
    files = {
        "memory.max": f"{2048 * MB}\n",
        "memory.current": f"{1500 * MB}\n",
        "memory.stat": f"anon 1\ninactive_file {100 * MB}\n",
    }
    assert available_mb(write(tmp_path, files), meminfo) == 648


def test_the_first_version_of_control_groups_is_understood(tmp_path: Path, meminfo: Path) -> None:
    files = {
        "memory/memory.limit_in_bytes": f"{1024 * MB}\n",
        "memory/memory.usage_in_bytes": f"{1000 * MB}\n",
        "memory/memory.stat": f"total_inactive_file {0}\n",
    }
    assert available_mb(write(tmp_path, files), meminfo) == 24


def test_the_servers_figures_are_those_of_this_process() -> None:
    memory = server_memory()
    assert 0 < memory.heap_used <= memory.rss <= memory.heap_total
