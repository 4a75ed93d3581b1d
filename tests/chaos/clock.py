"""The wall clock of a run's servers, which a fault can set. Browsers and phones keep the right one.

It is told by Debian's libfaketime, which answers a process that asks the system for the time. The
monotonic clock, by which the server waits, goes on as always, as it does where a clock is set.
"""

import shlex
from pathlib import Path

from actors.browser.process.executable import find_chromium

PLACES = ("/usr/lib", "/usr/lib64", "/usr/local/lib")
NAME = "libfaketimeMT.so.1"
SLEEP = """
import select
import time


def sleep(seconds):
    select.select([], [], [], seconds)


time.sleep = sleep
"""
"""What a server's Python reads first. With the library, that leaves the monotonic clock alone, its
own `time.sleep` is refused as an invalid argument."""


class Clock:
    """A clock that is right until it is set.

    Attributes:
        environment: What a server needs in its environment to have this clock.
    """

    def __init__(self, folder: Path) -> None:
        """Make one.

        Args:
            folder: Where its files are; it exists.

        Raises:
            FileNotFoundError: libfaketime is not installed.
        """
        self._file = folder / "clock"
        self.environment = {
            "LD_PRELOAD": str(_library()),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            # To read the file for each look at the clock slows a server down by far.
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "PYTHONPATH": str(_python_that_sleeps(folder)),
            "WA_CHROMIUM": str(_chromium_without_it(folder)),
        }
        self.set(0)

    def set(self, seconds: float) -> None:
        """Have the clock be so many seconds ahead, or behind, within a second or two."""
        # Whoever reads it must not find half of it.
        aside = self._file.with_suffix(".new")
        aside.write_text(f"{seconds:+}\n")
        aside.rename(self._file)


def _library() -> Path:
    for place in map(Path, PLACES):
        for found in (*place.glob(f"faketime/{NAME}"), *place.glob(f"*/faketime/{NAME}")):
            return found
    raise FileNotFoundError("libfaketime is not installed: Debian has it under this name")


def _python_that_sleeps(folder: Path) -> Path:
    path = folder / "python"
    path.mkdir()
    (path / "sitecustomize.py").write_text(SLEEP)
    return path


def _chromium_without_it(folder: Path) -> Path:
    """Make a Chromium that does without the library: with it each start takes half a minute."""
    chromium = find_chromium().path
    script = folder / chromium.name
    script.write_text(f'#!/bin/sh\nunset LD_PRELOAD\nexec {shlex.quote(str(chromium))} "$@"\n')
    script.chmod(0o755)
    return script
