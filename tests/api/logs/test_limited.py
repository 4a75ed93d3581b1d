"""Lines that anybody can cause are few, and say how often it was."""

import logging

import pytest

from api.logs.limited import SENDERS, LimitedLog
from tests.told import until

logger = logging.getLogger(__name__)


def seldom(seconds: float = 60.0) -> LimitedLog:
    return LimitedLog(logger, logging.WARNING, "Knocking", seconds)


async def test_the_same_is_told_at_once_and_then_with_its_number(
    caplog: pytest.LogCaptureFixture,
) -> None:
    told = seldom(0.1)
    for _ in range(1000):
        told.tell("A", "once")
    told.tell("B")
    assert caplog.messages == ["Knocking from A: once", "Knocking from B"]

    await until(lambda: caplog.messages[2:])
    assert caplog.messages[2:] == ["Knocking from A: 999 more in the last 0.1 s"]

    told.tell("A", "again")
    assert caplog.messages[3:] == ["Knocking from A: again"]


async def test_many_different_ones_are_counted_together(caplog: pytest.LogCaptureFixture) -> None:
    told = seldom(0.1)
    for number in range(1000):
        told.tell(str(number), "x" * 1000)
    assert len(caplog.messages) == SENDERS
    assert max(map(len, caplog.messages)) == 200

    await until(lambda: caplog.messages[SENDERS:])
    assert caplog.messages[SENDERS:] == [
        f"Knocking from others: {1000 - SENDERS} more in the last 0.1 s"
    ]
