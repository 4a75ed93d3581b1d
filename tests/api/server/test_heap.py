"""The server's memory: asked for in a process of its own, since it concerns all of it."""

import subprocess
import sys

import pytest

LARGE_BLOCKS_IN_THE_HEAP = """
import ctypes
from api.server.heap import return_large_blocks

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


def output_of(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("before", "in_the_heap"), [("", "True"), ("return_large_blocks()", "False")]
)
def test_large_blocks_are_kept_out_of_the_heap(before: str, in_the_heap: str) -> None:
    assert output_of(LARGE_BLOCKS_IN_THE_HEAP.format(before=before)) == in_the_heap


GARBAGE = """
import gc, weakref
import api.server.serve
from api.server.heap import collect_often

class Node:
    pass

gc.collect()
{before}
node = Node()
node.itself = node
left = weakref.ref(node)
gc.collect(1)
del node
lasting = [[] for _ in range(20_000)]
print(left() is None)
"""


@pytest.mark.parametrize(("before", "gone"), [("", "False"), ("collect_often()", "True")])
def test_garbage_does_not_wait_for_as_much_again_as_was_loaded(before: str, gone: str) -> None:
    assert output_of(GARBAGE.format(before=before)) == gone
