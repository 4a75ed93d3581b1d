"""Texts that accounts send while something goes wrong, and what their senders are told."""

import asyncio
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp

from tests.chaos import promises
from tests.chaos.account import Account
from tests.chaos.promises import Answer
from tests.chaos.violation import Violation
from tests.chaos.world import World

ANSWER_SECONDS = 60.0
"""An answer comes sooner than this, whatever happens; the server's own bounds are much shorter."""
SOON = 0.05
"""Seconds in which a page has sent a text."""

_numbers = itertools.count(1)
"""Each text goes to a phone of its own: a page asks only once for each number that it meets."""


@dataclass(frozen=True)
class Stage:
    """How far a send is when something happens to it."""

    call: str | None = None
    """Which call of the page WhatsApp does not answer in time; None: it answers all of them."""
    seconds: float | None = None
    """How late the answer comes; None: never."""


STAGES = {
    "on its way": Stage(),
    "before WhatsApp knows": Stage("number-exists"),
    "after WhatsApp took it": Stage("send-message"),
    "just before the answer": Stage("send-message", 1.0),
}


@dataclass(frozen=True)
class Send:
    """A text that is being sent."""

    account: Account
    stage: str
    to: str
    answer: asyncio.Task[Answer | None]
    """What the sender is told; None if the connection ends without a word."""
    fault: int | None
    """What holds the answer to its page back."""


async def begin(world: World, account: Account, name: str, stage: Stage) -> Send:
    """Send a text, and return when it is at a stage, or sooner if it is refused."""
    fault = None
    if stage.call is not None:
        late = {} if stage.seconds is None else {"seconds": stage.seconds}
        fault = await world.fault("late-answers", number=account.number, call=stage.call, **late)
    to = f"49171{next(_numbers):06d}1"
    send = Send(account, name, to, asyncio.create_task(_post(world, account, to)), fault)
    if fault is None:
        await asyncio.sleep(world.random.uniform(0, SOON))
        return send

    async def complaints() -> list[str]:
        there = send.answer.done() or await _holds_any(world, fault)
        return [] if there else [f"the text of {account.id} to {to} is not at its stage"]

    await world.well(complaints, calm_looks=1)
    return send


async def answers(world: World, sends: Sequence[Send]) -> str:
    """Wait until all senders have been told, and let WhatsApp answer in time again.

    Returns:
        A word on each answer, for the history.
    """
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await asyncio.wait([send.answer for send in sends])
    except TimeoutError:
        silent = [send.stage for send in sends if not send.answer.done()]
        raise Violation(f"not answered within {ANSWER_SECONDS:g} s: {silent}") from None
    for send in sends:
        if send.fault is not None:
            await world.end_fault(send.fault)
    return "; ".join(f"{send.stage}: {_words(send.answer.result())}" for send in sends)


async def check(world: World, sends: Sequence[Send]) -> None:
    """Compare what the senders were told with what has arrived.

    Raises:
        Violation: A sender was told what is not true, or a text is there more than once.
    """
    for send in sends:
        answer, arrived = send.answer.result(), await _arrived(world, send.to)
        if wrong := promises.untrue(answer, arrived):
            where = f"{send.stage}, {send.account.id} to {send.to}"
            raise Violation(f"{wrong}: {answer} ({where}: {arrived})")


async def _post(world: World, account: Account, to: str) -> Answer | None:
    path, body = f"/accounts/{account.id}/messages", {"to": to, "text": "Hello"}
    try:
        async with world.server.client.post(path, json=body) as response:
            answer = json.loads(await response.text())
    except aiohttp.ClientError:
        return None
    return Answer(response.status, answer.get("type"), answer.get("id") or answer.get("messageId"))


async def _holds_any(world: World, fault_id: int) -> bool:
    """Return whether a page has asked, and its answer is held back."""
    async with world.phones.get("/sim/faults") as response:
        faults = (await response.json())["items"]
    return any(fault["id"] == fault_id and fault["held"] for fault in faults)


async def _arrived(world: World, number: str) -> list[str]:
    """Return the ids of the messages that a phone has."""
    async with world.phones.get(f"/sim/phones/{number}/inbox") as response:
        # A phone comes into being with its first message.
        items = (await response.json())["items"] if response.status == 200 else []
    return [item["id"] for item in items]


def _words(answer: Answer | None) -> str:
    return "nothing" if answer is None else str(answer.status)
