"""How much room the disk of the profiles has. What follows from too little is decided elsewhere."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

MB = 1 << 20


@dataclass(frozen=True)
class Disk:
    """The disk as it was last looked at, in MB (1024 * 1024 bytes)."""

    free_mb: float
    needed_mb: int
    """What must be free for a browser to start."""
    read_only: bool = False
    """Whether nothing can be written, however much is free."""

    @property
    def full(self) -> bool:
        """Whether no browser starts for want of room; those that run go on."""
        return self.read_only or self.free_mb < self.needed_mb

    @property
    def reason(self) -> str | None:
        """Why no browser starts, if so."""
        if self.read_only:
            return "the folder of the profiles, or its disk, is read-only"
        if not self.full:
            return None
        return f"{self.free_mb:.0f} MB are free, a browser starts from {self.needed_mb} MB"


def free_mb(folder: Path) -> float:
    """Return how much can still be written, in MB, where a folder is or would be made.

    It is 0 where nothing can be written, and when the disk does not answer.
    """
    try:
        return 0.0 if is_read_only(folder) else shutil.disk_usage(_there(folder)).free / MB
    except OSError:
        return 0.0


def is_read_only(folder: Path) -> bool:
    """Return whether nothing can be written where a folder is or would be made."""
    return not os.access(_there(folder), os.W_OK)


def _there(folder: Path) -> Path:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder
