"""The unit for systemd starts the server as it is, and stops it as it wants to be stopped."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from api.app import LAST_WRITES_SECONDS
from api.server.connections import REQUEST_SECONDS
from api.settings import Settings

ROOT = Path(__file__).parent.parent
UNIT = (ROOT / "compose/systemd/wa-manager.service").read_text()


def setting(name: str) -> str:
    [value] = re.findall(rf"^{name}=(.*)$", UNIT, re.MULTILINE)
    return str(value)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd's programs")
def test_systemd_takes_the_unit_without_a_complaint(tmp_path: Path) -> None:
    program = tmp_path / ".venv/bin/wa-manager"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    here = UNIT.replace("/opt/wa-manager", str(tmp_path))
    here = re.sub(r"^(User|Group)=.*$", r"\1=root", here, flags=re.MULTILINE)
    unit = tmp_path / "wa-manager.service"
    unit.write_text(here)
    done = subprocess.run(
        ["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_unit_starts_a_program_that_the_installation_has() -> None:
    program, *arguments = shlex.split(setting("ExecStart"))
    assert program == "/opt/wa-manager/.venv/bin/wa-manager"
    done = subprocess.run(
        [ROOT / ".venv/bin/wa-manager", *arguments, "--help"], capture_output=True, check=False
    )
    assert done.returncode == 0


def test_the_unit_gives_the_server_the_time_to_stop() -> None:
    shutdown = Settings.model_fields["shutdown_seconds"].default
    # A second signal's time for browsers that do not end is the same again at most.
    needed = 2 * shutdown + LAST_WRITES_SECONDS + REQUEST_SECONDS
    assert int(setting("TimeoutStopSec")) > needed
    assert setting("KillMode") == "mixed"


def test_a_browser_that_the_kernel_ends_does_not_end_the_unit() -> None:
    assert setting("OOMPolicy") == "continue"


def test_the_sandbox_of_chromium_can_make_its_namespaces() -> None:
    assert "\nRestrictNamespaces=" not in UNIT
    assert "AF_NETLINK" in setting("RestrictAddressFamilies")
