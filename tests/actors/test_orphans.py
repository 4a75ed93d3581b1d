"""Profiles that nobody owns any more: what is removed at the start, and what is only named."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from actors.browser.profile.orphans import remove_orphans
from actors.browser.profile.profile import Profile, locked
from actors.config import ManagerConfig
from store.events.recorder import Recorder
from tests.actors.conftest import Stage


def profile_of(config: ManagerConfig, account_id: str) -> Path:
    """Make a profile as a browser leaves it."""
    with locked(Profile(config.browser.profile(account_id))) as profile:
        (profile.path / "Default").mkdir()
        (profile.path / "Default" / "Cookies").write_text("secret")
    return profile.path


@contextmanager
def held(path: Path) -> Iterator[None]:
    with locked(Profile(path)):
        yield


async def delete(stage: Stage) -> str:
    account_id = await stage.create()
    await stage.manager.delete(account_id)
    return account_id


async def test_the_profile_of_a_deleted_account_vanishes_with_it(
    stage: Stage, config: ManagerConfig
) -> None:
    account_id = await stage.create()
    path = profile_of(config, account_id)
    await stage.manager.delete(account_id)
    assert not path.exists()


async def test_a_profile_that_a_deletion_left_behind_is_removed_at_the_next_start(
    stage: Stage, config: ManagerConfig
) -> None:
    account_id = await delete(stage)
    path = profile_of(config, account_id)
    await remove_orphans(config.browser)
    assert not path.exists()


async def test_a_profile_that_somebody_holds_stays_though_its_account_was_deleted(
    stage: Stage, config: ManagerConfig
) -> None:
    account_id = await delete(stage)
    path = profile_of(config, account_id)
    with held(path):
        await remove_orphans(config.browser)
    assert (path / "Default" / "Cookies").exists()


async def test_a_profile_whose_account_nobody_knows_stays_and_is_named(
    config: ManagerConfig, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    path = profile_of(config, "0123456789abcdef")
    await remove_orphans(config.browser)
    assert (path / "Default" / "Cookies").exists()
    [said] = caplog.records
    assert "this profile's account is not in the database" in said.getMessage()
    assert vars(said)["account"] == "0123456789abcdef"


async def test_the_profile_of_an_account_that_exists_stays(
    stage: Stage, config: ManagerConfig, caplog: pytest.LogCaptureFixture
) -> None:
    path = profile_of(config, await stage.create())
    await remove_orphans(config.browser)
    assert (path / "Default" / "Cookies").exists()
    assert "not in the database" not in caplog.text
