"""Linking by QR code and by pairing code, each with a time of its own."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from simulator.server import Simulator
from simulator.settings import SimulatorSettings
from tests.harness import Phones, ServerProcess, until

NUMBER = "491700000001"
QUICK_CODES = SimulatorSettings(
    qr_first_seconds=1.5, qr_next_seconds=0.2, qr_codes=2, pairing_code_seconds=8
)

pytestmark = pytest.mark.sqlite


@pytest.fixture
async def quick(tmp_path: Path) -> AsyncIterator[tuple[ServerProcess, Phones]]:
    """A server and a WhatsApp Web whose codes live for a short time."""
    async with Simulator(QUICK_CODES) as simulator:
        server = ServerProcess(tmp_path, simulator.url)
        server.environment |= {
            "WA_QR_FIRST_SECONDS": "1.5",
            "WA_QR_NEXT_SECONDS": "0.2",
            "WA_QR_CODES": "2",
            "WA_PAIRING_CODE_SECONDS": "8",
        }
        phones = Phones(simulator.url)
        await server.start()
        yield server, phones
        await phones.close()
        await server.close()


async def test_one_pairing_code_is_made_at_a_time(quick: tuple[ServerProcess, Phones]) -> None:
    server, phones = quick
    account_id = await server.create()
    await server.connect(account_id)
    await server.reaches(account_id, "QR_READY")
    fault = {"kind": "late-answers", "call": "pairing-code", "seconds": 0.5}
    await phones.call("POST", "faults", fault)

    async def ask(phone: str) -> tuple[int, Any]:
        path = f"/accounts/{account_id}/pairing-code"
        async with server.client.post(path, json={"phone": phone}) as answer:
            return answer.status, await answer.json()

    answers = await asyncio.gather(ask(NUMBER), ask("491700000002"))
    assert sorted(status for status, _ in answers) == [200, 409]
    [shown] = [answer for status, answer in answers if status == 200]
    code = {"code": shown["code"]}
    await phones.call("POST", f"phones/{shown['phone']}/enter-code", code)
    await server.reaches(account_id, "CONNECTED")


async def shows_no_qr(server: ServerProcess, account_id: str) -> bool:
    async with server.client.get(f"/accounts/{account_id}/qr") as response:
        return response.status == 409


async def test_a_pairing_code_links_until_it_expires_however_few_qr_codes_are_left(
    quick: tuple[ServerProcess, Phones],
) -> None:
    server, phones = quick
    linked, forgotten = await server.create("Linked"), await server.create("Forgotten")
    promised = {}
    for account_id in (linked, forgotten):
        await server.connect(account_id)
        await server.reaches(account_id, "QR_READY")
        path = f"/accounts/{account_id}/pairing-code"
        promised[account_id] = await server.call("POST", path, {"phone": NUMBER})

    await until(partial(shows_no_qr, server, linked), "the QR codes are over")
    assert (await server.account(linked))["status"] == "QR_READY"
    code = promised[linked]["code"]
    await phones.call("POST", f"phones/{NUMBER}/enter-code", {"code": code})
    await server.reaches(linked, "CONNECTED")

    await server.reaches(forgotten, "DISCONNECTED", "qr_timeout")
    [event] = [e for e in await server.events(forgotten) if e["data"].get("cause") == "qr_timeout"]
    assert event["at"] >= promised[forgotten]["expiresAt"]
    assert datetime.fromisoformat(event["at"]) <= datetime.now(UTC)


async def test_a_pairing_code_asked_for_just_before_the_qr_codes_end_links_too(
    quick: tuple[ServerProcess, Phones],
) -> None:
    server, phones = quick
    account_id = await server.create()
    # WhatsApp takes longer to make the code than the QR codes are shown.
    fault = {"kind": "late-answers", "call": "pairing-code", "seconds": 3}
    await phones.call("POST", "faults", fault)
    await server.connect(account_id)
    await server.reaches(account_id, "QR_READY")
    path = f"/accounts/{account_id}/pairing-code"
    pairing = await server.call("POST", path, {"phone": NUMBER})
    # A page that was stalled may have shown the last QR code until after that.
    await until(partial(shows_no_qr, server, account_id), "the QR codes are over")
    await phones.call("POST", f"phones/{NUMBER}/enter-code", {"code": pairing["code"]})
    await server.reaches(account_id, "CONNECTED")
