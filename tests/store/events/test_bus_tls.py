"""Redis over an encrypted connection, with a password that is in no log and no reason."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from store.events.bus import RedisBus
from tests.redis_server import PASSWORD, RedisServer
from tests.store.parts import Listener, status, until


@pytest.fixture
async def tls_redis(tmp_path: Path) -> AsyncIterator[RedisServer]:
    server = RedisServer(tmp_path, tls=True)
    server.start()
    idle = _open_sockets()
    yield server
    # An encrypted connection that was given up ends when its other side has said goodbye too.
    await until(lambda: _open_sockets() <= idle)
    server.stop()


def _open_sockets() -> int:
    """Count what the running loop watches."""
    return len(vars(asyncio.get_running_loop())["_selector"].get_map())


async def test_an_encrypted_redis_with_a_password_works(tls_redis: RedisServer) -> None:
    ours, theirs = RedisBus(tls_redis.tls_url()), RedisBus(tls_redis.tls_url())
    await ours.start()
    await theirs.start()
    listener = Listener(theirs)

    ours.publish(status("a", 1))
    await until(lambda: listener.heard)

    assert ours.state.ok
    await ours.close()
    await theirs.close()


@pytest.mark.parametrize("wrong", ["password", "certificate"])
async def test_a_redis_that_does_not_let_us_in_is_away_and_the_password_is_not_told(
    tls_redis: RedisServer, caplog: pytest.LogCaptureFixture, wrong: str
) -> None:
    url = tls_redis.tls_url("n0t-it") if wrong == "password" else tls_redis.tls_url()
    bus = RedisBus(url if wrong == "password" else url.partition("?")[0])

    await bus.start()

    await until(lambda: wrong in str(bus.state.reason).lower())
    assert not bus.state.ok
    reason = str(bus.state.reason)
    assert not any(secret in reason + caplog.text for secret in ("n0t-it", PASSWORD, "s3cret"))
    await bus.close()
