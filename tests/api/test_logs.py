"""What log lines look like."""

import logging
import re
from collections.abc import Iterator

import pytest

from api.logs import set_up_logging


@pytest.fixture
def _restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for package in ("actors", "api", "simulator", "store"):
        logging.getLogger(package).setLevel(logging.NOTSET)


@pytest.mark.usefixtures("_restored_logging")
def test_a_line_has_time_level_logger_and_message(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging("INFO")
    logging.getLogger("actors.registry").info("✅ Lock files cleaned")
    line = capsys.readouterr().out
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO    actors\.registry  ✅ Lock files cleaned\n",
        line,
    )


@pytest.mark.usefixtures("_restored_logging")
def test_lines_below_the_level_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging("WARNING")
    logging.getLogger("api.serve").info("quiet")
    assert capsys.readouterr().out == ""


@pytest.mark.usefixtures("_restored_logging")
def test_libraries_tell_no_details_at_any_level(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging("DEBUG")
    logging.getLogger("pyppeteer.connection").debug("SEND: secret")
    logging.getLogger("aiosqlite").info("secret")
    assert capsys.readouterr().out == ""
