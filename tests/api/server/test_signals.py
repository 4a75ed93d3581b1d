"""Signals: which of them stop, which hurry, and which are repeats of one."""

import asyncio
import signal
from collections.abc import Callable

import pytest

from api.server.signals import Signals

TERM, INT = signal.SIGTERM, signal.SIGINT


class Program:
    """Notes what it is asked, at times that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0
        self.asked: list[str] = []
        self.signals = Signals(lambda: self.now)

    def follow(self) -> None:
        self.signals.tell(
            lambda number: self.asked.append(number.name), lambda: self.asked.append("hurry")
        )

    async def hear(self, number: signal.Signals, after: float = 0.0) -> None:
        self.now += after
        self.signals.hear(number)
        await asyncio.sleep(0)


@pytest.fixture
def program() -> Program:
    return Program()


@pytest.mark.parametrize("repeat", [TERM, INT])
async def test_signals_within_a_second_are_one(program: Program, repeat: signal.Signals) -> None:
    program.follow()
    await program.hear(TERM)
    await program.hear(repeat)
    await program.hear(repeat, after=0.9)
    assert program.asked == ["SIGTERM"]


async def test_a_later_signal_hurries(program: Program) -> None:
    program.follow()
    await program.hear(TERM)
    await program.hear(INT, after=1.1)
    assert program.asked == ["SIGTERM", "hurry"]


async def test_who_repeats_without_a_pause_hurries_as_well(program: Program) -> None:
    program.follow()
    for _ in range(4):
        await program.hear(INT, after=0.4)
    assert program.asked == ["SIGINT", "hurry"]


async def test_a_signal_during_the_start_is_obeyed_once_that_is_possible(program: Program) -> None:
    await program.hear(TERM)
    await program.hear(TERM, after=0.5)
    program.follow()
    await asyncio.sleep(0)
    assert program.asked == ["SIGTERM"]


async def test_a_later_signal_ends_a_program_that_listens_no_more(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised: list[int] = []
    set_: Callable[..., object] = lambda *_: None  # noqa: E731
    monkeypatch.setattr("api.server.signals.signal.signal", set_)
    monkeypatch.setattr("api.server.signals.signal.raise_signal", raised.append)
    program.follow()
    await program.hear(TERM)
    program.now += 5
    program.signals.tell_nobody()
    await program.hear(TERM, after=0.5)
    assert raised == []
    await program.hear(TERM, after=0.6)
    assert raised == [TERM]
