"""What memory is left, as the kernel says it in its several ways."""

from pathlib import Path

import pytest

from actors.monitor.memory import available_mb, server_memory

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


def limited(limit_mb: int, used_mb: int, cache_mb: int = 0) -> dict[str, str]:
    """Return the files of a group in the second version of control groups."""
    return {
        "memory.max": f"{limit_mb * MB}\n",
        "memory.current": f"{used_mb * MB}\n",
        "memory.stat": f"anon 1\ninactive_file {cache_mb * MB}\n",
    }


def of_first_version(limit: int, used_mb: int) -> dict[str, str]:
    return {
        "memory.limit_in_bytes": f"{limit}\n",
        "memory.usage_in_bytes": f"{used_mb * MB}\n",
        "memory.stat": "total_inactive_file 0\n",
    }


def test_without_a_limit_it_is_what_the_machine_has(tmp_path: Path, meminfo: Path) -> None:
    own = write(tmp_path, {"own": "0::/\n"}) / "own"
    groups = write(
        tmp_path, {"memory.max": "max\n", "memory.current": "1\n", "memory.stat": "anon 1\n"}
    )
    write(tmp_path / "memory", of_first_version((1 << 63) - 4096, used_mb=1))
    assert available_mb(groups, meminfo, own) == 4096
    assert available_mb(tmp_path / "none", meminfo, tmp_path / "none") == 4096


def test_a_containers_limit_counts_and_its_page_cache_is_free(
    tmp_path: Path, meminfo: Path
) -> None:
    own = write(tmp_path, {"own": "0::/\n"}) / "own"
    write(tmp_path, limited(2048, used_mb=1500, cache_mb=100))
    assert available_mb(tmp_path, meminfo, own) == 648


@pytest.mark.parametrize(("of_unit", "of_slice", "left"), [(900, 2000, 400), (3000, 1600, 600)])
def test_the_nearest_limit_counts_of_a_systemd_unit_and_of_what_it_is_in(
    tmp_path: Path, meminfo: Path, of_unit: int, of_slice: int, left: int
) -> None:
    own = write(tmp_path, {"own": "0::/system.slice/wa-manager.service\n"}) / "own"
    write(tmp_path, {"cgroup.controllers": "memory\n"})
    write(tmp_path / "system.slice", limited(of_slice, used_mb=1000))
    write(tmp_path / "system.slice/wa-manager.service", limited(of_unit, used_mb=500))
    write(tmp_path / "system.slice/another.service", limited(1, used_mb=1))
    assert available_mb(tmp_path, meminfo, own) == left


def test_the_first_version_of_control_groups_is_understood(tmp_path: Path, meminfo: Path) -> None:
    own = write(tmp_path, {"own": "3:cpu,memory:/units/ours\n2:pids:/\n0::/\n"}) / "own"
    write(tmp_path / "memory", of_first_version(1024 * MB, used_mb=1000))
    assert available_mb(tmp_path, meminfo, own) == 24
    write(tmp_path / "memory/units/ours", of_first_version(500 * MB, used_mb=488))
    assert available_mb(tmp_path, meminfo, own) == 12


def test_a_container_that_is_told_the_hosts_path_finds_its_limit(
    tmp_path: Path, meminfo: Path
) -> None:
    own = write(tmp_path, {"own": "0::/docker/0123456789ab\n"}) / "own"
    write(tmp_path, limited(2048, used_mb=1500))
    assert available_mb(tmp_path, meminfo, own) == 548


def test_the_servers_figures_are_those_of_this_process() -> None:
    memory = server_memory()
    assert 0 < memory.heap_used <= memory.rss <= memory.heap_total
