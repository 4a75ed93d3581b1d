"""What the installation of system packages does where Chromium comes as a snap only.

The script runs in a namespace of its own, which hides the browsers and the folders it writes to.
There is on its path what a fresh system has; apt-get, npx and the snap are told.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts/install-system-packages.sh"
TOOLS = (
    *("cat", "chmod", "cp", "env", "grep", "head", "id", "ln"),
    *("mkdir", "readlink", "rm", "sh", "tee", "true"),
)
HIDDEN = ("/usr/lib/chromium", "/usr/lib64/chromium", "/opt", "/usr/local", "/usr/sbin")
HIDE = 'for folder in {}; do [ ! -d "$folder" ] || mount -t tmpfs none "$folder"; done'

NO_SUCH_PACKAGE = "exit 1"
INSTALL = """
case " $* " in *" install "*" npm "*) cp -P {told}/npm {told}/npx {path} ;; esac
case " $* " in *" install "*" nginx "*) cp {path}/true {path}/nginx ;; esac
"""
SYSTEMCTL = """
case $1 in
    is-enabled) exit 1 ;;
    *) echo "$@" >> {told}/systemctl.log ;;
esac
"""
DOWNLOAD = """
for folder in "$@"; do :; done
folder=$folder/chrome-headless-shell/linux-1.2.3.4/chrome-headless-shell-linux64
mkdir -p "$folder" /usr/local/bin
cp {path}/true "$folder/chrome-headless-shell"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The one folder of the script's path, but for /usr/local/bin."""
    path, told = tmp_path / "path", tmp_path / "told"
    path.mkdir()
    told.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found is not None, tool
        (path / tool).symlink_to(found)
    shutil.copy(path / "true", told / "snap")
    (path / "chromium").symlink_to(told / "snap")
    programs = {
        path / "apt-cache": NO_SUCH_PACKAGE,
        path / "apt-get": INSTALL,
        path / "systemctl": SYSTEMCTL,
        told / "npm": "",
        told / "npx": DOWNLOAD,
    }
    for program, text in programs.items():
        program.write_text("#!/bin/sh\n" + text.format(path=path, told=told))
        program.chmod(0o755)
    return path


def install(path: Path, *needs: str) -> str:
    """Run the script; give where the browser on the path lies afterwards."""
    script = shutil.copy(SCRIPT, path.parent)
    steps = (
        HIDE.format(" ".join(HIDDEN)),
        f"export PATH={path}:/usr/local/bin",
        f"{script} {' '.join(needs)} >&2",
        "readlink /usr/local/bin/chrome-headless-shell",
    )
    as_root = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    done = subprocess.run(
        ["unshare", *as_root, "--mount", "sh", "-ec", "\n".join(steps)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_where_chromium_is_a_snap_only_a_headless_shell_is_put_on_the_path(path: Path) -> None:
    found = install(path, "chromium", "npm")

    assert found.startswith("/usr/local/lib/")
    assert found.endswith("/linux-1.2.3.4/chrome-headless-shell-linux64/chrome-headless-shell")


def test_the_service_of_a_program_that_tests_need_does_not_start_with_the_machine(
    path: Path, tmp_path: Path
) -> None:
    install(path, "chromium", "npm", "nginx")

    log = (tmp_path / "told/systemctl.log").read_text()
    assert log.splitlines() == ["disable --quiet nginx"]
