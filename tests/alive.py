"""Whether a server goes on answering while it is attacked, asked by a process of its own."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator

SECONDS = 0.5
"""How long an answer of `/health/live` may take, whatever strangers do."""

# A process of its own: what attacks takes time from whoever is in the same one.
SCRIPT = """
import http.client, sys, threading, time
port = int(sys.argv[1])
over = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
worst, answers = 0.0, 0
while not over.is_set() or not answers:
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/health/live")
    assert connection.getresponse().status == 200
    connection.close()
    answers += 1
    if answers == 1:
        print("first", flush=True)
    worst = max(worst, time.monotonic() - began)
    time.sleep(0.01)
print(worst, answers)
"""


@contextlib.contextmanager
def stays_alive(port: int) -> Iterator[None]:
    """Ask a server on a port again and again during the block whether it lives.

    Each time is a new connection. Fails if an answer is missing, or takes over half a second.
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
    worst, answers = output.split()
    assert float(worst) < SECONDS, f"the slowest of {answers} answers took {worst} s"
