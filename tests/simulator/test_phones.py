"""What phones and devices keep, and for how long."""

from datetime import UTC, datetime

import pytest

from simulator import phones
from simulator.phones import Device, Event, Message, Phone

ALICE = "491700000001"
BOB = "491700000002"
NOW = datetime(2026, 11, 22, tzinfo=UTC)


class Listener:
    """An open page that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Event] = []

    def tell(self, event: Event) -> None:
        self.told.append(event)

    def close(self) -> None:
        """Nothing here can be closed."""


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phones, "MAX_MESSAGES", 3)


def test_a_phone_keeps_its_newest_messages() -> None:
    phone = Phone(ALICE, "Alice")
    for name in "abcde":
        phone.keep(Message(name, BOB, ALICE, "hello", NOW, from_page=True))

    assert list(phone.messages) == ["c", "d", "e"]
    assert [message.id for message in phone.received()] == ["c", "d", "e"]


def test_the_newest_events_wait_for_a_device() -> None:
    device = Device("d", "token", "identity", NOW)
    page = Listener()
    for name in "abcde":
        device.deliver({"type": "message", "id": name})

    device.attach(page)
    device.listen()

    assert [event["id"] for event in page.told] == ["c", "d", "e"]
