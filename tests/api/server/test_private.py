"""Files that are the server's alone."""

import os
from pathlib import Path

import pytest

from api.server.private import NotPrivate, check_private, make_private, read_private, write_private

SOMEBODY = 12_345
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    file = tmp_path / "api-key"
    write_private(file, "the key\n")
    return file


def test_what_is_written_is_read_again_and_for_nobody_else(key: Path) -> None:
    assert read_private(key) == "the key\n"
    assert key.stat().st_mode & 0o777 == 0o600
    assert list(key.parent.iterdir()) == [key]


def test_no_file_is_nothing(tmp_path: Path) -> None:
    assert read_private(tmp_path / "api-key") is None


@pytest.mark.parametrize("mode", [0o660, 0o606, 0o620])
def test_what_others_can_write_is_not_read(key: Path, mode: int) -> None:
    key.chmod(mode)
    with pytest.raises(NotPrivate, match=r"can be written by other users \(mode 06.*chmod go-w "):
        read_private(key)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o755])
def test_what_others_can_read_is_taken_from_them_and_that_is_told(
    key: Path, mode: int, caplog: pytest.LogCaptureFixture
) -> None:
    key.chmod(mode)
    assert read_private(key) == "the key\n"
    assert key.stat().st_mode & 0o777 == 0o600
    assert "could be read by other users until now" in caplog.text


def test_a_link_is_not_followed(key: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(key)
    with pytest.raises(NotPrivate, match="is a link"):
        read_private(link)
    write_private(link, "another key\n")
    assert key.read_text() == "the key\n"
    assert read_private(link) == "another key\n"


def test_a_pipe_or_a_folder_is_no_key_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "folder").mkdir(mode=0o700)
    for name in ("pipe", "folder"):
        with pytest.raises(NotPrivate, match="is not a file"):
            read_private(tmp_path / name)


@AS_ROOT
def test_what_belongs_to_somebody_else_is_refused(key: Path, tmp_path: Path) -> None:
    os.chown(key, SOMEBODY, SOMEBODY)
    with pytest.raises(NotPrivate, match=rf"belongs to user {SOMEBODY}.*chown -R 0 "):
        read_private(key)

    folder = tmp_path / "profiles"
    folder.mkdir()
    os.chown(folder, SOMEBODY, SOMEBODY)
    for check in (make_private, lambda path: check_private(path, path.stat())):
        with pytest.raises(NotPrivate, match=f"belongs to user {SOMEBODY}"):
            check(folder)


@AS_ROOT
def test_what_belongs_to_root_may_be_used_by_another_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.server.private.os.geteuid", lambda: SOMEBODY)
    tmp_path.chmod(0o755)
    check_private(tmp_path, tmp_path.stat())
    # As a volume is that a cluster gives to a group.
    tmp_path.chmod(0o2775)
    with pytest.raises(NotPrivate, match="let the server make a folder of its own in it"):
        check_private(tmp_path, tmp_path.stat())


def test_a_folder_is_made_private(tmp_path: Path) -> None:
    folder = tmp_path / "a/b"
    for _ in range(2):
        make_private(folder)
        assert folder.stat().st_mode & 0o777 == 0o700
        folder.chmod(0o777)
