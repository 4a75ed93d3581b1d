"""How much memory there is: what the server process uses, and what is left for browsers."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ServerMemory:
    """Figures of this process alone, without its browsers, in MB (1024 * 1024 bytes)."""

    heap_used: int
    """What is the process's own, not mapped from files: the kernel's RssAnon. Python keeps no
    figure of its heap that would be truer."""
    heap_total: int
    """The most the process ever held at once: the kernel's VmHWM."""
    rss: int
    """What it holds now: the kernel's VmRSS."""


def server_memory() -> ServerMemory:
    """Read the figures; costs well under a millisecond and blocks on nothing."""
    fields = {}
    for line in Path("/proc/self/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name in ("RssAnon", "VmHWM", "VmRSS"):
            fields[name] = int(value.split()[0]) // 1024
    return ServerMemory(fields["RssAnon"], fields["VmHWM"], fields["VmRSS"])


CGROUPS = Path("/sys/fs/cgroup")
NO_LIMIT = 1 << 60
"""What the first version of control groups says where nothing is limited, and more."""


def available_mb(cgroups: Path = CGROUPS, meminfo: Path = Path("/proc/meminfo")) -> float:
    """Tell how much memory can still be taken, in MB: of the container's limit, or the machine's.

    What files occupy in the page cache counts as free, since the kernel gives it up.
    """
    fields = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
    of_machine = int(fields["MemAvailable"].split()[0]) / 1024
    return min(of_machine, _left_in_container(cgroups))


def _left_in_container(cgroups: Path) -> float:
    for limit_file, used_file, stat_file, cache in (
        ("memory.max", "memory.current", "memory.stat", "inactive_file"),
        (
            "memory/memory.limit_in_bytes",
            "memory/memory.usage_in_bytes",
            "memory/memory.stat",
            "total_inactive_file",
        ),
    ):
        try:
            limit = (cgroups / limit_file).read_text().strip()
            used = int((cgroups / used_file).read_text())
            stat = (cgroups / stat_file).read_text()
        except (OSError, ValueError):
            continue
        if limit == "max" or int(limit) >= NO_LIMIT:
            break
        caches = dict(line.split() for line in stat.splitlines())
        return (int(limit) - used + int(caches.get(cache, 0))) / (1 << 20)
    return float("inf")
