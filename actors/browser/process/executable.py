"""The Chromium that is installed: where it is, which build and version, and its sandbox."""

import os
import re
import shutil
import stat
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from actors.browser.errors import ChromiumNotFound

NAMES = (
    "chromium-headless-shell",
    "chrome-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "chrome",
)
"""In the order of preference: the shell needs half the memory and a third of the CPU."""

PLACES = (
    "/usr/lib/{name}/{name}",
    "/usr/lib/chromium/{name}",
    "/usr/lib64/{name}/{name}",
    "/usr/lib64/chromium/{name}",
    "/opt/google/chrome/{name}",
)
"""Where distributions keep the binary whose name in PATH is a shell script."""


@dataclass(frozen=True)
class Executable:
    """A Chromium that can be started."""

    path: Path
    version: str
    """Such as 156.0.8078.79."""

    @property
    def headless_shell(self) -> bool:
        """Whether it is the small build, which has no window system at all."""
        return "headless-shell" in self.path.name or "headless_shell" in self.path.name


def user_agent(version: str) -> str:
    """Return the user agent of a desktop Chrome; by itself Chromium would say HeadlessChrome."""
    major = version.partition(".")[0]
    return (
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
        f"Chrome/{major}.0.0.0 Safari/537.36"
    )


@lru_cache(maxsize=4)
def find_chromium(explicit: Path | None = None) -> Executable:
    """Find Chromium and ask it for its version, once. Blocks for some tenths of a second.

    Args:
        explicit: The path to use, when a setting names one.

    Raises:
        ChromiumNotFound: There is none, or it does not run.
    """
    if explicit is not None:
        return Executable(explicit, _version(explicit))
    for name in NAMES:
        if (path := _binary(name)) is not None:
            return Executable(path, _version(path))
    raise ChromiumNotFound


def _binary(name: str) -> Path | None:
    """Find the program itself: a wrapper script between us and it would hide its end."""
    on_path = shutil.which(name)
    places = [Path(place.format(name=name)) for place in PLACES]
    if on_path is not None:
        places.insert(0, Path(on_path).resolve())
    return next((place for place in places if _is_binary(place)), None)


def _is_binary(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(4) == b"\x7fELF" and os.access(path, os.X_OK)
    except OSError:
        return False


def _version(path: Path) -> str:
    try:
        told = subprocess.run(  # noqa: S603
            [path, "--version"], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        why = getattr(error, "strerror", None) or "it does not answer"
        raise ChromiumNotFound(f"{path} cannot be run as Chromium: {why}") from error
    if (found := re.search(r"\d+(\.\d+){3}", told.stdout)) is None:
        raise ChromiumNotFound(f"{path} does not tell Chromium's version: {told.stderr[-200:]!r}")
    return found.group()


@lru_cache(maxsize=4)
def sandbox_refusal(executable: Path) -> str | None:
    """Say why Chromium's sandbox cannot be used here; None when it can. Blocks briefly."""
    if os.geteuid() == 0:
        return "Chromium refuses it to root"
    helper = executable.with_name("chrome-sandbox")
    if _is_setuid_root(helper) and not _no_new_privileges():
        return None
    trial = ["unshare", "--user", "--map-root-user", "--net", "true"]
    try:
        done = subprocess.run(  # noqa: S603
            trial, capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        # Nothing is known against it, and Chromium says so itself if it fails.
        return None
    if done.returncode != 0:
        return f"the kernel refuses user namespaces ({done.stderr.strip()[-200:]})"
    return None


def _is_setuid_root(path: Path) -> bool:
    try:
        status = path.stat()
    except OSError:
        return False
    return status.st_uid == 0 and bool(status.st_mode & stat.S_ISUID)


def _no_new_privileges() -> bool:
    """Return whether setuid programs are disarmed, as containers often have it."""
    status = Path("/proc/self/status").read_text()
    return bool(re.search(r"^NoNewPrivs:\s*1", status, re.MULTILINE))
