"""Whether a server goes on answering while it is attacked, asked by a process of its own."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator

SECONDS = 0.5
"""How long nine of ten answers of `/health/live` may take, whatever strangers do."""
FEW = 10
"""So few answers say nothing but that it did not stall."""
STALLED_SECONDS = 3.0
"""How long none may take, also on a machine that has much else to do."""

# A process of its own: what attacks takes time from whoever is in the same one.
SCRIPT = """
import http.client, sys, threading, time
port = int(sys.argv[1])
over = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
answers = []
while not over.is_set() or not answers:
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/health/live")
    assert connection.getresponse().status == 200
    connection.close()
    answers.append(time.monotonic() - began)
    if len(answers) == 1:
        print("first", flush=True)
    time.sleep(0.01)
print(*answers)
"""


@contextlib.contextmanager
def stays_alive(port: int) -> Iterator[None]:
    """Ask a server on a port again and again during the block whether it lives.

    Each time is a new connection. Fails if an answer is missing, or is slow.
    """
    probe = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert probe.stdout is not None
        probe.stdout.readline()
        yield
        output, errors = probe.communicate(timeout=60)
    finally:
        if probe.poll() is None:
            probe.kill()
            probe.communicate()
    assert probe.returncode == 0, errors
    seconds = sorted(map(float, output.split()))
    assert seconds[-1] < STALLED_SECONDS, f"the slowest of {len(seconds)} answers"
    assert seconds[len(seconds) * 9 // 10] < SECONDS or len(seconds) < FEW, seconds
