"""The server's memory: asked for in a process of its own, since it concerns all of it."""

import subprocess
import sys

import pytest

LARGE_BLOCKS_IN_THE_HEAP = """
import ctypes
from api.heap import return_large_blocks

class Figures(ctypes.Structure):
    names = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()
    _fields_ = [(name, ctypes.c_size_t) for name in names]

def mapped():
    mallinfo2 = ctypes.CDLL(None).mallinfo2
    mallinfo2.restype = Figures
    return mallinfo2().hblkhd

{before}
bytes(8_000_000)
without = mapped()
block = bytes(2_000_000)
print(mapped() - without < len(block))
"""


@pytest.mark.parametrize(
    ("before", "in_the_heap"), [("", "True"), ("return_large_blocks()", "False")]
)
def test_large_blocks_are_kept_out_of_the_heap(before: str, in_the_heap: str) -> None:
    code = LARGE_BLOCKS_IN_THE_HEAP.format(before=before)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == in_the_heap


def test_full_collections_leave_alone_what_was_loaded() -> None:
    code = (
        "import gc, api.serve, api.heap; loaded = len(gc.get_objects());"
        "api.heap.keep_what_is_loaded(); print(len(gc.get_objects()) < loaded / 10)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"
