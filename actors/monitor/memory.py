"""How much memory there is: what the server process uses, and what is left for browsers."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
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
OWN_CGROUPS = Path("/proc/self/cgroup")
NO_LIMIT = 1 << 60
"""What the first version of control groups says where nothing is limited, and more."""


@dataclass(frozen=True)
class _Version:
    """Where a version of control groups keeps its figures of memory."""

    folder: str
    """Of its groups, in that of all."""
    limit: str
    used: str
    cache: str
    """The line of memory.stat that tells what the kernel gives up."""


VERSIONS = {
    "": _Version(".", "memory.max", "memory.current", "inactive_file"),
    "memory": _Version(
        "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
    ),
}
"""By the word for it in /proc/self/cgroup."""


def available_mb(
    cgroups: Path = CGROUPS, meminfo: Path = Path("/proc/meminfo"), own: Path = OWN_CGROUPS
) -> float:
    """Tell how much memory can still be taken, in MB: of the machine, or of the nearest limit.

    A limit may be on this process's control group, as a container or a systemd unit has one, or
    on any above it. What files occupy in the page cache counts as free, since the kernel gives
    it up.
    """
    fields = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
    of_machine = int(fields["MemAvailable"].split()[0]) / 1024
    return min(of_machine, *_left_in_groups(cgroups, own))


def _left_in_groups(cgroups: Path, own: Path) -> Iterator[float]:
    paths = _own_paths(own)
    for word, version in VERSIONS.items():
        root = cgroups / version.folder
        # A container that sees the host's paths but only its own groups has its own at the root.
        group = root / paths.get(word, "")
        yield _left_in(root, version)
        while group != root:
            yield _left_in(group, version)
            group = group.parent


def _own_paths(own: Path) -> dict[str, str]:
    """Tell which groups this process is in, by the words for what they control."""
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return {}
    paths: dict[str, str] = {}
    for line in lines:
        _, words, path = line.split(":", 2)
        paths |= dict.fromkeys(words.split(","), path.lstrip("/"))
    return paths


def _left_in(group: Path, version: _Version) -> float:
    try:
        limit = (group / version.limit).read_text().strip()
        used = int((group / version.used).read_text())
        stat = (group / "memory.stat").read_text()
    except (OSError, ValueError):
        return inf
    if limit == "max" or int(limit) >= NO_LIMIT:
        return inf
    caches = dict(line.split() for line in stat.splitlines())
    return (int(limit) - used + int(caches.get(version.cache, 0))) / (1 << 20)
