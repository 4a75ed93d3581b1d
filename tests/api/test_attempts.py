"""Wrong keys are logged and slow down; the right key never does."""

import asyncio
from collections.abc import Callable
from itertools import pairwise

import aiohttp
import pytest

from api.attempts import ADDRESSES, FORGET_SECONDS, FREE, LONGEST_SECONDS, SECONDS, Attempts
from tests.api.told import BEARER, KEY, Api

WRONG = {"X-Api-Key": "wrong"}


def test_after_ten_wrong_keys_the_answers_wait_for_each_other() -> None:
    attempts = Attempts()
    waits = [attempts.wrong("a", now=100.0) for _ in range(FREE + 30)]
    assert waits[:FREE] == [0.0] * FREE
    taken = [wait for wait in waits[FREE:] if wait <= LONGEST_SECONDS]
    assert len(taken) == LONGEST_SECONDS / SECONDS
    assert all(later - earlier == SECONDS for earlier, later in pairwise(taken))
    assert set(waits[FREE + len(taken) :]) == {LONGEST_SECONDS + SECONDS}


def test_a_wrong_key_from_elsewhere_does_not_wait() -> None:
    attempts = Attempts()
    for _ in range(FREE + 30):
        attempts.wrong("a", now=100.0)
    assert attempts.wrong("b", now=100.0) == 0.0


def test_an_address_starts_anew_after_a_while() -> None:
    attempts = Attempts()
    for _ in range(FREE + 30):
        attempts.wrong("a", now=100.0)
    assert attempts.wrong("a", now=101.0 + FORGET_SECONDS) == 0.0


def test_the_addresses_that_are_remembered_are_bounded() -> None:
    attempts = Attempts()
    for number in range(3 * ADDRESSES):
        attempts.wrong(str(number), now=100.0)
    assert len(attempts._addresses) == ADDRESSES


Attempt = Callable[[aiohttp.ClientSession], "aiohttp.client._RequestContextManager"]

WAYS: dict[str, Attempt] = {
    "header": lambda session: session.get("/accounts", headers=WRONG),
    "bearer": lambda session: session.get("/accounts", headers={"Authorization": "Bearer wrong"}),
    "login": lambda session: session.post("/login", json={"key": "wrong"}),
    "link": lambda session: session.get("/", params={"key": "wrong"}),
    "picture": lambda session: session.get("/accounts/a/evidence/1.png", headers=WRONG),
    "stream": lambda session: session.get("/events", headers=WRONG),
}


@pytest.mark.parametrize("way", WAYS)
async def test_a_wrong_key_is_logged_with_its_address_and_without_the_key(
    stranger: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    async with WAYS[way](stranger) as answer:
        assert answer.status == 401
    [line] = caplog.messages
    assert line.startswith("Wrong API key from 127.0.0.1: ")
    assert "wrong" not in line


async def test_a_wrong_key_is_logged_with_the_address_that_a_proxy_names(
    stranger: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    headers = {**WRONG, "X-Forwarded-For": "203.0.113.7"}
    assert (await stranger.get("/accounts", headers=headers)).status == 401
    assert caplog.messages == ["Wrong API key from 127.0.0.1: GET /accounts (for 203.0.113.7)"]


async def test_names_that_a_client_makes_up_give_no_line_each(
    stranger: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(FREE):
        headers = {**WRONG, "X-Forwarded-For": f"203.0.113.{number}"}
        assert (await stranger.get("/accounts", headers=headers)).status == 401
    assert caplog.messages == ["Wrong API key from 127.0.0.1: GET /accounts (for 203.0.113.0)"]


async def test_a_missing_key_and_an_old_cookie_are_no_attempts(
    stranger: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    for headers in ({}, {"Cookie": "wa_login=1000.00"}):
        assert (await stranger.get("/accounts", headers=headers)).status == 401
    assert caplog.messages == []


async def test_many_wrong_keys_are_turned_away_and_the_right_one_is_not(
    api: Api, stranger: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.attempts.SECONDS", LONGEST_SECONDS)
    for _ in range(FREE):
        assert (await stranger.post("/login", json={"key": "wrong"})).status == 401
    two = {asyncio.ensure_future(stranger.post("/login", json={"key": "wrong"})) for _ in "ab"}
    [turned_away], [waits] = await asyncio.wait(two, return_when=asyncio.FIRST_COMPLETED)
    answer = turned_away.result()
    assert answer.status == 429
    assert int(answer.headers["Retry-After"]) > LONGEST_SECONDS
    assert (await answer.json())["type"] == "urn:wa-manager:too-many-attempts"

    assert (await stranger.get("/accounts", headers=BEARER)).status == 200
    assert (await stranger.post("/login", json={"key": KEY})).status == 204
    assert (await stranger.get("/", params={"key": KEY})).status == 200
    assert not waits.done()
    waits.cancel()


async def test_a_login_of_many_bytes_is_not_read(stranger: aiohttp.ClientSession) -> None:
    assert (await stranger.post("/login", json={"key": "x" * 100_000})).status == 413
