"""How much room the disk of the profiles has. What follows from too little is decided elsewhere."""

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

    @property
    def full(self) -> bool:
        """Whether no browser starts for want of room; those that run go on."""
        return self.free_mb < self.needed_mb

    @property
    def reason(self) -> str | None:
        """Why no browser starts, if so."""
        if not self.full:
            return None
        return f"{self.free_mb:.0f} MB are free, a browser starts from {self.needed_mb} MB"


def free_mb(folder: Path) -> float:
    """Tell how much can still be written, in MB, where a folder is or would be made.

    It is 0 when the disk does not answer: nothing could be written there either.
    """
    try:
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        return shutil.disk_usage(folder).free / MB
    except OSError:
        return 0.0
