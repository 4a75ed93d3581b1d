"""The clock that nobody sets."""

import time


def boot_clock() -> float:
    """Read the clock that counts on while the machine sleeps, in seconds."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
