"""How the process keeps its memory small over weeks: what the C library and Python are told."""

import ctypes
import gc

M_MMAP_THRESHOLD = -3
"""As <malloc.h> has it."""
LARGE_BYTES = 128 * 1024
"""glibc's own first value, which stays as it is once it was set."""


def return_large_blocks() -> None:
    """Have large blocks given back to the kernel when they are freed; once, at the start.

    glibc raises the bound for that to the size of what was freed last, see mallopt(3). Each start
    of a browser hands half a MB of script over, which then lies in the heap, and what is allocated
    meanwhile keeps its place from being used again: 7 kB more were held with each connect, and 2 kB
    with this. Does nothing where the C library is another one.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)


def keep_what_is_loaded() -> None:
    """Take what was loaded so far for permanent; to be called when the server is open.

    Python puts a full collection off until a quarter as much has come anew as there is. Of these
    hundred thousand objects that lets hundreds of ended browsers pile up, and each collection stops
    all threads for as long as it takes to look at everything.
    """
    gc.collect()
    gc.freeze()
