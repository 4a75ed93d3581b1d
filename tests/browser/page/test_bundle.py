"""The wa-js bundle and the proof that it is the pinned one."""

import hashlib
from pathlib import Path

import pytest

from actors.browser.errors import BundleUnusable
from actors.browser.page import bundle


def test_the_projects_own_bundle_is_the_pinned_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert bundle.main() == 0
    assert "4.6.0 is in place" in capsys.readouterr().out


def test_another_bundle_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "wa.js"
    other.write_text("alert(1)")

    with pytest.raises(BundleUnusable, match="not the pinned wa-js"):
        bundle.load_bundle(other)


def test_a_file_that_was_named_is_not_repaired_by_npm(tmp_path: Path) -> None:
    other = tmp_path / "wa.js"
    with pytest.raises(BundleUnusable, match="Name the right file"):
        bundle.load_bundle(other)
    other.write_text("alert(1)")
    with pytest.raises(BundleUnusable, match="Name the right file"):
        bundle.load_bundle(other)


def test_the_check_fails_when_the_bundle_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bundle, "find_bundle", lambda: tmp_path / "wa.js")

    assert bundle.main() == 1
    assert "Remove node_modules and run `npm ci`" in capsys.readouterr().err


def test_a_bundle_with_the_right_hash_is_read(tmp_path: Path) -> None:
    own = tmp_path / "wa.js"
    own.write_text("1")

    assert bundle.load_bundle(own, hashlib.sha256(b"1").hexdigest()) == "1"
