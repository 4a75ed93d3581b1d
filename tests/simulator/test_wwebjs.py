"""whatsapp-web.js, as published and in a real Chromium, takes the page for WhatsApp Web."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from simulator.server import Simulator
from simulator.settings import SimulatorSettings
from tests.simulator.clients import Faults, Phone
from tests.simulator.libraries import WhatsAppWebJs


@pytest.fixture
def settings() -> SimulatorSettings:
    return SimulatorSettings(tls=True, sync_seconds=0.5)


@pytest.fixture
async def client(simulator: Simulator, tmp_path: Path) -> AsyncIterator[WhatsAppWebJs]:
    async with WhatsAppWebJs(tmp_path, simulator) as running:
        yield running


async def test_it_links_and_becomes_ready(client: WhatsAppWebJs, alice: Phone) -> None:
    await alice.scan(await client.event("qr"))

    await client.event("authenticated")
    assert await client.event("ready") == alice.number


async def test_texts_go_out_and_come_in(client: WhatsAppWebJs, alice: Phone, bob: Phone) -> None:
    await alice.scan(await client.event("qr"))
    await client.event("ready")

    sent = await client.do(to=f"{bob.number}@c.us", body="hello, Bob")
    await client.event("message_ack", lambda value: value == {"id": sent["id"], "ack": 1})
    await alice.receive(bob.number, "hello, Alice")

    assert [(m["id"], m["body"]) for m in await bob.inbox()] == [(sent["id"], "hello, Bob")]
    message = await client.event("message")
    assert message == {"from": f"{bob.number}@c.us", "body": "hello, Alice"}
    await bob.acknowledge(sent["id"], 3)
    await client.event("message_ack", lambda value: value == {"id": sent["id"], "ack": 3})


async def test_a_slow_sync_tells_its_progress(
    client: WhatsAppWebJs, alice: Phone, faults: Faults
) -> None:
    await faults.begin("slow-sync", seconds=0.5)
    await alice.scan(await client.event("qr"))

    await client.event("loading_screen", lambda percent: percent == 50)
    await client.event("ready")


async def test_unlinked_by_the_phone_it_disconnects_and_gets_a_code_again(
    client: WhatsAppWebJs, alice: Phone
) -> None:
    await alice.scan(await client.event("qr"))
    await client.event("ready")
    before = len(client.lines)

    await alice.unlink()

    assert await client.event("disconnected") == "LOGOUT"
    await client.event("qr", after=before)
