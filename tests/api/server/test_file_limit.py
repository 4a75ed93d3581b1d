"""How many files the server may have open."""

import subprocess
import sys

import pytest

SCRIPT = """
import logging, resource, sys
from api.server.file_limit import raise_limit, room_for_clients
logging.basicConfig(format="%(message)s", stream=sys.stdout)
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), int(sys.argv[2])))
raise_limit()
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
print(room_for_clients(2000))
"""


def said_with(soft: int, hard: int) -> list[str]:
    """What a process says that raises its limit, its limit afterwards, and its room for clients."""
    command = [sys.executable, "-c", SCRIPT, str(soft), str(hard)]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout.splitlines()


def test_the_limit_is_raised_as_far_as_it_goes() -> None:
    assert said_with(256, 3000) == ["3000 3000", "400"]


def test_a_limit_that_is_too_low_for_many_accounts_is_told_with_what_would_do() -> None:
    words, limit, _ = said_with(256, 1024)

    assert limit == "1024 1024"
    assert words.startswith("The limit of open files, 1024, is enough for about 104 accounts;")
    assert "for 500, set it to 3000" in words


def test_a_limit_that_leaves_nothing_for_accounts_is_told_too() -> None:
    assert "about 0 accounts" in said_with(256, 300)[0]


@pytest.mark.parametrize(
    ("limit", "room"), [(60, 8), (200, 50), (1024, 400), (3000, 400), (3500, 900), (6000, 2000)]
)
def test_clients_leave_the_files_that_browsers_and_database_need(limit: int, room: int) -> None:
    assert said_with(60, limit)[-1] == str(room)
