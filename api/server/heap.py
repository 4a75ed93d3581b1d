"""How the process keeps its memory small over weeks: what the C library and Python are told."""

import ctypes
import gc

M_MMAP_THRESHOLD = -3
"""As <malloc.h> has it."""
LARGE_BYTES = 128 * 1024
"""glibc's own first value, which stays as it is once it was set."""

THRESHOLDS = (gc.get_threshold()[0], 2, 2)
"""How many collections of younger objects go before one of older ones; Python's own say ten."""


def return_large_blocks() -> None:
    """Have large blocks given back to the kernel when they are freed; once, at the start.

    glibc raises the bound for that to the size of what was freed last, see mallopt(3). Each start
    of a browser hands half a MB of script over, which would then lie in the heap, and what is
    allocated meanwhile would keep its place from being used again: several kB with each connect.
    Does nothing where the C library is another one.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)


def collect_often() -> None:
    """Have Python look for garbage often; to be called when what lasts is loaded.

    A browser that has ended leaves a hundred objects behind that refer to each other. Python would
    put their collection off until there are a quarter as many of them as of all others, and they
    would lie scattered meanwhile, so that memory grew by 5 kB with each connect. What is loaded by
    now, a hundred thousand objects, is kept out of its sight, which makes a collection short.
    """
    gc.collect()
    gc.freeze()
    # Python reckons with what the last collection found.
    gc.collect()
    gc.set_threshold(*THRESHOLDS)
