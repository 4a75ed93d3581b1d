"""How much room a disk has."""

import os
from pathlib import Path

from actors.monitor.disk import Disk, free_mb, is_read_only
from tests.read_only import read_only


def test_room_is_told_for_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    found = os.statvfs(tmp_path)
    assert abs(free_mb(tmp_path / "a" / "b") - found.f_bavail * found.f_frsize / 2**20) < 100


def test_what_is_read_only_has_no_room_and_says_so(tmp_path: Path) -> None:
    assert not is_read_only(tmp_path / "a" / "b")
    with read_only(tmp_path):
        assert is_read_only(tmp_path / "a" / "b")
        assert free_mb(tmp_path) == 0
    assert Disk(1000, 200, read_only=True).full
    assert "read-only" in str(Disk(1000, 200, read_only=True).reason)


def test_a_disk_with_too_little_room_says_why_no_browser_starts() -> None:
    assert Disk(200, 200).reason is None
    assert Disk(150.4, 200).reason == "150 MB are free, a browser starts from 200 MB"
