"""A profile's lock, Chromium's own stale ones, and its end."""

import json
import os
import resource
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from actors.browser.errors import ProfileLocked
from actors.browser.profile.profile import LOCK, SINGLETONS, Profile, find_profiles, locked

HOST = socket.gethostname()
TAKE = """
import sys, time
from pathlib import Path
from actors.browser.profile.profile import Profile
Profile(Path(sys.argv[1])).lock()
print("locked", flush=True)
time.sleep(60)
"""
TAKE_ON_A_FULL_DISK = """
import sys
from pathlib import Path
from actors.browser.profile.profile import Profile, locked
path = Path(sys.argv[1])
filler = path.with_name("filler")
try:
    filler.write_bytes(bytes(1 << 20))
except OSError:
    pass
for room in (False, True):
    if room:
        filler.unlink()
    try:
        with locked(Profile(path)):
            print("locked")
    except OSError as error:
        print(error.strerror)
"""


@pytest.fixture
def profile(tmp_path: Path) -> Iterator[Profile]:
    profile = Profile(tmp_path / "profiles" / "account")
    yield profile
    profile.unlock()


@pytest.fixture
def holder(profile: Profile) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the profile."""
    command = [sys.executable, "-c", TAKE, str(profile.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        yield process
        process.kill()


def stale_locks(profile: Profile, target: str) -> set[Path]:
    """Leave what a full Chromium leaves, its lock pointing to a host and a process."""
    profile.path.mkdir(parents=True, exist_ok=True)
    (profile.path / "SingletonLock").symlink_to(target)
    (profile.path / "SingletonCookie").symlink_to("12345678901234567890")
    (profile.path / "SingletonSocket").symlink_to("/nowhere/SingletonSocket")
    return {profile.path / name for name in SINGLETONS}


@contextmanager
def pretended_chromium(profile: Profile, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that names the profile, and holds its lock if the profile is locked."""
    command = [sys.executable, "-c", "print(flush=True); import time; time.sleep(60)"]
    command += [f"--user-data-dir={profile.path}", *arguments]
    locks = [] if profile._lock is None else [profile._lock]
    with subprocess.Popen(
        command, start_new_session=True, pass_fds=locks, stdout=subprocess.PIPE
    ) as process:
        # Its arguments can be read only after it has begun to run.
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


@contextmanager
def no_file_may_be_written() -> Iterator[None]:
    """Have the kernel refuse every byte that this process would write into a file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def dead_pid() -> int:
    with subprocess.Popen(["/bin/true"]) as process:
        process.wait()
    return process.pid


def test_a_new_profile_is_nobody_elses_to_read(profile: Profile) -> None:
    profile.lock()

    assert stat.S_IMODE(profile.path.stat().st_mode) == 0o700


def test_a_profile_is_held_by_one_only_and_it_is_told_by_whom(profile: Profile) -> None:
    profile.lock()

    with pytest.raises(ProfileLocked, match=f"held by process {os.getpid()} on {HOST}"):
        Profile(profile.path).lock()


def test_a_profile_is_free_again_once_it_was_given_up(profile: Profile) -> None:
    with locked(profile):
        pass
    other = Profile(profile.path)

    other.lock()

    other.unlock()


def test_a_profile_held_by_a_living_process_is_refused(
    profile: Profile, holder: subprocess.Popen[str]
) -> None:
    with pytest.raises(ProfileLocked, match=f"held by process {holder.pid}"):
        profile.lock()


def test_a_profile_of_a_killed_process_is_free(
    profile: Profile, holder: subprocess.Popen[str]
) -> None:
    holder.kill()
    holder.wait()

    profile.lock()

    assert profile.lock_descriptor >= 0


def test_a_lock_that_is_a_link_is_not_followed(profile: Profile, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("not ours to write")
    profile.path.mkdir(parents=True)
    (profile.path / LOCK).symlink_to(elsewhere)

    with pytest.raises(OSError, match="symbolic link"):
        profile.lock()

    assert elsewhere.read_text() == "not ours to write"


def test_a_profile_that_cannot_be_written_is_free_again_and_keeps_its_holders_name(
    profile: Profile,
) -> None:
    with locked(profile):
        pass
    written = (profile.path / LOCK).read_text()

    with no_file_may_be_written(), pytest.raises(OSError, match="too large"):
        profile.lock()

    assert (profile.path / LOCK).read_text() == written
    with locked(Profile(profile.path)):
        pass


def test_a_profile_on_a_full_disk_can_be_taken_once_there_is_room(tmp_path: Path) -> None:
    as_root = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    mount = 'mount -t tmpfs -o size=16k none "$0" && exec "$@"'
    take = [sys.executable, "-c", TAKE_ON_A_FULL_DISK, str(tmp_path / "account")]
    done = subprocess.run(
        ["unshare", *as_root, "--mount", "sh", "-c", mount, str(tmp_path), *take],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.stderr.startswith(("unshare: ", "mount: ")):
        pytest.skip(f"no disk can be mounted here: {done.stderr}")
    assert done.stdout.splitlines() == ["No space left on device", "locked"], done.stderr


def test_locks_of_another_host_are_removed(profile: Profile) -> None:
    left = stale_locks(profile, "other-container-7")
    profile.lock()

    assert set(profile.clean_locks()) == left
    assert not any(os.path.lexists(path) for path in left)


def test_locks_of_a_dead_process_are_removed(profile: Profile) -> None:
    left = stale_locks(profile, f"{HOST}-{dead_pid()}")
    profile.lock()

    assert set(profile.clean_locks()) == left


def test_locks_that_name_a_living_stranger_are_removed_and_it_lives_on(profile: Profile) -> None:
    with subprocess.Popen(["/bin/sleep", "60"]) as stranger:
        left = stale_locks(profile, f"{HOST}-{stranger.pid}")
        profile.lock()

        assert set(profile.clean_locks()) == left
        assert stranger.poll() is None
        stranger.kill()


@pytest.mark.parametrize("target", ["garbage", "-", f"{HOST}-", f"{HOST}-x", "-1"])
def test_locks_of_garbage_are_removed(profile: Profile, target: str) -> None:
    left = stale_locks(profile, target)
    profile.lock()

    assert set(profile.clean_locks()) == left


def test_a_plain_file_or_directory_in_a_locks_place_is_removed(profile: Profile) -> None:
    profile.lock()
    (profile.path / "SingletonLock").write_text("x")
    (profile.path / "SingletonSocket" / "x").mkdir(parents=True)

    removed = profile.clean_locks()

    assert [path.name for path in removed] == ["SingletonLock", "SingletonSocket"]
    assert not any(path.exists() for path in removed)


def test_a_clean_profile_has_nothing_to_remove(profile: Profile) -> None:
    profile.lock()

    assert profile.clean_locks() == []


def test_only_the_holder_removes_anything(profile: Profile) -> None:
    left = stale_locks(profile, "other-container-7")

    with pytest.raises(ProfileLocked):
        profile.clean_locks()
    with pytest.raises(ProfileLocked):
        profile.remove()

    assert all(os.path.lexists(path) for path in left)


def test_a_profile_that_a_foreign_chromium_uses_is_left_alone(profile: Profile) -> None:
    with pretended_chromium(profile) as foreign:
        left = stale_locks(profile, f"{HOST}-{foreign.pid}")
        profile.lock()

        with pytest.raises(ProfileLocked, match=f"pid {foreign.pid}"):
            profile.clean_locks()

        assert foreign.poll() is None
        assert all(os.path.lexists(path) for path in left)


def test_an_orphan_of_ours_is_ended_before_its_lock_is_removed(profile: Profile) -> None:
    with pretended_chromium(profile, "--wa-manager=server:account") as orphan:
        left = stale_locks(profile, f"{HOST}-{orphan.pid}")
        profile.lock()

        assert set(profile.clean_locks()) == left
        orphan.wait(5)


@pytest.mark.parametrize("successor", ["nobody", "a process of the same id"])
def test_an_orphan_that_keeps_the_lock_of_a_dead_server_is_ended(
    profile: Profile, successor: str
) -> None:
    profile.lock()
    pid = dead_pid() if successor == "nobody" else os.getpid()
    record = {"host": HOST, "pid": pid, "started": "long ago"}
    (profile.path / LOCK).write_text(json.dumps(record))
    with pretended_chromium(profile, "--wa-manager=server:account") as orphan:
        profile.unlock()

        profile.lock()

        orphan.wait(5)


def test_a_removed_profile_is_gone_and_free(profile: Profile) -> None:
    profile.lock()
    (profile.path / "Default" / "Cache").mkdir(parents=True)
    (profile.path / "Default" / "Cache" / "data").write_bytes(b"x")
    (profile.path / "SingletonLock").symlink_to("nowhere")

    profile.remove()

    assert not profile.path.exists()
    profile.lock()


def test_removing_follows_no_link_out_of_the_profile(profile: Profile, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("x")
    profile.lock()
    (profile.path / "link").symlink_to(outside)

    profile.remove()

    assert (outside / "kept").exists()


def test_the_size_is_what_it_takes_on_disk(profile: Profile) -> None:
    profile.lock()
    before = profile.size()

    (profile.path / "data").write_bytes(b"x" * 100_000)

    assert 100_000 <= profile.size() - before < 110_000


def test_profiles_are_found_in_order(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / name).mkdir()
    (tmp_path / "file").touch()

    assert [profile.account_id for profile in find_profiles(tmp_path)] == ["a", "b"]
    assert find_profiles(tmp_path / "nowhere") == []
