"""Folders that became read-only: by a mount where we may make one, else by their mode."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Let nobody write in a folder for as long as the block lasts; what is open stays so."""
    if os.geteuid() != 0:
        # Root may write whatever the mode says.
        mode = folder.stat().st_mode
        folder.chmod(0o500)
        yield
        folder.chmod(mode)
        return
    _mount("--bind", str(folder), str(folder))
    try:
        _mount("-o", "remount,bind,ro", str(folder))
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)
