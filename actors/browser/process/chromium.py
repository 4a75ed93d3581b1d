"""One Chromium process group: spawned, watched, ended, proven gone. Knows nothing of pages."""

import asyncio
import fcntl
import os
import resource
import signal
from contextlib import ExitStack, suppress
from pathlib import Path

from actors.browser.process.connection import PipeConnection
from actors.browser.process.group import ProcessGroup
from actors.browser.process.stderr import StderrTail

READ_BYTES = 4096
EXIT_SECONDS = 2.0
"""How long a browser whose pipe has closed may take to be gone, to be called exited."""
FILES = 8192
"""How many files a Chromium may have open: what it raises its own limit to, if that is lower."""
NICENESS = 5
"""Enough for answers to stay quick while many start; bench/RESULTS.md has the figures."""
NICE_AGAIN_SECONDS = 0.1
"""How often the kernel takes a group's niceness from those without privileges, all together."""
NICE_TRIES = 100
LAST_WORDS = 500
"""How many characters of what a browser said last are told."""
LOCK_FD = 5
"""Where a running Chromium holds its profile's lock; 3 and 4 are its pipe."""


class Chromium:
    """A Chromium that was spawned. It belongs to the running loop.

    It ends by itself when this process ends, in whatever way, because its pipe closes then.

    Attributes:
        pid: The main process, which leads the group.
        connection: To speak with it.
        exited: Resolves with the exit code, negative for a signal, once the main process ended.
    """

    def __init__(self, command: list[str], lock: int) -> None:
        """Spawn it.

        Args:
            command: The program and its arguments.
            lock: The descriptor that holds the profile's lock. Chromium inherits it, so the
                kernel keeps the lock for as long as Chromium lives, even if we die first.

        Raises:
            OSError: The program could not be started.
        """
        loop = asyncio.get_running_loop()
        self.exited: asyncio.Future[int] = loop.create_future()
        self._last_words = StderrTail()
        pipes = _Pipes()
        with ExitStack() as undo:
            undo.callback(pipes.close_ours)
            try:
                self.pid = _spawn(command, pipes, lock)
            finally:
                pipes.close_theirs()
            self._group = ProcessGroup(self.pid)
            # Nobody would know of it, and it would hold the profile's lock.
            undo.callback(self._kill_and_reap)
            _limit_files(self.pid)
            self._pidfd = os.pidfd_open(self.pid)
            undo.callback(os.close, self._pidfd)
            loop.add_reader(self._pidfd, self._on_exit)
            undo.callback(loop.remove_reader, self._pidfd)
            self._stderr = pipes.our_stderr
            os.set_blocking(self._stderr, False)
            loop.add_reader(self._stderr, self._read_stderr)
            undo.callback(loop.remove_reader, self._stderr)
            self.connection = PipeConnection(pipes.our_in, pipes.our_out)
            undo.pop_all()
        self._let_others_go_first()

    def last_words(self) -> str:
        """Return the end of what it wrote to stderr, as evidence."""
        return self._last_words.text()

    async def has_ended(self) -> bool:
        """Return whether it ended. Its pipe closes a moment before its process is gone."""
        if not self.connection.connected:
            await asyncio.wait({self.exited}, timeout=EXIT_SECONDS)
        return self.exited.done()

    def exit_words(self) -> str:
        """Say how it ended, once it has, with what it wrote last."""
        code = self.exited.result()
        how = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with code {code}"
        words = self.last_words()
        return f"Chromium ended {how}." + (f" It said: {_end_of(words)}" if words else "")

    async def close(self, seconds: float) -> None:
        """End it and return when no process of its group is left.

        A proper end is the only one that keeps what the page wrote last, so it gets `seconds`
        before the group is killed. Never SIGTERM to the group: it loses logins.
        """
        if not self.exited.done():
            self.connection.send("Browser.close")
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await asyncio.shield(self.exited)
        if not self.exited.done():
            self._group.kill()
            await self.exited
        await self._group.wait_gone()

    def kill(self) -> None:
        """End it at once, without waiting."""
        if not self.exited.done():
            self._group.kill()

    def _let_others_go_first(self) -> None:
        """Have it wait for the server where both want a core, as when many start at once.

        In a container its niceness counts. Elsewhere its session is a scheduling group of its
        own, within which that counts against its own helpers only; the group has a niceness
        too, see sched(7). Where either is refused, all run as before. Both stay for life: a
        process's cannot be taken back without privileges.
        """
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, self.pid, NICENESS)
        self._nice_group(NICE_TRIES)

    def _nice_group(self, tries: int) -> None:
        if self.exited.done() or not tries:
            return
        try:
            Path(f"/proc/{self.pid}/autogroup").write_text(str(NICENESS))
        except BlockingIOError:
            loop = asyncio.get_running_loop()
            loop.call_later(NICE_AGAIN_SECONDS, self._nice_group, tries - 1)
        except OSError:
            pass

    def _kill_and_reap(self) -> None:
        """End what nobody watches yet; the wait is short, as it has only just been spawned."""
        self._group.kill()
        os.waitpid(self.pid, 0)

    def _on_exit(self) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        # Helpers outlive it by up to two seconds. Now is the last moment in which the group's id
        # is surely ours: once the leader is reaped it may be given to somebody else.
        self._group.kill()
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self._read_stderr()
        loop.remove_reader(self._stderr)
        os.close(self._stderr)
        self.connection.close()
        self.exited.set_result(code)

    def _read_stderr(self) -> None:
        with suppress(OSError):
            while data := os.read(self._stderr, READ_BYTES):
                self._last_words.hear(data)
            asyncio.get_running_loop().remove_reader(self._stderr)


class _Pipes:
    """The three pipes between us and a Chromium."""

    def __init__(self) -> None:
        with ExitStack() as undo:
            self.their_in, self.our_out = _pipe(undo)
            self.our_in, self.their_out = _pipe(undo)
            self.our_stderr, self.their_stderr = _pipe(undo)
            undo.pop_all()

    def close_theirs(self) -> None:
        for fd in (self.their_in, self.their_out, self.their_stderr):
            os.close(fd)

    def close_ours(self) -> None:
        for fd in (self.our_in, self.our_out, self.our_stderr):
            os.close(fd)


def _pipe(undo: ExitStack) -> tuple[int, int]:
    """Make a pipe whose ends lie clear of the numbers that the child's ends are moved to.

    Moving a descriptor onto itself would leave it close-on-exec.
    """
    low = os.pipe()
    try:
        return _move_up(low[0], undo), _move_up(low[1], undo)
    finally:
        for fd in low:
            os.close(fd)


def _move_up(low: int, undo: ExitStack) -> int:
    fd = fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, 10)
    undo.callback(os.close, fd)
    return fd


def _spawn(command: list[str], pipes: _Pipes, lock: int) -> int:
    """Start the program in a session of its own, without forking this threaded process."""
    high_lock = fcntl.fcntl(lock, fcntl.F_DUPFD_CLOEXEC, 10)
    try:
        return os.posix_spawn(
            command[0],
            command,
            _environment(),
            setsid=True,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_DUP2, pipes.their_stderr, 2),
                (os.POSIX_SPAWN_DUP2, pipes.their_in, 3),
                (os.POSIX_SPAWN_DUP2, pipes.their_out, 4),
                (os.POSIX_SPAWN_DUP2, high_lock, LOCK_FD),
            ],
        )
    finally:
        os.close(high_lock)


def _end_of(words: str) -> str:
    """Return the last whole lines of what a browser said."""
    end = words[-LAST_WORDS:]
    return end if end == words else end.partition("\n")[2] or end


def _limit_files(pid: int) -> None:
    """Take back what the server, with its many pipes, was allowed beyond a browser's need.

    Whether the browser has raised its own limit by now makes no difference.
    """
    with suppress(OSError):
        soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        if soft == resource.RLIM_INFINITY or soft > FILES:
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (FILES, hard))


def _environment() -> dict[str, str]:
    """Pass on the environment, but not our settings: keys and passwords are among them."""
    return {name: value for name, value in os.environ.items() if not name.startswith("WA_")}
