"""The host's clock is wrong, or is put right: news stay news, and history stays history."""

from pathlib import Path

import pytest

from tests.chaos.clock import Clock
from tests.harness import Event, Listener, Phones, ServerProcess

NUMBER, OTHER = "491700000001", "491700000002"
DAY = 86_400

pytestmark = pytest.mark.sqlite


async def told_until(listener: Listener, account_id: str, marker: str) -> list[str]:
    """The texts that were told of an account until one that only a comparison can find."""
    texts: list[str] = []

    def note(event: Event) -> bool:
        if event["type"] == "message" and event["accountId"] == account_id:
            texts.append(event["data"]["text"])
        return marker in texts

    await listener.until(note)
    return texts


async def receive(phones: Phones, text: str) -> None:
    await phones.call("POST", f"phones/{NUMBER}/messages", {"from": OTHER, "body": text})


@pytest.mark.parametrize("wrong", [-DAY, DAY], ids=["behind", "ahead"])
async def test_a_wrong_clock_makes_no_news_of_history_and_no_history_of_news(
    server: ServerProcess, phones: Phones, tmp_path: Path, wrong: int
) -> None:
    await server.end()
    clock = Clock(tmp_path)
    server.environment |= clock.environment | {"WA_PROBE_SECONDS": "0.3"}
    clock.set(wrong)
    await server.start()
    first, second = await server.create("First"), await server.create("Second")
    await phones.link(server, first, NUMBER)
    await receive(phones, "long ago")

    async with server.listen("?types=message") as listener:
        await phones.link(server, second, NUMBER)
        await phones.call("POST", "faults", {"kind": "silent", "number": NUMBER})
        await receive(phones, "unheard")
        assert await told_until(listener, second, "unheard") == ["unheard"]
        newest = listener.heard[-1]["id"]

    await server.end()
    for name in clock.environment:
        del server.environment[name]
    await receive(phones, "missed")
    await server.start()
    async with server.listen(f"?types=message&since={newest}") as listener:
        await server.reaches(second, "CONNECTED")
        await receive(phones, "unheard as well")
        texts = await told_until(listener, second, "unheard as well")
        assert sorted(texts) == ["missed", "unheard as well"]
