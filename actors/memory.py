"""How much memory the server process uses, in the words of the health check."""

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
