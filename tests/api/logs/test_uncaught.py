"""What nobody caught is in the log, in its form, and nowhere else."""

import json
import subprocess
import sys
import textwrap
from typing import Any

import pytest

SET_UP = """
from api.logs.lines import set_up_logging
from api.logs.uncaught import log_uncaught
set_up_logging("INFO", "json")
log_uncaught()
"""


def run(program: str) -> tuple[int, list[dict[str, Any]]]:
    """Run a program with the log set up; give its exit code and its log."""
    done = subprocess.run(
        [sys.executable, "-c", SET_UP + textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.stderr == ""
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


PROGRAMS = {
    "the program": """
        raise ValueError("call 491700000001")
    """,
    "a thread": """
        import threading
        def work():
            raise ValueError("call 491700000001")
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    """,
    "a task": """
        import asyncio, gc
        async def work():
            raise ValueError("call 491700000001")
        async def main():
            task = asyncio.create_task(work())
            await asyncio.sleep(0)
            del task
            gc.collect()
        asyncio.run(main())
    """,
    "a callback of the loop": """
        import asyncio
        def work():
            raise ValueError("call 491700000001")
        async def main():
            asyncio.get_running_loop().call_soon(work)
            await asyncio.sleep(0)
        asyncio.run(main())
    """,
    "a finalizer": """
        class Thing:
            def __del__(self):
                raise ValueError("call 491700000001")
        Thing()
    """,
}


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS.keys())
def test_an_error_that_nobody_caught_is_one_line_without_its_secrets(program: str) -> None:
    _, [line] = run(program)
    assert line["level"] in ("ERROR", "CRITICAL")
    assert line["exception"].startswith("Traceback (most recent call last):\n")
    assert line["exception"].endswith("ValueError: call …0001")


def test_an_error_of_the_program_still_ends_it_with_1() -> None:
    code, _ = run("raise ValueError")
    assert code == 1


def test_a_warning_is_a_line() -> None:
    _, [line] = run("import warnings; warnings.warn('old')")
    assert (line["level"], line["logger"]) == ("WARNING", "py.warnings")
    assert "UserWarning: old" in line["message"]


def test_an_interruption_by_a_person_is_no_error() -> None:
    code, lines = run("raise KeyboardInterrupt")
    assert code != 0
    assert lines == []


@pytest.mark.parametrize("closed", ["1>&-", "2>&-", "1>&- 2>&-", "1>/dev/full 2>/dev/full"])
def test_a_program_without_an_output_runs_on(closed: str) -> None:
    program = f"{SET_UP}\nimport logging\nlogging.getLogger('api.server.serve').error('x')\n"
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "$0" -c "$1" {closed}', sys.executable, program],
        check=False,
        timeout=30,
    )
    assert done.returncode == 0
