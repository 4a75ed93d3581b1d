"""The processes of the browsers, as the kernel shows them. Zombies count.

Each browser leads a session of its own, so its helpers are known even when it is gone.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """A process at one moment."""

    pid: int
    parent: int
    session: int
    state: str
    """One letter, as proc(5) has it."""
    arguments: tuple[str, ...]

    @property
    def zombie(self) -> bool:
        return self.state == "Z"

    @property
    def helper(self) -> bool:
        """Whether it is a zygote, a renderer or the like."""
        return any(argument.startswith("--type=") for argument in self.arguments)


def all_processes() -> Iterator[Process]:
    """Give the processes there are."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with suppress(OSError):
                yield _read(folder)


def browsers(processes: list[Process], profiles: Path) -> dict[str, list[Process]]:
    """Give the main processes of the browsers on these profiles, by account."""
    found: dict[str, list[Process]] = {}
    beginning = f"--user-data-dir={profiles}/"
    for process in processes:
        if process.pid != process.session or process.helper:
            continue
        for argument in process.arguments:
            if argument.startswith(beginning):
                found.setdefault(argument.removeprefix(beginning), []).append(process)
    return found


def _read(folder: Path) -> Process:
    state, parent, _, session = (folder / "stat").read_text().rpartition(") ")[2].split()[:4]
    # Chromium writes the arguments of its helpers as one text.
    arguments = (folder / "cmdline").read_bytes().replace(b" --", b"\0--").split(b"\0")
    texts = tuple(argument.decode(errors="replace") for argument in arguments if argument)
    return Process(int(folder.name), int(parent), int(session), state, texts)
