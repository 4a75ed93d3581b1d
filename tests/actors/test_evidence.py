"""Pictures of pages: kept with the events that they explain, few of them, for the owner's eyes."""

import logging
from pathlib import Path

import pytest

from actors import evidence
from actors.browser.errors import BrowserGone
from actors.browser.reports import ActionKind, ActionRequired, Authenticated, Failure, Ready
from actors.config import ManagerConfig
from actors.evidence import KEPT, Evidence
from store.events import event_log
from store.status import Cause, Status
from tests.actors.conftest import Stage
from tests.told import ToldRun, until

PNG = b"\x89PNG\r\n\x1a\n"
CONFLICT = ActionRequired(ActionKind.CONFLICT, "WhatsApp Web is open in another place.")


@pytest.fixture(autouse=True)
def _pages_that_draw_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "DRAWING_SECONDS", 0.0)


@pytest.fixture
def folder(config: ManagerConfig) -> Path:
    return config.browser.profiles_dir.parent / "evidence"


async def last_event(stage: Stage, account_id: str) -> event_log.Event:
    assert await stage.recorder.flush(5)
    return ((await event_log.page(0, 500, account_ids=(account_id,))).items)[-1]


async def connected(stage: Stage) -> tuple[str, ToldRun]:
    account_id = await stage.create()
    run = await stage.start(account_id)
    run.report(Authenticated(fresh=True))
    run.report(Ready("491700000001", "Support", "2.3000.1"))
    await stage.reaches(account_id, Status.CONNECTED)
    return account_id, run


async def test_what_a_human_must_do_is_shown_by_a_picture(stage: Stage, folder: Path) -> None:
    account_id, run = await connected(stage)

    run.report(CONFLICT)
    await stage.reaches(account_id, Status.ACTION_REQUIRED)

    event = await last_event(stage, account_id)
    picture = folder / account_id / f"{event.seq}.png"
    await until(picture.exists)
    assert event.data["detail"] == {
        "kind": "conflict",
        "message": "WhatsApp Web is open in another place.",
        "screenshot": f"/accounts/{account_id}/evidence/{event.seq}.png",
    }
    await until(lambda: picture.read_bytes() == PNG)
    assert picture.stat().st_mode & 0o777 == 0o600
    assert picture.parent.stat().st_mode & 0o777 == 0o700
    assert await stage.manager.evidence(account_id, event.seq or 0) == PNG


async def test_another_thing_that_a_human_must_do_has_a_picture_of_its_own(
    stage: Stage, folder: Path
) -> None:
    account_id, run = await connected(stage)
    run.report(CONFLICT)
    run.report(ActionRequired(ActionKind.TERMS, "TOS_BLOCK"))
    await stage.tells(account_id, "conflict", "terms")

    event = await last_event(stage, account_id)
    view = stage.manager.view(account_id)
    assert view is not None
    assert view.detail == event.data["detail"]
    assert event.data["detail"]["kind"] == "terms"
    assert event.data["detail"]["screenshot"].endswith(f"/{event.seq}.png")
    await until((folder / account_id / f"{event.seq}.png").exists)


async def test_a_report_that_changes_nothing_leaves_no_picture(stage: Stage, folder: Path) -> None:
    account_id, run = await connected(stage)
    run.report(CONFLICT)
    run.report(CONFLICT)
    run.report(Ready("491700000001", "Support", "2.3000.1"))
    await stage.reaches(account_id, Status.CONNECTED)

    await until(lambda: list(folder.rglob("*.png")))
    await stage.manager.disconnect(account_id)
    await stage.reaches(account_id, Status.DISCONNECTED)
    assert len(list(folder.rglob("*.png"))) == 1


async def test_a_page_that_cannot_be_shown_hides_nothing_else(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    account_id, run = await connected(stage)

    async def fail() -> bytes:
        raise BrowserGone

    run.screenshot = fail  # type: ignore[method-assign]
    run.report(CONFLICT)

    await stage.reaches(account_id, Status.ACTION_REQUIRED)
    await until(lambda: "there is no picture of its page" in caplog.text)


async def test_an_account_that_gave_up_shows_its_last_page(stage: Stage, folder: Path) -> None:
    account_id = await stage.create()
    run = await stage.start(account_id)
    for _ in range(stage.manager._config.policy.max_failures):
        run.fail(Failure.PAGE_BROKEN, "WhatsApp Web did not come up.")
        run = await stage.run(account_id, after=run)
    assert not folder.exists()

    run.lingers = True
    run.fail(Failure.PAGE_BROKEN, "WhatsApp Web did not come up.", end=False)
    await until(lambda: run.looked)
    run.end()
    await stage.reaches(account_id, Status.FAILED)

    event = await last_event(stage, account_id)
    assert event.data["cause"] == Cause.GAVE_UP
    assert event.data["detail"]["screenshot"].endswith(f"/{event.seq}.png")
    assert await stage.manager.evidence(account_id, event.seq or 0) == PNG


async def test_a_deleted_account_leaves_no_pictures(stage: Stage, folder: Path) -> None:
    account_id, run = await connected(stage)
    run.report(CONFLICT)
    await until(lambda: list(folder.rglob("*.png")))

    await stage.manager.delete(account_id)

    assert list(folder.iterdir()) == []


def test_only_the_newest_pictures_are_kept(tmp_path: Path) -> None:
    kept = Evidence(tmp_path)

    for seq in range(1, KEPT + 6):
        assert kept.keep("ada", seq, PNG)

    numbers = sorted(int(file.stem) for file in (tmp_path / "ada").iterdir())
    assert numbers == list(range(6, KEPT + 6))
    assert kept.find("ada", 5) is None


def test_a_disk_that_takes_no_picture_is_no_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "evidence").touch()

    assert not Evidence(tmp_path / "evidence").keep("ada", 1, PNG)
    assert "is not kept" in caplog.text


def test_a_picture_is_neither_written_to_nor_read_from_where_a_link_leads(tmp_path: Path) -> None:
    evidence = Evidence(tmp_path / "evidence")
    secret = tmp_path / "secret"
    secret.write_bytes(b"not to be seen")
    folder = tmp_path / "evidence/ada"
    folder.mkdir(parents=True)
    (folder / "7.png").symlink_to(secret)

    assert evidence.find("ada", 7) is None
    assert not evidence.keep("ada", 7, b"picture")
    assert secret.read_bytes() == b"not to be seen"
