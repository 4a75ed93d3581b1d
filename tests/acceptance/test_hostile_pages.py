"""What a page that was broken into can do to a running server: harm its own account."""

import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.acceptance.hostile_pages import HostileSimulator
from tests.alive import stays_alive
from tests.harness import Event, Phones, ServerProcess, until
from tests.surroundings import Surroundings

EVE, BOB, ANN = "491700000001", "491700000002", "491700000003"

TOOLS = f"""
const message = (body, id = Math.random()) => WPP.emit("chat.new_message", {{
  id: {{ fromMe: false, remote: "{ANN}@c.us", toString: () => `forged-${{id}}` }},
  from: "{ANN}@c.us", to: "{EVE}@c.us", type: "chat", t: Date.now() / 1000, body,
}});
const flood = (count, strike) => {{
  let i = 0;
  const go = () => {{
    for (const end = i + 1000; i < end; i++) strike(i);
    if (i < count) setTimeout(go);
    else message("over");
  }};
  go();
}};
"""


@pytest.fixture
async def simulator() -> AsyncIterator[HostileSimulator]:
    async with HostileSimulator() as running:
        yield running


@pytest.fixture
async def server(
    simulator: HostileSimulator, tmp_path: Path, surroundings: Surroundings
) -> AsyncIterator[ServerProcess]:
    running = ServerProcess(tmp_path, simulator.url, surroundings)
    running.environment["WA_BACKOFF_FIRST_SECONDS"] = "0.1"
    await running.start()
    yield running
    await running.close()
    await running.no_chromium_is_left()


class Stage:
    """A server with two connected accounts: Eve's page attacks, and Bob's must not notice."""

    def __init__(self, server: ServerProcess, simulator: HostileSimulator) -> None:
        self.server = server
        self._simulator = simulator
        self.eve = self.bob = ""

    async def set_up(self, phones: Phones) -> None:
        self.eve, self.bob = await self.server.create("Eve"), await self.server.create("Bob")
        await phones.link(self.server, self.eve, EVE)
        await phones.link(self.server, self.bob, BOB)

    def attack(self, script: str) -> None:
        self._simulator.attacks[EVE] = f"{{ {TOOLS} {script} }}"

    async def ends_as_broken(self) -> Event:
        """Wait until Eve's browser was ended for what its page did, and is back."""
        broken: list[Event] = []

        async def is_broken() -> bool:
            broken[:] = [e for e in await self.history() if e["data"].get("cause") == "page_broken"]
            return bool(broken)

        await until(is_broken, "the page is broken", lambda: self.server.log[-3000:])
        await self.server.reaches(self.eve, "CONNECTED")
        return broken[-1]

    async def history(self) -> list[Event]:
        """Read all that happened to Eve; no event may be missing."""
        events: list[Event] = []
        page: Any = {"next": 0}
        while page["next"] is not None:
            path = f"/accounts/{self.eve}/events?limit=500&since={page['next']}"
            async with self.server.client.get(path) as answer:
                page = json.loads(await answer.text(), parse_constant=_refuse)
            events += page["items"]
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
        return events

    async def check_bob(self) -> None:
        """Bob was connected all the time."""
        account = await self.server.account(self.bob)
        assert (account["status"], account["restarts"]) == ("CONNECTED", 0)
        events = await self.server.events(self.bob)
        assert [e["data"]["status"] for e in events].count("CONNECTED") == 1
        assert events[-1]["data"]["status"] == "CONNECTED"

    @contextlib.contextmanager
    def memory_within(self, megabytes: int) -> Iterator[None]:
        assert self.server.process is not None
        process = psutil.Process(self.server.process.pid)
        before = process.memory_info().rss
        yield
        assert process.memory_info().rss - before < megabytes * 1_000_000


def _refuse(constant: str) -> None:
    pytest.fail(f"{constant} is no JSON")


@pytest.fixture
async def stage(server: ServerProcess, simulator: HostileSimulator, phones: Phones) -> Stage:
    made = Stage(server, simulator)
    await made.set_up(phones)
    return made


FLOODS = (
    "flood(10_000, () => message('x'.repeat(500)));",
    "flood(10_000, () => console.log('module x was not found', {}, 'x'.repeat(500)));",
)


@pytest.mark.sqlite
async def test_a_page_that_floods_the_server_stalls_nobody(stage: Stage) -> None:
    for attack in FLOODS:
        async with stage.server.client.ws_connect("/ws?types=message") as listener:
            with stays_alive(stage.server.port):
                stage.attack(attack)
                await _texts_until(listener, "over")
        await stage.check_bob()
    assert (await stage.server.account(stage.eve))["restarts"] == 0

    # What is nonsense has its page ended soon.
    with stays_alive(stage.server.port):
        stage.attack("flood(1_000_000, (i) => WPP.emit('conn.link_code_change', i));")
        broken = await stage.ends_as_broken()
    assert "is no text" in broken["data"]["detail"]["message"]
    await stage.check_bob()
    lines = [line for line in stage.server.log.splitlines() if "thing(s)" in line]
    assert 1 <= len(lines) <= 2
    assert "Traceback" not in stage.server.log
    assert len(stage.server.log) < 100_000


@pytest.mark.sqlite
async def test_a_message_of_any_length_takes_little_memory_and_is_told_to_all(
    stage: Stage,
) -> None:
    async with contextlib.AsyncExitStack() as listening:
        listeners = [
            await listening.enter_async_context(stage.server.client.ws_connect("/ws"))
            for _ in range(5)
        ]
        with stays_alive(stage.server.port), stage.memory_within(150):
            stage.attack("message('ä'.repeat(75e6)); for (const c of 'abc') message(c, c);")
            texts = [await _texts_until(listener, "c") for listener in listeners]
            async with stage.server.client.ws_connect("/ws?since=0") as again:
                texts.append(await _texts_until(again, "c"))
    assert texts == [["ä" * 65_536 + "…", "a", "b", "c"]] * 6
    truncated = [e["data"]["truncated"] for e in await stage.history() if e["type"] == "message"]
    assert truncated == [True, False, False, False]
    await stage.check_bob()


@pytest.mark.sqlite
async def test_a_page_can_neither_poison_its_account_nor_forge_what_happens_to_it(
    stage: Stage, simulator: HostileSimulator
) -> None:
    stage.attack(
        "WPP.conn.getMyUserWid = () => ({ user: '4'.repeat(40) });"
        "WPP.whatsapp.Conn.trigger('change:pushname'); message('poisoned');"
    )
    await until(lambda: _has_text(stage, "poisoned"), "the message is told")

    stage.attack(
        "const frame = document.body.appendChild(document.createElement('iframe'));"
        "frame.contentWindow.waManagerTell?.("
        "  JSON.stringify({ fact: 'logout', reason: 'forged' })); message('forged');"
    )
    await until(lambda: _has_text(stage, "forged"), "the frame was there")
    assert (await stage.server.account(stage.eve))["status"] == "CONNECTED"

    elsewhere = simulator.url.replace("127.0.0.1", "localhost")
    stage.attack(f"location.href = '{elsewhere}/';")
    broken = await stage.ends_as_broken()
    assert broken["data"]["detail"]["message"] == f"The page left {simulator.url} for {elsewhere}."

    statuses = [event["data"].get("status") for event in await stage.history()]
    assert "LOGGED_OUT" not in statuses
    assert (await stage.server.account(stage.eve))["phone"] == EVE
    assert "is lost" not in stage.server.log
    await stage.check_bob()


async def _texts_until(listener: Any, last: str) -> list[str]:
    texts: list[str] = []
    while last not in texts:
        frame = json.loads(await listener.receive_str(timeout=30), parse_constant=_refuse)
        if frame["type"] == "message":
            texts.append(frame["data"]["text"])
    return texts


async def _has_text(stage: Stage, text: str) -> bool:
    return text in [event["data"].get("text") for event in await stage.history()]
