"""The command line as people use it: what it prints, and its exit codes."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from api.settings import Settings, environment_without_settings, flag


def wa_manager(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**environment_without_settings(), **variables}
    return subprocess.run(
        [sys.executable, "-m", "api", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_version_is_told() -> None:
    assert wa_manager("--version").stdout == f"wa-manager {version('wa-manager')}\n"


def test_every_setting_is_a_flag_of_serve() -> None:
    help_ = wa_manager("serve", "--help").stdout
    assert [name for name in Settings.model_fields if flag(name) not in help_] == []


@pytest.mark.parametrize("command", ["serve", "simulate", "demo"])
def test_every_command_explains_itself(command: str) -> None:
    done = wa_manager(command, "--help")
    assert (done.returncode, done.stderr) == (0, "")


def test_no_command_is_a_usage_error() -> None:
    assert wa_manager().returncode == 2


@pytest.mark.parametrize("count", ["0", "-1", "x"])
def test_a_demonstration_needs_accounts(count: str) -> None:
    assert wa_manager("demo", "--accounts", count).returncode == 2


def test_a_bad_variable_is_one_line_and_exit_2() -> None:
    done = wa_manager("serve", WA_PORT="abc")
    assert done.returncode == 2
    assert done.stderr.startswith("wa-manager: WA_PORT: ")
    assert len(done.stderr.splitlines()) == 1


def test_an_unusable_data_directory_is_one_line_and_exit_2(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = wa_manager("serve", "--port", "0", "--data-dir", str(tmp_path / "file" / "data"))
    assert done.returncode == 2
    assert done.stderr.startswith("wa-manager: WA_DATA_DIR: ")
    assert len(done.stderr.splitlines()) == 1
