"""The caches inside a profile, and what is left when they are thrown away."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from actors.browser.errors import ProfileLocked
from actors.browser.profile import caches
from actors.browser.profile.profile import Profile, size_of
from actors.browser.reports import QrShown, Ready
from tests.browser.watched import PROVEN, PhoneOf, Start, WatchedRun, until

MB = 1 << 20
ADA = "491700000001"
LOAD = "fetch('{}').then(answer => answer.arrayBuffer()).then(body => body.byteLength)"
KEEP = "caches.open('kept').then(kept => kept.put('/kept', new Response(new Uint8Array({}))))"
KEPT = "caches.has('kept')"


@pytest.fixture
def profile(tmp_path: Path) -> Iterator[Profile]:
    """A profile with a session, and caches of 3 MB."""
    profile = Profile(tmp_path / "account")
    profile.lock()
    for folder, size in (
        ("Cache/Cache_Data", MB),
        ("Code Cache/js", MB),
        ("Service Worker/CacheStorage/1", MB),
        ("Local Storage/leveldb", 100),
        ("IndexedDB/https_web.whatsapp.com_0.indexeddb.leveldb", 100),
    ):
        path = profile.path / "Default" / folder
        path.mkdir(parents=True)
        (path / "000003.log").write_bytes(b"x" * size)
    yield profile
    profile.unlock()


def kept(profile: Profile) -> set[str]:
    return {path.name for path in (profile.path / "Default").iterdir()}


def test_caches_over_the_bound_go_and_the_session_stays(profile: Profile) -> None:
    assert caches.trim(profile, 2) == 3
    assert kept(profile) == {"Local Storage", "IndexedDB"}


def test_caches_within_the_bound_stay(profile: Profile) -> None:
    assert caches.trim(profile, 3) == 0
    assert {"Cache", "Code Cache", "Service Worker"} <= kept(profile)


def test_the_caches_of_a_profile_that_somebody_else_may_use_stay(profile: Profile) -> None:
    profile.unlock()
    with pytest.raises(ProfileLocked):
        caches.trim(profile, 0)
    assert "Cache" in kept(profile)


@pytest.fixture
async def large() -> AsyncIterator[str]:
    """The address of 6 MB that every page may load, and may keep for ever."""

    async def answer(_: web.Request) -> web.Response:
        headers = {"Access-Control-Allow-Origin": "*", "Cache-Control": "max-age=31536000"}
        return web.Response(body=bytes(6 * MB), headers=headers)

    app = web.Application()
    app.router.add_get("/large", answer)
    async with TestServer(app) as server:
        yield str(server.make_url("/large"))


async def has_the_login(run: WatchedRun) -> bool:
    """Return whether an account comes back without a scan."""
    await run.until(Ready)
    return not any(isinstance(report, QrShown) for report in run.reports)


async def test_a_running_browser_empties_first_what_its_page_does_not_notice(
    start: Start, phone: PhoneOf, large: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    run = start(cache_mb=2, cache_check_seconds=0.1, durable_seconds=PROVEN)
    await run.ready_with(phone(ADA))
    await run.evaluate(KEEP.format(MB))

    assert await run.evaluate(LOAD.format(large)) == 6 * MB
    await until(lambda: "MB of caches" in caplog.text, "the caches are emptied")

    assert await run.evaluate(KEPT)
    await run.close()
    assert size_of(run.profile / "Default" / "Cache") < MB
    assert await has_the_login(start())


async def test_a_running_browser_empties_what_its_page_keeps_and_the_login_stays(
    start: Start, phone: PhoneOf, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    run = start(cache_mb=2, cache_check_seconds=0.1, durable_seconds=PROVEN)
    await run.ready_with(phone(ADA))

    await run.evaluate(KEEP.format(6 * MB))
    await until(lambda: "MB of caches" in caplog.text, "the caches are emptied")

    assert not await run.evaluate(KEPT)
    await run.close()
    assert size_of(run.profile / "Default" / "Service Worker") < MB
    assert await has_the_login(start())
