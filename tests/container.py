"""The image and its container without a container engine.

The image's steps run in a folder instead of in layers, and its command runs with what compose.yaml
gives a container: a user without privileges, its environment and nothing else, its system calls, a
root that is read-only. Not there: the steps that install system packages, and the limits.
"""

import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

PROJECT = Path(__file__).resolve().parents[1]
COMPOSE = PROJECT / "compose"
HOME = "/opt/wa-manager"
"""Where the image keeps the server."""
USER = 10001 if os.geteuid() == 0 else os.geteuid()
"""The image's user; our own where we may not become another one."""
PATH = "/usr/local/bin:/usr/bin:/bin"
BUILT = "websockets"
"""The one library that has no wheel for the image's Python."""
AS_IN_THE_IMAGE = {
    "libraries": {
        "PIP_NO_BINARY": BUILT,
        "PIP_USE_PEP517": "1",
        "PIP_REQUIRE_HASHES": "1",
        "CC": "false",
    }
}
"""What has a step do here what it does in the image, whose Python and pip may be newer than ours.

There is no wheel of one library for them, and no compiler. Pip builds in an environment that it
makes for that, unless it is told not to: what it would fetch then has no hash, and is refused.
"""

READ_ONLY_ROOT = """
data=$1
shift
mount -t tmpfs -o noexec,nosuid,nodev,mode=1777 tmpfs /tmp
mount --bind "$data" "$data"
cut -d " " -f 5 /proc/self/mountinfo | while read -r place; do
    case $place/ in
        /dev/* | /proc/* | /sys/* | /tmp/ | "$data/") ;;
        # What refuses it is somewhere else on this machine.
        *) mount -o remount,bind,ro "$place" || : ;;
    esac
done
exec "$@"
"""
"""Makes what an engine makes of `read_only`, of `tmpfs` and of a volume, and becomes a command."""


def compose() -> dict[str, Any]:
    """Read compose.yaml, its variables as they are written."""
    content: dict[str, Any] = YAML(typ="safe").load(COMPOSE / "compose.yaml")
    return content


def instructions() -> list[tuple[str, str]]:
    """Read the Dockerfile: each instruction's name and the rest of it."""
    text = (COMPOSE / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines]


def last(name: str) -> str:
    """Return what the image itself says in an instruction: the last one of that name."""
    return [rest for instruction, rest in instructions() if instruction == name][-1]


def environment() -> dict[str, str]:
    """The environment that the image gives its command."""
    return dict(word.split("=", 1) for word in shlex.split(last("ENV")))


def health_check() -> list[str]:
    """The command by which an engine finds out how the server is."""
    command: list[str] = json.loads(last("HEALTHCHECK").removeprefix("CMD "))
    return command


def command() -> list[str]:
    """What a container starts with."""
    return [*json.loads(last("ENTRYPOINT")), *json.loads(last("CMD"))]


def as_user() -> list[str]:
    """The beginning of a command that has the image's user and no privileges."""
    if os.geteuid() != 0:
        return ["setpriv", "--no-new-privs"]
    identity = [f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
    return ["setpriv", *identity, "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]


def confined(place: Path) -> list[str]:
    """The beginning of a command that may call what compose.yaml's profile allows."""
    for file in (COMPOSE / "seccomp.json", PROJECT / "tests/confinement.py"):
        shutil.copy(file, place)
    return [*as_user(), "/usr/bin/python3", f"{place}/confinement.py", f"{place}/seccomp.json"]


def may_mount() -> bool:
    """Say whether a command here can have a root of its own."""
    asked = ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/tmp"]
    return subprocess.run(asked, capture_output=True, check=False).returncode == 0


def with_read_only_root(data: Path) -> list[str]:
    """The beginning of a command that can write to its data and to a /tmp of its own alone."""
    return ["unshare", "--mount", "sh", "-euc", READ_ONLY_ROOT, "sh", str(data)]


def given(variables: dict[str, str]) -> list[str]:
    """The middle of a command that has these variables and no other."""
    return ["env", "-i", *(f"{name}={value}" for name, value in variables.items())]


def build(place: Path) -> Path:
    """Run the image's steps in a clean folder, as its user; give where the server is then.

    Only what .dockerignore lets through is there. What installs system packages is left out.
    """
    source, image = place / "source", place / "image"
    for line in (PROJECT / ".dockerignore").read_text().splitlines():
        if line.startswith("!"):
            _copy(PROJECT / line[1:], source / line[1:])
    image.mkdir()
    hand_over(place)
    for instruction, rest in instructions():
        step = shlex.split(rest)
        if instruction == "RUN" and step[-1] == HOME:
            subprocess.run(
                [*as_user(), *step[:-1], str(image)],
                cwd=source,
                env={
                    **os.environ,
                    **AS_IN_THE_IMAGE.get(step[1], {}),
                    "HOME": str(place),
                    "PATH": PATH,
                },
                stdout=subprocess.DEVNULL,
                check=True,
                timeout=240,
            )
    return image


def hand_over(place: Path) -> None:
    """Make all that lies in a folder the image's user's."""
    for path in (place, *place.rglob("*")):
        os.chown(path, USER, USER if os.geteuid() == 0 else -1, follow_symlinks=False)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)
