"""What an actor is told: an error that shows a message in its words tells no secret by it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from actors.account.view import View
from actors.browser.reports import MessageReceived, PairingCodeShown, QrShown, Ready, SentMessage
from actors.errors import describe
from actors.loop import Promise
from actors.mailbox import BrowserReport, RequestPairingCode, SendText
from api.http.schemas import LoginRequest, PairingCode, PairingCodeRequest, Qr, TextMessage
from store.events.event_log import Event
from store.status import Cause, Desired, Status

NOW = datetime.now(UTC)
PHONE, CODE, TEXT, KEY = "491700000001", "2@abcdefghijklmnop,key", "meet me at noon", "the-key"
CHAT = f"{PHONE}@c.us"

QR = QrShown(CODE, 1, 6, NOW)
PAIRING = PairingCodeShown(CODE, PHONE, NOW)
MESSAGE = MessageReceived(f"false_{CHAT}_3EB0", CHAT, CHAT, CHAT, "chat", TEXT, NOW, TEXT)


@pytest.fixture
async def told() -> list[object]:
    view = View("6f1c", Status.QR_READY, Cause.QR_SHOWN, NOW, Desired.CONNECTED)
    return [
        BrowserReport(1, QR),
        BrowserReport(1, PAIRING),
        BrowserReport(1, MESSAGE),
        Ready(PHONE, TEXT, "2.3000.1"),
        SentMessage(f"true_{CHAT}_3EB0", CHAT, 1),
        SendText(PHONE, TEXT, Promise()),
        RequestPairingCode(PHONE, Promise()),
        replace(view, phone=PHONE, qr=QR, pairing=PAIRING),
        Event("message", "6f1c", NOW, {"text": TEXT}, seq=1),
        TextMessage(to=PHONE, text=TEXT),
        LoginRequest(key=KEY),
        PairingCodeRequest(phone=PHONE),
        Qr.shown(QR),
        PairingCode.shown(PAIRING),
    ]


async def test_no_repr_shows_a_secret(told: list[object]) -> None:
    shown = repr(told)
    assert not [each for each in (PHONE, CODE, TEXT, KEY) if each in shown]


def test_an_unforeseen_error_is_described_without_what_it_was_raised_about() -> None:
    with pytest.raises(UnicodeEncodeError) as caught:
        f"{TEXT}\ud800".encode()
    assert describe(caught.value).startswith("UnicodeEncodeError: ")
    assert TEXT not in describe(caught.value)
