"""The caches inside a profile, and what is left when they are thrown away."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.browser import caches
from actors.browser.errors import ProfileLocked
from actors.browser.profile import Profile

MB = 1 << 20


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
