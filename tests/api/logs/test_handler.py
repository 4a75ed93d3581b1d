"""Where log lines go: nobody waits for whoever reads them, and nothing ends with them."""

import fcntl
import gc
import logging
import os
import re
import select
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from api.logs import handler
from api.logs.handler import LogHandler
from api.logs.repetitions import Repetitions

PIPE_BYTES = 65_536


@pytest.fixture
def made() -> Iterator[Callable[[int], LogHandler]]:
    outlets: list[LogHandler] = []

    def make(descriptor: int) -> LogHandler:
        outlets.append(LogHandler(descriptor))
        return outlets[-1]

    yield make
    for each in outlets:
        each.close()


def log(to: LogHandler, message: str) -> None:
    to.handle(logging.LogRecord("test", logging.INFO, __file__, 1, message, (), None))


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_lines_come_in_their_order(made: Callable[[int], LogHandler], tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as file:
        to = made(file.fileno())
        for number in range(1000):
            log(to, f"line {number}")
        to.close()
    assert (tmp_path / "log").read_text().splitlines() == [f"line {n}" for n in range(1000)]


def test_a_reader_that_does_not_read_holds_nobody_up_and_is_told_what_it_missed(
    made: Callable[[int], LogHandler], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "CAPACITY", 10)
    reader, writer = os.pipe()
    to = made(writer)
    started = time.monotonic()
    for _ in range(100):
        log(to, "x" * PIPE_BYTES)
    assert time.monotonic() - started < 1

    taken = bytearray()
    os.set_blocking(reader, False)

    def take() -> bool:
        try:
            taken.extend(os.read(reader, PIPE_BYTES))
        except BlockingIOError:
            log(to, "now it reads")
        return b"log line(s) were lost: nobody took them" in taken

    until(take)
    os.set_blocking(reader, True)
    os.close(reader)
    to.close()
    os.close(writer)


def test_a_reader_that_does_not_read_does_not_hold_up_the_end(
    made: Callable[[int], LogHandler], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "CLOSE_SECONDS", 0.1)
    reader, writer = os.pipe()
    to = made(writer)
    log(to, "x" * 2 * PIPE_BYTES)
    started = time.monotonic()
    to.close()
    assert time.monotonic() - started < 2
    os.close(reader)
    until(lambda: not to._writer.is_alive())
    os.close(writer)


def test_a_reader_that_is_gone_harms_nobody(made: Callable[[int], LogHandler]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    to = made(writer)
    log(to, "nobody reads this")
    log(to, "nor this")
    to.close()
    os.close(writer)


def test_a_full_disk_costs_lines_and_when_there_is_room_again_it_is_told_how_many(
    made: Callable[[int], LogHandler], tmp_path: Path
) -> None:
    descriptor = os.open("/dev/full", os.O_WRONLY)
    to = made(descriptor)
    log(to, "lost")
    log(to, "lost")
    until(lambda: to._unwritten == 2)
    roomy = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    os.dup2(roomy, descriptor)
    log(to, "kept")
    to.close()
    os.close(roomy)
    os.close(descriptor)
    assert (tmp_path / "log").read_text().splitlines() == [
        "2 log line(s) were lost: No space left on device",
        "kept",
    ]


def test_a_line_after_one_that_was_cut_off_begins_anew(
    made: Callable[[int], LogHandler], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, calls = os.write, []

    def fill_up(descriptor: int, data: bytes) -> int:
        calls.append(data)
        if len(calls) == 1:
            return write(descriptor, data[:3])
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        return write(descriptor, data)

    with (tmp_path / "log").open("wb") as file:
        monkeypatch.setattr(os, "write", fill_up)
        to = made(file.fileno())
        log(to, "first")
        until(lambda: to._unwritten == 1)
        log(to, "second")
        to.close()
    assert (tmp_path / "log").read_text().splitlines() == [
        "fir",
        "1 log line(s) were lost: No space left on device",
        "second",
    ]


def test_a_descriptor_that_does_not_block_loses_nothing(made: Callable[[int], LogHandler]) -> None:
    reader, writer = os.pipe()
    flags = fcntl.fcntl(writer, fcntl.F_GETFL)
    fcntl.fcntl(writer, fcntl.F_SETFL, flags | os.O_NONBLOCK)
    to = made(writer)
    to.say("x" * 20 * PIPE_BYTES)
    log(to, "last")
    until(lambda: not select.select([], [writer], [], 0)[1])
    taken = bytearray()
    while not taken.endswith(b"\nlast\n"):
        taken += os.read(reader, PIPE_BYTES)
    assert len(taken) == 20 * PIPE_BYTES + len("\nlast\n")
    to.close()
    os.close(reader)
    os.close(writer)


class _Slow(logging.Formatter):
    """Takes its time, and notes in which thread."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: set[str] = set()

    def format(self, record: logging.LogRecord) -> str:
        self.threads.add(threading.current_thread().name)
        time.sleep(0.2)
        return super().format(record)


def test_whoever_logs_does_not_wait_until_it_is_put_into_words(
    made: Callable[[int], LogHandler], tmp_path: Path
) -> None:
    slow = _Slow()
    with (tmp_path / "log").open("wb") as file:
        to = made(file.fileno())
        to.setFormatter(slow)
        for number in range(5):
            log(to, f"line {number}")
        assert len((tmp_path / "log").read_text().splitlines()) < 5
        to.close()
    assert slow.threads == {"log"}
    assert len((tmp_path / "log").read_text().splitlines()) == 5


def test_a_line_says_what_was_so_when_it_was_logged(
    made: Callable[[int], LogHandler], tmp_path: Path
) -> None:
    reader, writer = os.pipe()
    to = made(writer)
    to.say("x" * 2 * PIPE_BYTES)
    names = ["Ann"]
    to.handle(logging.LogRecord("test", logging.INFO, __file__, 1, "all: %s", (names,), None))
    names.append("Bob")
    taken = bytearray()
    while not taken.endswith(b"\nall: ['Ann']\n"):
        taken += os.read(reader, PIPE_BYTES)
        assert b"Bob" not in taken
    to.close()
    os.close(reader)
    os.close(writer)


def test_a_failure_that_waits_for_the_log_keeps_nothing_alive(
    made: Callable[[int], LogHandler],
) -> None:
    class Large:
        pass

    def fail() -> "weakref.ref[Large]":
        large = Large()
        try:
            int("broken")
        except ValueError as error:
            trace = (type(error), error, error.__traceback__)
            to.handle(logging.LogRecord("t", logging.ERROR, __file__, 1, "failed", (), trace))
        return weakref.ref(large)

    reader, writer = os.pipe()
    to = made(writer)
    to.say("x" * 2 * PIPE_BYTES)
    kept = fail()
    gc.collect()
    assert kept() is None
    os.close(reader)
    to.close()
    os.close(writer)


def test_what_waits_for_a_reader_is_bounded_by_its_size_as_well(
    made: Callable[[int], LogHandler], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "ROOM", 100_000)
    reader, writer = os.pipe()
    to = made(writer)
    to.say("x" * 2 * PIPE_BYTES)
    for _ in range(100):
        log(to, "x" * 10_000)
    assert to._lines.qsize() < 15
    assert to._dropped > 80
    os.close(reader)
    to.close()
    os.close(writer)


def failure(line: int = 1, error: Exception | None = None, account: str = "a") -> logging.LogRecord:
    error = error or ValueError("wrong")
    trace = (type(error), error, error.__traceback__)
    record = logging.LogRecord("test", logging.ERROR, __file__, line, "it %s", ("failed",), trace)
    record.account = account
    return record


def test_a_failure_that_comes_again_and_again_is_one_line_and_a_number(
    made: Callable[[int], LogHandler], tmp_path: Path
) -> None:
    with (tmp_path / "log").open("wb") as file:
        to = made(file.fileno())
        for _ in range(10_000):
            to.handle(failure())
        log(to, "other lines come as ever")
        to.close()
    first, other, number = (tmp_path / "log").read_text().splitlines()
    assert (first, other) == ("it failed", "other lines come as ever")
    assert re.fullmatch(r"it failed \(9999 more like it in the last \d+ s\)", number)


def test_another_failure_is_another_line(made: Callable[[int], LogHandler], tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as file:
        to = made(file.fileno())
        for _ in range(3):
            to.handle(failure(1))
            to.handle(failure(2))
            to.handle(failure(1, KeyError("wrong")))
            to.handle(failure(1, account="b"))
        to.close()
    lines = (tmp_path / "log").read_text().splitlines()
    assert lines.count("it failed") == 4
    assert sum("2 more like it" in line for line in lines) == 4


def test_the_number_is_told_when_the_minute_is_over_and_the_next_one_is_told_whole() -> None:
    now = [0.0]
    repetitions = Repetitions(lambda: now[0])
    assert [repetitions.admit(failure()) for _ in range(3)] == [True, False, False]
    assert repetitions.due() == []
    now[0] = 60.0
    assert [each.getMessage() for each in repetitions.due()] == [
        "it failed (2 more like it in the last 60 s)"
    ]
    assert repetitions.due() == []
    assert repetitions.admit(failure())


def test_failures_that_are_all_different_take_bounded_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("api.logs.repetitions.MOST", 10)
    repetitions = Repetitions(lambda: 0.0)
    assert sum(repetitions.admit(failure(line)) for line in range(1000)) == 11
    assert len(repetitions.due(all_of_them=True)) == 1


class _Refusing(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        raise RuntimeError


def test_a_line_that_cannot_be_formatted_does_not_reach_whoever_logs(
    made: Callable[[int], LogHandler], capfd: pytest.CaptureFixture[str]
) -> None:
    with Path(os.devnull).open("wb") as file:
        to = made(file.fileno())
        to.setFormatter(_Refusing())
        log(to, "a secret")
        to.close()
    assert capfd.readouterr() == ("", "")
