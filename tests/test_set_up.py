"""What `make` sets up, and what it does where that cannot be used: in a copy of its own folder.

There is nothing on the path but a system's usual tools and programs that are told: a Python of a
version that the test names, whose pip and whose venv leave traces, and npm.
"""

import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
COPIED = (
    "Makefile",
    "scripts/set-up.sh",
    "requirements.txt",
    "requirements-test.txt",
    "compose/requirements-build.txt",
    "setup.cfg",
    "pyproject.toml",
    "package.json",
    "package-lock.json",
)
TOOLS = (
    *("cat", "chmod", "cp", "dirname", "flock", "head"),
    *("make", "mkdir", "rm", "sed", "sh", "touch"),
)

PYTHON = """#!/bin/sh
case "$*" in
    *version_info*) echo "{version} {base}" ;;
    "-m venv .venv")
        echo "venv {version}" >> "$TOLD"
        mkdir -p .venv/bin
        cp "$0" .venv/bin/python
        echo "version = {version}" > .venv/pyvenv.cfg
        printf '#!/bin/sh\\n# %s/.venv/bin/python\\n. {path}/pip' "$PWD" > .venv/bin/pip
        chmod +x .venv/bin/pip
        ;;
esac
"""
PIP = """
[ ! -e fails ] || exit 1
echo "pip $*" >> "$TOLD"
case "$*" in
    *--editable*)
        printf '#!/bin/sh\\necho "wa-manager $*"' > .venv/bin/wa-manager
        chmod +x .venv/bin/wa-manager
        ;;
esac
"""
NPM = '#!/bin/sh\necho "npm $*" >> "$TOLD"; mkdir -p node_modules\n'
PACKAGES = '#!/bin/sh\necho "packages $*" >> "$TOLD"\n'


class Folder:
    """A copy of what make needs, and a path of its own."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "path"
        self.path.mkdir()
        for tool in TOOLS:
            found = shutil.which(tool)
            assert found is not None, tool
            (self.path / tool).symlink_to(found)
        self.told_file = folder / "told"
        self._write(self.path / "npm", NPM)
        self._write(self.path / "pip", PIP)
        self.folder = folder / "wa-manager"
        for name in COPIED:
            copy = self.folder / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy)
        self._write(self.folder / "scripts/install-system-packages.sh", PACKAGES)
        self.has_python("python3", "3.12.1")

    def has_python(self, name: str, version: str) -> None:
        """Have a Python of this version on the path."""
        text = PYTHON.format(version=version, base=f"/opt/{version}", path=self.path)
        self._write(self.path / name, text)

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": str(self.path), "TOLD": str(self.told_file)}

    def make(self, *arguments: str, code: int = 0) -> str:
        """Run make; give what it says."""
        done = subprocess.run(
            ["make", "--no-print-directory", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=60,
        )
        assert (done.returncode != 0) == (code != 0), done.stdout
        return done.stdout

    def told(self) -> list[str]:
        """Return what the programs were told since the last question."""
        told = self.told_file.read_text().splitlines() if self.told_file.exists() else []
        self.told_file.unlink(missing_ok=True)
        return told

    def make_outdated(self) -> None:
        """Have what was installed be older than what says what is to be installed."""
        os.utime(self.folder / ".venv/.installed", (0, 0))

    def _write(self, program: Path, text: str) -> None:
        program.write_text(text)
        program.chmod(0o755)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_the_first_set_up_says_how_long_it_takes_and_what_it_does(folder: Folder) -> None:
    said = folder.make("demo")
    assert "This takes about 90 s, once." in said
    steps = [line for line in said.splitlines() if line.startswith("* ")]
    assert [step.partition(",")[0] for step in steps] == [
        "* .venv",
        "* the libraries of requirements.txt",
        "* wa-js",
    ]
    assert "with Python 3.12.1" in said
    assert said.endswith("wa-manager demo\n")
    assert folder.told()[0] == "packages chromium npm venv"


def test_a_set_up_that_is_whole_says_nothing_and_changes_nothing(folder: Folder) -> None:
    folder.make("demo")
    folder.told()
    assert folder.make("demo") == "wa-manager demo\n"
    assert folder.told() == ["packages chromium npm"]


def test_new_requirements_are_installed_into_what_is_there(folder: Folder) -> None:
    folder.make("install")
    folder.told()
    folder.make_outdated()
    assert "90 s" not in folder.make("install")
    told = folder.told()
    assert not [line for line in told if line.startswith("venv")]
    assert len([line for line in told if line.startswith("pip")]) == 3


def test_tests_have_libraries_of_their_own(folder: Folder) -> None:
    folder.make("set-up-test")
    assert any("-r requirements-test.txt" in line for line in folder.told())
    assert folder.make("set-up-test") == ""


def test_a_python_that_is_too_old_is_named_before_anything_is_installed(folder: Folder) -> None:
    folder.has_python("python3", "3.9.2")
    said = folder.make("demo", code=2)
    assert "python3 is Python 3.9.2, and wa-manager needs 3.11 or newer." in said
    assert "90 s" not in said
    assert folder.told() == []


def test_without_a_python_it_is_said_which_one_is_needed(folder: Folder) -> None:
    (folder.path / "python3").unlink()
    assert "needs Python 3.11 or newer, and there is no python3" in folder.make("demo", code=2)
    assert folder.told() == []


def test_a_newer_python_beside_an_old_one_is_used(folder: Folder) -> None:
    folder.has_python("python3", "3.9.2")
    folder.has_python("python3.13", "3.13.0")
    said = folder.make("demo")
    assert "python3 is Python 3.9.2" in said
    assert "python3.13 is used, Python 3.13.0." in said
    assert "venv 3.13.0" in folder.told()
    assert folder.make("demo") == "wa-manager demo\n"


def test_the_python_that_is_named_is_used_or_refused(folder: Folder) -> None:
    folder.has_python("old", "3.10.14")
    assert "old is Python 3.10.14." in folder.make("demo", "PYTHON=old", code=2)
    assert "none cannot be run." in folder.make("demo", "PYTHON=none", code=2)
    assert folder.told() == []
    folder.has_python("new", "3.14.0")
    folder.make("demo", "PYTHON=new")
    assert "venv 3.14.0" in folder.told()


def no_python(folder: Folder) -> None:
    (folder.folder / ".venv/bin/python").unlink()


def upgraded_python(folder: Folder) -> None:
    # The link in .venv leads to another version since then.
    folder.has_python("python3", "3.13.0")
    shutil.copy(folder.path / "python3", folder.folder / ".venv/bin/python")


def old_python(folder: Folder) -> None:
    folder.has_python("old", "3.9.2")
    shutil.copy(folder.path / "old", folder.folder / ".venv/bin/python")


def moved_folder(folder: Folder) -> None:
    folder.folder = folder.folder.rename(folder.folder.with_name("elsewhere"))


def no_pip(folder: Folder) -> None:
    (folder.folder / ".venv/bin/pip").unlink()


def empty(folder: Folder) -> None:
    shutil.rmtree(folder.folder / ".venv")
    (folder.folder / ".venv").mkdir()


def dangling(folder: Folder) -> None:
    shutil.rmtree(folder.folder / ".venv")
    (folder.folder / ".venv").symlink_to(folder.folder / "nowhere")


def interrupted(folder: Folder) -> None:
    folder.make_outdated()
    (folder.folder / "fails").touch()
    folder.make("install", code=2)
    (folder.folder / "fails").unlink()


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (no_python, "its Python is gone"),
        (upgraded_python, "it was made with Python 3.12, which is 3.13.0 now"),
        (old_python, "it has Python 3.9.2"),
        (moved_folder, "it was made in another folder"),
        (no_pip, "it is half made"),
        (empty, "its Python is gone"),
        (dangling, "its Python is gone"),
        (interrupted, "its installation was interrupted"),
    ],
)
def test_what_cannot_be_used_is_made_anew_and_it_is_said_why(
    folder: Folder, spoil: Callable[[Folder], None], why: str
) -> None:
    folder.make("demo")
    spoil(folder)
    folder.told()
    said = folder.make("demo")
    assert f"The folder .venv is made anew: {why}.\n" in said
    assert said.endswith("wa-manager demo\n")
    assert any(re.fullmatch(r"venv 3\.1\d\.\d", line) for line in folder.told())
    assert folder.make("demo") == "wa-manager demo\n"


def test_what_is_there_stays_where_nothing_can_be_made_of_it(folder: Folder) -> None:
    folder.make("demo")
    no_pip(folder)
    folder.has_python("python3", "3.9.2")
    folder.make("demo", code=2)
    assert (folder.folder / ".venv/bin/wa-manager").exists()


def test_another_python_is_taken_only_if_it_is_named(folder: Folder) -> None:
    folder.make("demo")
    folder.has_python("python3", "3.9.2")
    assert folder.make("demo") == "wa-manager demo\n"
    folder.has_python("python3.13", "3.13.0")
    assert "has another Python than python3.13" in folder.make("demo", "PYTHON=python3.13")
    assert folder.make("demo") == "wa-manager demo\n"


def test_two_set_ups_at_once_do_not_undo_each_other(folder: Folder) -> None:
    with (folder.folder / "scripts/set-up.sh").open() as script:
        fcntl.flock(script, fcntl.LOCK_EX)
        with subprocess.Popen(
            ["make", "--no-print-directory", "install"],
            cwd=folder.folder,
            env=folder.environment,
            stdout=subprocess.PIPE,
            text=True,
        ) as second:
            assert second.stdout is not None
            assert second.stdout.readline().startswith("Another set-up is at work in this folder.")
            assert folder.told() == []
            fcntl.flock(script, fcntl.LOCK_UN)
            second.stdout.read()
    assert second.returncode == 0
    assert "venv 3.12.1" in folder.told()
