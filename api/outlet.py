"""Where log lines go: a descriptor, written to by a thread of its own. Not how they look."""

import logging
import os
import select
import threading
from queue import SimpleQueue

CAPACITY = 10_000
"""How many lines wait for a reader that is slow; what comes then is lost, and counted."""
CLOSE_SECONDS = 2.0
"""How long the end waits for the last lines to be taken."""


class Outlet(logging.Handler):
    """Writes lines in their order. A reader that is slow or gone costs lines, never the server.

    Logging never waits: a terminal that is paused, a pipe that nobody reads or a full disk would
    otherwise stop the loop, and with it the renewal of leases.
    """

    def __init__(self, descriptor: int) -> None:
        """Write to a descriptor, which stays open and is somebody else's."""
        super().__init__()
        self._descriptor = descriptor
        # The only queue that may be filled while it is being filled: a finalizer may log.
        self._lines: SimpleQueue[bytes | None] = SimpleQueue()
        # Each of these is counted by one side, and read by the other.
        self._dropped = 0
        self._unwritten = 0
        self._told = 0
        self._why = ""
        self._torn = False
        """Whether the last line was cut off in its midst."""
        self._writer = threading.Thread(target=self._write_all, name="log", daemon=True)
        self._writer.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Hand a line to the writer; runs in whichever thread logs, and returns at once."""
        try:
            self.say(self.format(record))
        except Exception:  # noqa: BLE001 - whoever logs must not fail of it
            self._drop("it could not be put into words")

    def say(self, text: str) -> None:
        """Write a line as it is, after all that was logged before."""
        if self._lines.qsize() >= CAPACITY:
            self._drop("nobody took them")
        else:
            self._lines.put(text.encode(errors="backslashreplace") + b"\n")

    def close(self) -> None:
        """Have the last lines written, as far as they are taken in time."""
        self._lines.put(None)
        self._writer.join(CLOSE_SECONDS)
        super().close()

    def _drop(self, why: str) -> None:
        self._dropped += 1
        self._why = why

    # In the writer's thread.

    def _write_all(self) -> None:
        while (line := self._lines.get()) is not None:
            try:
                self._tell_lost()
                self._write(line)
            except OSError as error:
                self._unwritten += 1
                self._why = error.strerror or str(error)

    def _tell_lost(self) -> None:
        lost = self._dropped + self._unwritten
        if lost == self._told:
            return
        message, args = "%d log line(s) were lost: %s", (lost - self._told, self._why)
        record = logging.LogRecord(__name__, logging.WARNING, __file__, 0, message, args, None)
        self._write(self.format(record).encode(errors="backslashreplace") + b"\n")
        self._told = lost

    def _write(self, line: bytes) -> None:
        rest = b"\n" + line if self._torn else line
        while rest:
            try:
                rest = rest[os.write(self._descriptor, rest) :]
                self._torn = bool(rest)
            except BlockingIOError:
                # Who shares a terminal with us may have set it so.
                waiting = select.poll()
                waiting.register(self._descriptor, select.POLLOUT)
                waiting.poll()
