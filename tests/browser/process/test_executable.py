"""Finding the Chromium that is installed."""

import os
from pathlib import Path

import pytest

from actors.browser.errors import ChromiumNotFound
from actors.browser.process import executable
from actors.browser.process.executable import find_chromium, sandbox_refusal


def test_the_binary_itself_is_found_and_not_a_wrapper_script() -> None:
    found = find_chromium()

    assert found.path.read_bytes()[:4] == b"\x7fELF"
    assert found.version.count(".") == 3


def test_a_wrapper_script_on_the_path_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrapper = tmp_path / "chromium"
    wrapper.write_text("#!/bin/sh\nexec true\n")
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    assert find_chromium.__wrapped__().path != wrapper


def test_a_headless_shell_as_chrome_is_called_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = find_chromium().path
    (tmp_path / "chrome-headless-shell").symlink_to(installed)
    monkeypatch.setattr(executable, "PLACES", ())
    monkeypatch.setenv("PATH", str(tmp_path))

    assert find_chromium.__wrapped__().path == installed


def test_no_chromium_at_all_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executable, "NAMES", ())

    with pytest.raises(ChromiumNotFound, match="Install chromium-headless-shell"):
        find_chromium.__wrapped__()


def test_a_path_that_is_no_chromium_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ChromiumNotFound, match="cannot be run"):
        find_chromium(tmp_path / "chromium")
    with pytest.raises(ChromiumNotFound, match="does not tell"):
        find_chromium(Path("/bin/true"))


def test_root_has_no_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    assert sandbox_refusal.__wrapped__(Path("/usr/bin/chromium")) is not None
