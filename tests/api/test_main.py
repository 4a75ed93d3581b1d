"""The command line as people use it: what it prints, and its exit codes."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from api.__main__ import main
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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["serv"], "there is no command 'serv'; did you mean serve?"),
        (["xyzzy"], "there is no command 'xyzzy'; there are serve, simulate, demo."),
        (["serve", "--prot", "5"], "serve has no flag --prot; did you mean --port?"),
        (["serve", "--log_level=INFO"], "serve has no flag --log_level; did you mean --log-level?"),
        (["serve", "--xyzzy"], "serve has no flag --xyzzy; `wa-manager serve --help` lists all."),
        (["serve", "5001"], "serve takes nothing but flags; '5001' is none"),
        (["serve", "--port"], "argument --port: expected one argument; `wa-manager serve --help`"),
        (["simulate", "--tsl"], "simulate has no flag --tsl; did you mean --tls?"),
        (["demo", "--acounts", "2"], "demo has no flag --acounts; did you mean --accounts?"),
    ],
)
def test_a_misspelt_word_is_one_line_that_names_the_right_one(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(arguments)
    except SystemExit as ended:
        code = int(str(ended.code))
    printed = capsys.readouterr()
    assert code == 2
    assert printed.err.startswith(f"wa-manager: {message}")
    assert len(printed.err.splitlines()) == 1
