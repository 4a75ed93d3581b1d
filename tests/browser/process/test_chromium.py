"""One Chromium process group, from its start to its proven end."""

import asyncio
import errno
import fcntl
import os
import resource
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest

from actors.browser.errors import ChromiumNotFound
from actors.browser.process import flags
from actors.browser.process.chromium import FILES, NICENESS, Chromium
from actors.browser.process.executable import Executable, find_chromium
from actors.browser.profile.profile import LOCK, Profile
from tests.browser.watched import group_members, until

BUILDS = ("chromium-headless-shell", "chromium")
Open = Callable[..., Chromium]
GROUPED_BY_SESSION = Path("/proc/sys/kernel/sched_autogroup_enabled")

PARENT = """
import asyncio, sys
from pathlib import Path
from actors.browser.process.chromium import Chromium
from actors.browser.profile.profile import Profile
async def main():
    profile = Profile(Path(sys.argv[1]))
    profile.lock()
    chromium = Chromium(sys.argv[2:], profile.lock_descriptor)
    await chromium.connection.send("Browser.getVersion")
    print(chromium.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    profile = Profile(tmp_path / "account")
    profile.lock()
    return profile


@pytest.fixture(params=BUILDS)
def build(request: pytest.FixtureRequest) -> Executable:
    """Each of the two builds, where both are installed."""
    try:
        path = next(
            path
            for folder in ("/usr/lib/chromium", "/usr/lib64/chromium", f"/usr/lib/{request.param}")
            if (path := Path(folder, request.param)).exists()
        )
        return find_chromium(path)
    except (StopIteration, ChromiumNotFound):
        pytest.skip(f"{request.param} is not installed")


@pytest.fixture
async def start(profile: Profile) -> AsyncIterator[Open]:
    started: list[Chromium] = []

    def start_it(executable: Executable | None = None) -> Chromium:
        command = command_for(executable or find_chromium(), profile.path)
        started.append(Chromium(command, profile.lock_descriptor))
        return started[-1]

    yield start_it
    for chromium in started:
        chromium.kill()
        await chromium.close(5)
    profile.unlock()


def command_for(executable: Executable, profile: Path) -> list[str]:
    marker = flags.marker("tests", "account")
    return flags.command(
        executable,
        profile,
        marker,
        sandbox=False,
        web_url="about:blank",
        map_host=None,
        cache_mb=100,
    )


async def test_it_answers_over_its_pipe(start: Open, build: Executable) -> None:
    version = await start(build).connection.send("Browser.getVersion")

    assert version["product"].endswith(build.version)


async def test_it_opens_no_tcp_port(start: Open, build: Executable) -> None:
    chromium = start(build)
    await chromium.connection.send("Browser.getVersion")

    connections = [
        connection for pid in group_members(chromium.pid) for connection in tcp_connections(pid)
    ]

    assert connections == []


async def test_a_proper_end_leaves_no_process_and_no_lock(
    start: Open, build: Executable, profile: Profile
) -> None:
    chromium = start(build)
    await chromium.connection.send("Browser.getVersion")

    await chromium.close(10)

    # On a busy machine the shell's graphics thread may trip over an end right after the start.
    assert chromium.exited.result() in (0, -signal.SIGTRAP)
    assert group_members(chromium.pid) == []
    assert profile.clean_locks() == []


async def test_one_that_does_not_answer_is_killed_after_its_time(start: Open) -> None:
    chromium = start()
    await chromium.connection.send("Browser.getVersion")
    os.kill(chromium.pid, signal.SIGSTOP)
    began = time.monotonic()

    await chromium.close(0.5)

    assert 0.5 <= time.monotonic() - began < 3
    assert chromium.exited.result() == -signal.SIGKILL
    assert group_members(chromium.pid) == []


async def test_a_kill_is_noticed_at_once_and_takes_the_helpers_along(start: Open) -> None:
    chromium = start()
    await chromium.connection.send("Browser.getVersion")
    helpers = set(group_members(chromium.pid)) - {chromium.pid}

    os.kill(chromium.pid, signal.SIGKILL)
    code = await asyncio.wait_for(chromium.exited, 1)
    await chromium.close(5)

    assert helpers
    assert code == -signal.SIGKILL
    assert group_members(chromium.pid) == []


async def test_its_last_words_are_kept_as_evidence_but_not_without_end(profile: Profile) -> None:
    words = "import sys; sys.stderr.write('x' * 100_000 + 'the reason'); sys.exit(7)"
    chromium = Chromium([sys.executable, "-c", words], profile.lock_descriptor)

    assert await asyncio.wait_for(chromium.exited, 10) == 7
    assert chromium.last_words().endswith("xthe reason")
    assert len(chromium.last_words()) < 5000


async def test_a_program_that_is_not_there_is_an_error_and_leaks_nothing(
    profile: Profile,
) -> None:
    before = open_descriptors()

    with pytest.raises(FileNotFoundError):
        Chromium(["/nowhere/chromium"], profile.lock_descriptor)

    assert open_descriptors() == before


async def test_one_that_cannot_be_watched_is_ended_and_leaves_nothing(
    profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, spawned = open_descriptors(), list[int]()

    def refuse(pid: int) -> int:
        spawned.append(pid)
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(os, "pidfd_open", refuse)
    with pytest.raises(OSError, match="Too many open files"):
        Chromium(command_for(find_chromium(), profile.path), profile.lock_descriptor)

    with pytest.raises(ProcessLookupError):
        os.kill(spawned[0], 0)
    assert open_descriptors() == before
    await until(lambda: group_members(spawned[0]) == [], "its helpers ended")
    profile.unlock()
    assert is_free(profile)


@pytest.mark.parametrize("spare", range(8))
async def test_a_start_for_which_no_descriptors_are_left_leaks_none(
    profile: Profile, spare: int
) -> None:
    before, (soft, hard) = open_descriptors(), resource.getrlimit(resource.RLIMIT_NOFILE)
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(100)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (held[-1] + 1 + spare, hard))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            Chromium(["/bin/sleep", "60"], profile.lock_descriptor)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for fd in held:
            os.close(fd)

    assert open_descriptors() == before
    assert psutil.Process().children() == []


async def test_a_server_that_may_open_many_files_lends_its_browsers_no_more_than_they_need(
    start: Open, build: Executable
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard <= FILES:
        pytest.skip(f"the limit of open files cannot be raised beyond {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        chromium = start(build)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    await chromium.connection.send("Browser.getVersion")

    assert psutil.Process(chromium.pid).rlimit(psutil.RLIMIT_NOFILE) == (FILES, hard)


async def test_browsers_let_the_server_go_first_also_where_the_kernel_puts_that_off(
    start: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes one group's niceness in 100 ms from a user, and many browsers start at once."""
    write, refusals = Path.write_text, [BlockingIOError(), BlockingIOError()]

    def write_later(path: Path, text: str) -> int:
        if refusals:
            raise refusals.pop()
        return write(path, text)

    monkeypatch.setattr(Path, "write_text", write_later)
    chromium = start()

    assert os.getpriority(os.PRIO_PROCESS, chromium.pid) == NICENESS
    if GROUPED_BY_SESSION.exists() and GROUPED_BY_SESSION.read_text() == "1\n":
        group = Path(f"/proc/{chromium.pid}/autogroup")
        nice = f"nice {NICENESS}\n"
        await until(lambda: group.read_text().endswith(nice), "its group is nice")


async def test_starts_and_ends_leak_no_descriptor(start: Open) -> None:
    await start().close(5)
    before = open_descriptors()

    for _ in range(3):
        await start().close(5)

    assert open_descriptors() == before


async def test_the_profile_stays_locked_while_it_runs_although_we_let_go(
    start: Open, profile: Profile
) -> None:
    chromium = start()
    await chromium.connection.send("Browser.getVersion")

    profile.unlock()

    assert not is_free(profile)
    await chromium.close(5)
    assert is_free(profile)


async def test_every_process_of_it_is_in_its_group(
    start: Open, build: Executable, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Other processes of the tests run the same test at the same time.
    mark = f"MARK_OF_{os.getpid()}"
    monkeypatch.setenv(mark, "1")
    chromium = start(build)
    await chromium.connection.send("Browser.getVersion")

    marked = {
        process.pid
        for process in psutil.process_iter(["environ"])
        if mark in (process.info["environ"] or {})
    }

    assert chromium.pid in marked
    assert marked <= set(group_members(chromium.pid))


async def test_the_environment_is_passed_on_without_our_settings(
    start: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WA_API_KEY", "secret")
    monkeypatch.setenv("TZ", "UTC")

    chromium = start()
    # Before it runs, the kernel shows none.
    await chromium.connection.send("Browser.getVersion")
    environment = psutil.Process(chromium.pid).environ()

    assert "WA_API_KEY" not in environment
    assert environment["TZ"] == "UTC"


async def test_it_ends_when_its_server_is_killed_and_the_profile_is_free_again(
    build: Executable, tmp_path: Path
) -> None:
    profile = Profile(tmp_path / "other")
    arguments = [str(profile.path), *command_for(build, profile.path)]
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "ignore", "-c", PARENT, *arguments),
        stdout=asyncio.subprocess.PIPE,
    )
    assert server.stdout is not None
    pid = int(await asyncio.wait_for(server.stdout.readline(), 20))

    server.kill()
    await server.wait()

    await until(lambda: group_members(pid) == [], "the browser ended")
    profile.lock()
    profile.unlock()


async def test_a_server_that_starts_while_the_old_browser_still_ends_gets_the_profile(
    tmp_path: Path,
) -> None:
    profile = Profile(tmp_path / "other")
    arguments = [str(profile.path), *command_for(find_chromium(), profile.path)]
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "ignore", "-c", PARENT, *arguments),
        stdout=asyncio.subprocess.PIPE,
    )
    assert server.stdout is not None
    pid = int(await asyncio.wait_for(server.stdout.readline(), 20))
    os.kill(pid, signal.SIGSTOP)
    server.kill()
    await server.wait()
    assert not is_free(profile)

    await asyncio.to_thread(profile.lock)

    await until(lambda: group_members(pid) == [], "the orphan ended")
    profile.unlock()


def tcp_connections(pid: int) -> list[object]:
    try:
        return list(psutil.Process(pid).net_connections("tcp"))
    except psutil.NoSuchProcess:
        return []


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def is_free(profile: Profile) -> bool:
    """Whether the kernel would give the profile's lock to somebody else."""
    with (profile.path / LOCK).open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True
