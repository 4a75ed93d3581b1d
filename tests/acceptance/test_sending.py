"""What a caller is told of a text, whatever cuts its sending off."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import aiohttp
import pytest

from tests.harness import Phones, ServerProcess, until

NUMBERS = [f"49170000000{digit}" for digit in range(1, 7)]
OTHER = "491700000099"

pytestmark = pytest.mark.sqlite

Answer = tuple[int, dict[str, Any]]


async def send(server: ServerProcess, account_id: str, text: str) -> Answer:
    path, body = f"/accounts/{account_id}/messages", {"to": OTHER, "text": text}
    async with server.client.post(path, json=body) as response:
        return response.status, await response.json()


async def arrived(phones: Phones, text: str) -> int:
    """How often a text is at the phone that it was sent to."""
    try:
        inbox = await phones.call("GET", f"phones/{OTHER}/inbox")
    except AssertionError:
        return 0
    return sum(message["body"] == text for message in inbox["items"])


async def hold_answers(phones: Phones, **parameters: object) -> int:
    fault = await phones.call("POST", "faults", {"kind": "late-answers", **parameters})
    return int(fault["id"])


async def holds_one(phones: Phones, fault_id: int) -> None:
    """Wait until a page has asked, and its answer is held back."""

    async def held() -> bool:
        faults = (await phones.call("GET", "faults"))["items"]
        return any(fault["id"] == fault_id and fault["held"] == 1 for fault in faults)

    await until(held, "an answer is held back")


async def begin(server: ServerProcess, phones: Phones, account_id: str) -> asyncio.Task[Answer]:
    """Send a text, and return when the phone has it and the answer is still out."""
    sending = asyncio.create_task(send(server, account_id, account_id))

    async def is_there() -> bool:
        return await arrived(phones, account_id) == 1

    await until(is_there, "the text is at the phone")
    assert not sending.done()
    return sending


async def test_a_send_that_is_cut_off_is_answered_as_unknown_and_never_as_refused(
    server: ServerProcess, phones: Phones
) -> None:
    await server.end()
    server.environment["WA_FINISH_SECONDS"] = "0.3"
    await server.start()
    accounts = [await server.create(number) for number in NUMBERS]
    links = (phones.link(server, *pair) for pair in zip(accounts, NUMBERS, strict=True))
    await asyncio.gather(*links)
    await hold_answers(phones)

    async def fault(kind: str, number: str) -> None:
        await phones.call("POST", "faults", {"kind": kind, "number": number})

    async def command(name: str, account_id: str) -> None:
        await server.call("POST", f"/accounts/{account_id}/{name}", expect=202)

    async def kill(account_id: str) -> None:
        server.browser_of(account_id).kill()

    cuts: list[Callable[[], Awaitable[object]]] = [
        lambda: fault("reload", NUMBERS[0]),
        lambda: fault("crash", NUMBERS[1]),
        lambda: kill(accounts[2]),
        lambda: command("restart", accounts[3]),
        lambda: command("disconnect", accounts[4]),
        server.end,
    ]
    for account_id, cut in zip(accounts, cuts, strict=True):
        sending = await begin(server, phones, account_id)
        await cut()
        status, answer = await sending
        assert (status, answer["type"]) == (504, "urn:wa-manager:outcome-unknown"), answer
        assert answer["messageId"].startswith(f"true_{OTHER}@c.us_")
        assert await arrived(phones, account_id) == 1


@pytest.mark.parametrize("ending", ["disconnect", "restart", "stop"])
async def test_a_send_that_is_under_way_is_let_finish_before_the_browser_closes(
    server: ServerProcess, phones: Phones, ending: str
) -> None:
    account_id = await server.create()
    await phones.link(server, account_id, NUMBERS[0])
    await hold_answers(phones, seconds=1)
    sending = await begin(server, phones, account_id)
    if ending == "stop":
        await server.end()
    else:
        await server.call("POST", f"/accounts/{account_id}/{ending}", expect=202)
    status, answer = await sending
    assert status == 201, answer
    assert await arrived(phones, account_id) == 1


async def test_a_send_while_the_page_reloads_is_refused_as_not_ready_or_not_at_all(
    server: ServerProcess, phones: Phones
) -> None:
    account_id = await server.create()
    await phones.link(server, account_id, NUMBERS[0])
    answers: list[tuple[str, Answer]] = []

    async def keep_sending() -> None:
        while True:
            text = f"text {len(answers)}"
            answers.append((text, await send(server, account_id, text)))

    async def more_than(count: int) -> bool:
        return len(answers) > count

    sending = asyncio.create_task(keep_sending())
    for _ in range(3):
        before = len(answers)
        await phones.call("POST", "faults", {"kind": "reload", "number": NUMBERS[0]})
        await server.reaches(account_id, "CONNECTING")
        await server.reaches(account_id, "CONNECTED")
        await until(partial(more_than, before + 1), "texts are sent")

    sending.cancel()
    with pytest.raises((asyncio.CancelledError, aiohttp.ClientError)):
        await sending
    assert {status for _, (status, _) in answers} <= {201, 409, 504}
    assert any(status == 409 for _, (status, _) in answers)
    for text, (status, answer) in answers:
        count = await arrived(phones, text)
        if status == 201:
            assert count == 1, answer
        elif status == 409:
            assert count == 0, answer
        else:
            assert answer["type"] == "urn:wa-manager:outcome-unknown"
            assert count <= 1


async def test_a_number_that_cannot_be_looked_up_is_not_said_to_be_nobodys(
    server: ServerProcess, phones: Phones
) -> None:
    account_id = await server.create()
    await phones.link(server, account_id, NUMBERS[0])
    fault = await hold_answers(phones, call="number-exists")
    sending = asyncio.create_task(send(server, account_id, "while cut off"))
    await holds_one(phones, fault)
    await phones.call("POST", "faults", {"kind": "offline", "number": NUMBERS[0]})
    status, answer = await sending
    assert (status, answer["type"]) == (409, "urn:wa-manager:wrong-status"), answer

    await phones.call("DELETE", "faults")
    await server.reaches(account_id, "CONNECTED")
    status, answer = await send(server, account_id, "again")
    assert status == 201, answer
    assert (await arrived(phones, "while cut off"), await arrived(phones, "again")) == (0, 1)
