"""A server is dead when its process is, and never by guess."""

import fcntl
import subprocess
import sys
from pathlib import Path

import pytest

from actors.leases.liveness import Liveness

LIVE = """
import sys
from pathlib import Path
from actors.leases.liveness import Liveness
Liveness(Path(sys.argv[1]), "other").hold()
print("alive", flush=True)
sys.stdin.read()
"""


def test_a_killed_process_is_proven_dead_at_once(tmp_path: Path) -> None:
    ours = Liveness(tmp_path, "ours")
    command = [sys.executable, "-c", LIVE, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        alive = not ours.is_dead("other")
        other.kill()
        other.wait()
    assert alive
    assert ours.is_dead("other")


def test_the_living_are_all_that_hold_their_sign_but_us(tmp_path: Path) -> None:
    ours, other = Liveness(tmp_path, "ours"), Liveness(tmp_path, "other")
    ours.hold()
    other.hold()
    living_before = ours.living()
    other.end()
    assert (living_before, ours.living()) == ({"other"}, set())
    ours.end()


def test_nobody_can_know_of_a_server_on_another_data_directory(tmp_path: Path) -> None:
    assert not Liveness(tmp_path, "ours").is_dead("elsewhere")


def test_the_files_of_the_dead_go_when_they_prove_nothing_any_more(tmp_path: Path) -> None:
    servers = {name: Liveness(tmp_path, name) for name in ("ours", "living", "needed", "dead")}
    for each in servers.values():
        each.hold()
    servers["needed"].end()
    servers["dead"].end()

    servers["ours"].tidy({"needed"})

    assert {file.stem for file in tmp_path.iterdir()} == {"ours", "living", "needed"}
    for name in ("ours", "living"):
        servers[name].end()


def test_a_server_whose_file_is_tidied_away_while_it_starts_can_be_proven_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newcomer, other = Liveness(tmp_path, "newcomer"), Liveness(tmp_path, "other")
    flock = fcntl.flock

    def flock_too_late(descriptor: int, operation: int) -> None:
        monkeypatch.setattr(fcntl, "flock", flock)
        other.tidy(())
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", flock_too_late)
    newcomer.hold()
    living = other.living()
    newcomer.end()

    assert living == {"newcomer"}
    assert other.is_dead("newcomer")


def test_no_server_comes_to_life_on_a_file_that_is_being_taken_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newcomer, other = Liveness(tmp_path, "newcomer"), Liveness(tmp_path, "other")
    newcomer.hold()
    newcomer.end()
    unlink, refused = Path.unlink, []

    def unlink_last(file: Path) -> None:
        with file.open("r+") as opened, pytest.raises(BlockingIOError):
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        refused.append(file.stem)
        unlink(file)

    monkeypatch.setattr(Path, "unlink", unlink_last)
    other.tidy(())

    assert refused == ["newcomer"]
    assert list(tmp_path.iterdir()) == []


def test_a_sign_that_is_a_link_is_not_followed_and_proves_nothing(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.touch()
    (tmp_path / "ours.lock").symlink_to(elsewhere)
    (tmp_path / "other.lock").symlink_to(elsewhere)

    with pytest.raises(OSError, match="symbolic link"):
        Liveness(tmp_path, "ours").hold()
    assert not Liveness(tmp_path, "third").is_dead("other")
