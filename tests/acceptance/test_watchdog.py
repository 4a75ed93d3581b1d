"""A server that watches over its pages: what it does about each, as its users see it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from simulator.server import Simulator
from tests.harness import Event, Phones, ServerProcess, until
from tests.surroundings import Surroundings

ADA, BOB = "491700000001", "491700000002"

pytestmark = pytest.mark.sqlite


@pytest.fixture
async def server(
    simulator: Simulator, tmp_path: Path, surroundings: Surroundings
) -> AsyncIterator[ServerProcess]:
    """A server that asks its pages often."""
    running = ServerProcess(tmp_path, simulator.url, surroundings)
    running.environment |= {
        "WA_PROBE_SECONDS": "0.5",
        "WA_PROBE_TIMEOUT_SECONDS": "2",
        "WA_CLOSE_SECONDS": "2",
        "WA_BACKOFF_FIRST_SECONDS": "0.1",
    }
    await running.start()
    yield running
    await running.close()
    await running.no_chromium_is_left()


async def test_a_page_is_watched_from_the_first_message_to_the_last(
    server: ServerProcess, phones: Phones
) -> None:
    ada = await server.create("Ada")
    await phones.link(server, ada, ADA)

    await phones.call("POST", "faults", {"kind": "silent"})
    await phones.call("POST", f"phones/{ADA}/messages", {"from": BOB, "body": "unheard"})
    unheard = await event_of(server, ada, "message")
    assert (unheard["data"]["text"], unheard["data"]["recovered"]) == ("unheard", True)
    await phones.call("DELETE", "faults")

    await phones.call("POST", "faults", {"kind": "hang"})
    hung = await event_of(server, ada, "status", "unresponsive")
    assert hung["data"]["status"] == "CONNECTING"
    assert "did not answer within 2 s" in hung["data"]["detail"]["message"]
    await server.reaches(ada, "CONNECTED", "ready")

    await phones.call("POST", "faults", {"kind": "terms"})
    asked = await event_of(server, ada, "status", "terms")
    picture = await picture_of(server, asked)
    assert picture.startswith(b"\x89PNG")
    await phones.call("DELETE", "faults")
    await server.reaches(ada, "CONNECTED", "resolved")

    await phones.call("POST", "faults", {"kind": "crash"})
    await event_of(server, ada, "status", "page_crashed")
    await server.reaches(ada, "CONNECTED", "ready")
    texts = [e["data"]["text"] for e in await server.events(ada) if e["type"] == "message"]
    assert texts == ["unheard"]


async def event_of(
    server: ServerProcess, account_id: str, type_: str, cause: str | None = None
) -> Event:
    """Wait for an event."""
    found: list[Event] = []

    async def there() -> bool:
        found[:] = [
            event
            for event in await server.events(account_id)
            if event["type"] == type_ and event["data"].get("cause") == cause
        ]
        return bool(found)

    await until(there, f"{type_} {cause or ''}", lambda: server.log[-3000:])
    return found[-1]


async def picture_of(server: ServerProcess, event: Event) -> bytes:
    """Wait for the picture that an event speaks of."""
    pictures: list[bytes] = []

    async def there() -> bool:
        async with server.client.get(event["data"]["detail"]["screenshot"]) as response:
            if response.status == 200:
                pictures.append(await response.read())
        return bool(pictures)

    await until(there, "the picture is there")
    return pictures[0]
