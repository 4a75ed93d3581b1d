"""Where log lines go: a descriptor, written to by a thread of its own. Not how they look.

That thread also puts them into words, which takes longer than all else: whoever logs, most of all
the loop, only hands over what is to be said.
"""

import logging
import os
import select
import threading
import time
from queue import Empty, SimpleQueue

from api.logs.records import at_rest, size_of
from api.logs.repetitions import Repetitions
from common.threads import name_thread

CAPACITY = 10_000
"""How many lines wait for a reader that is slow; what comes then is lost, and counted."""
ROOM = 20_000_000
"""How many characters they may have together."""
LOOK_SECONDS = 1.0
"""How often it is looked whether there is a number to tell."""
WORDLESS = "they could not be put into words"
CLOSE_SECONDS = 2.0
"""How long the end waits for the last lines to be taken."""


class LogHandler(logging.Handler):
    """Writes lines in their order. A reader that is slow or gone costs lines, never the server.

    Logging never waits: a terminal that is paused, a pipe that nobody reads or a full disk would
    otherwise stop the loop, and with it the renewal of leases.
    """

    def __init__(self, descriptor: int) -> None:
        """Write to a descriptor, which stays open and is somebody else's."""
        super().__init__()
        self._descriptor = descriptor
        # The only queue that may be filled while it is being filled: a finalizer may log.
        self._lines: SimpleQueue[logging.LogRecord | str | None] = SimpleQueue()
        self._repetitions = Repetitions(time.monotonic)
        # Each of these is counted by one side, and read by the other.
        self._dropped = 0
        self._unwritten = 0
        self._put = 0
        self._taken = 0
        """Of how many characters."""
        self._told = 0
        self._why = ""
        self._torn = False
        """Whether the last line was cut off in its midst."""
        self._writer = self._new_writer()

    @property
    def writes(self) -> bool:
        """Whether the writer is alive."""
        return self._writer.is_alive()

    def emit(self, record: logging.LogRecord) -> None:
        """Hand a record to the writer; runs in whichever thread logs, and returns at once."""
        try:
            if self._repetitions.admit(record):
                kept = at_rest(record)
                self._hand_over(kept, size_of(kept))
        except Exception:  # noqa: BLE001 - whoever logs must not fail of it
            self._drop(WORDLESS)

    def say(self, text: str) -> None:
        """Write a line as it is, after all that was logged before."""
        self.acquire()
        try:
            self._hand_over(text, len(text))
        finally:
            self.release()

    def _hand_over(self, line: logging.LogRecord | str, size: int) -> None:
        if self._lines.qsize() >= CAPACITY or self._put - self._taken > ROOM:
            self._drop("nobody took them")
        else:
            self._put += size
            self._lines.put(line)

    def close(self) -> None:
        """Have the last lines written, as far as they are taken in time."""
        if not self.writes:
            # It died; why is among the lines that wait.
            self._writer = self._new_writer()
        self._lines.put(None)
        self._writer.join(CLOSE_SECONDS)
        super().close()

    def _new_writer(self) -> threading.Thread:
        writer = threading.Thread(target=self._write_all, name="log", daemon=True)
        writer.start()
        return writer

    def _drop(self, why: str) -> None:
        self._dropped += 1
        self._why = why

    # In the writer's thread.

    def _write_all(self) -> None:
        name_thread("log")
        looked = time.monotonic()
        ended = False
        while not ended:
            try:
                line = self._lines.get(timeout=LOOK_SECONDS)
            except Empty:
                line = ""
            ended = line is None
            if line:
                self._taken += size_of(line) if isinstance(line, logging.LogRecord) else len(line)
                self._write_line(line)
            if ended or time.monotonic() - looked >= LOOK_SECONDS:
                looked = time.monotonic()
                for record in self._repetitions.due(all_of_them=ended):
                    self._write_line(record)

    def _write_line(self, line: logging.LogRecord | str) -> None:
        try:
            text = line if isinstance(line, str) else self.format(line)
        except Exception:  # noqa: BLE001 - it is counted, and the next one may have words
            self._unwritten += 1
            self._why = WORDLESS
            return
        try:
            self._tell_lost()
            self._write(_as_bytes(text))
        except OSError as error:
            self._unwritten += 1
            self._why = error.strerror or str(error)

    def _tell_lost(self) -> None:
        lost = self._dropped + self._unwritten
        if lost == self._told:
            return
        message, args = "%d log line(s) were lost: %s", (lost - self._told, self._why)
        record = logging.LogRecord(__name__, logging.WARNING, __file__, 0, message, args, None)
        self._write(_as_bytes(self.format(record)))
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


def _as_bytes(text: str) -> bytes:
    return text.encode(errors="backslashreplace") + b"\n"
