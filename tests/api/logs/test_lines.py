"""What log lines look like."""

import json
import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from api.logs.lines import LogFormat, hide, name_accounts, say, set_up_logging
from common.log_context import LOGGED_ACCOUNT

ACCOUNT = "6f1c0a9b3d2e4f58"
OF_ACCOUNT = {"account": ACCOUNT}
FORMS: tuple[LogFormat, ...] = ("text", "json")

Written = Callable[[], str]


@pytest.fixture
def written(capfd: pytest.CaptureFixture[str]) -> Iterator[Written]:
    """Ends the log, and gives all that it has written."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()

    def end() -> str:
        for handler in root.handlers:
            handler.close()
        root.handlers.clear()
        return capfd.readouterr().out

    yield end
    end()
    root.handlers[:] = handlers
    root.setLevel(level)
    for package in ("actors", "api", "simulator", "store"):
        logging.getLogger(package).setLevel(logging.NOTSET)


def members(line: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(line)
    return found


def fail(error: Exception) -> None:
    logging.getLogger("api.server.serve").error("It failed", exc_info=error)


def test_a_readable_line_has_time_level_logger_and_message(written: Written) -> None:
    set_up_logging("INFO")
    logging.getLogger("actors.registry").info("✅ Lock files cleaned")
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO    actors\.registry  ✅ Lock files cleaned\n",
        written(),
    )


def test_a_json_line_has_the_same_and_the_message_as_it_is(written: Written) -> None:
    set_up_logging("INFO", "json")
    logging.getLogger("actors.registry").info("✅ %s cleaned", "Lock files")
    line = written()
    assert "✅ Lock files cleaned" in line
    found = members(line)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", found.pop("time"))
    assert found == {
        "level": "INFO",
        "logger": "actors.registry",
        "message": "✅ Lock files cleaned",
    }


@pytest.mark.parametrize("form", FORMS)
def test_lines_below_the_level_are_left_out(written: Written, form: LogFormat) -> None:
    set_up_logging("WARNING", form)
    logging.getLogger("api.server.serve").info("quiet")
    assert written() == ""


@pytest.mark.parametrize("form", FORMS)
def test_libraries_tell_no_details_at_any_level(written: Written, form: LogFormat) -> None:
    set_up_logging("DEBUG", form)
    logging.getLogger("pyppeteer.connection").debug("SEND: secret")
    logging.getLogger("aiosqlite").info("secret")
    assert written() == ""


def test_a_line_about_an_account_begins_with_its_id(written: Written) -> None:
    set_up_logging("INFO")
    logging.getLogger("actors.registry").error("its actor died", extra={"account": ACCOUNT})
    assert f"actors.registry  {ACCOUNT}: its actor died\n" in written()


def test_an_id_that_the_message_names_is_not_repeated(written: Written) -> None:
    set_up_logging("INFO")
    logging.getLogger("actors.account.actor").info(
        "✅ Client %s closed", ACCOUNT, extra={"account": ACCOUNT}
    )
    assert f"actors.account.actor  ✅ Client {ACCOUNT} closed\n" in written()


def test_a_line_about_an_account_has_its_name_beside_the_id(written: Written) -> None:
    set_up_logging("INFO")
    name_accounts({ACCOUNT: "Support"}.get)
    logging.getLogger("actors.registry").error("its actor died", extra={"account": ACCOUNT})
    logging.getLogger("actors.account.actor").info(
        "Closing client for %s", ACCOUNT, extra=OF_ACCOUNT
    )
    logging.getLogger("actors.account.actor").info("its profile is /%s", ACCOUNT, extra=OF_ACCOUNT)
    logging.getLogger("actors.registry").info("about another", extra={"account": "unknown"})
    first, *others = [line.rpartition("  ")[2] for line in written().splitlines()]
    assert first == f'"Support" {ACCOUNT}: its actor died'
    assert others == [
        f'"Support": Closing client for {ACCOUNT}',
        f'"Support" {ACCOUNT}: its profile is /{ACCOUNT}',
        "unknown: about another",
    ]


def test_in_json_the_name_is_a_member_of_its_own(written: Written) -> None:
    set_up_logging("INFO", "json")
    name_accounts({ACCOUNT: "Support"}.get)
    logging.getLogger("actors.registry").error("its actor died", extra=OF_ACCOUNT)
    logging.getLogger("api.server.serve").info("Nobody's")
    first, second = map(members, written().splitlines())
    assert (first["account"], first["name"]) == (ACCOUNT, "Support")
    assert first["message"] == "its actor died"
    assert "name" not in second


def test_a_line_carries_the_name_that_the_account_had_when_it_was_logged(written: Written) -> None:
    set_up_logging("INFO")
    names = {ACCOUNT: "Support"}
    name_accounts(names.get)
    logging.getLogger("actors.account.actor").info("before", extra=OF_ACCOUNT)
    names[ACCOUNT] = "Sales"
    logging.getLogger("actors.account.actor").info("after", extra=OF_ACCOUNT)
    names.clear()
    text = written()
    assert f'"Support" {ACCOUNT}: before' in text
    assert f'"Sales" {ACCOUNT}: after' in text


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("character", ["\n", "\r\n", "\x85", "\u2028", "\x1b", "\u202e", "\ud800"])
def test_no_name_can_forge_a_line(written: Written, form: LogFormat, character: str) -> None:
    set_up_logging("INFO", form)
    name_accounts({ACCOUNT: f"x{character}{FORGED}"}.get)
    logging.getLogger("actors.account.actor").info("said", extra=OF_ACCOUNT)
    text = written()
    assert len(text.splitlines()) == 1
    assert character not in text.removesuffix("\n")


def test_no_name_can_pass_for_the_message_behind_it(written: Written) -> None:
    set_up_logging("INFO")
    name_accounts({ACCOUNT: 'x": FAILED (gave_up)'}.get)
    logging.getLogger("actors.account.actor").info("CONNECTED (ready)", extra=OF_ACCOUNT)
    assert rf'"x\": FAILED (gave_up)" {ACCOUNT}: CONNECTED (ready)' in written()


@pytest.mark.parametrize("form", FORMS)
def test_a_name_as_long_as_a_book_is_cut(written: Written, form: LogFormat) -> None:
    set_up_logging("INFO", form)
    name_accounts({ACCOUNT: "x" * 100_000}.get)
    logging.getLogger("actors.account.actor").info("said", extra=OF_ACCOUNT)
    assert len(written()) < 400


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "name",
    [
        "Sales 491701234567",
        "Sales +49 (170) 123-4567",
        "0170 1234567",
        "(0170) 123-45-67",
        "555-4567",
        "0170\u200b1234567",
        "\u0660\u0661\u0667\u0660\u0661\u0662\u0663\u0664\u0665\u0666\u0667",
    ],
)
def test_of_a_number_in_a_name_four_digits_are_told(
    written: Written, form: LogFormat, name: str
) -> None:
    set_up_logging("INFO", form)
    name_accounts({ACCOUNT: name}.get)
    logging.getLogger("actors.account.actor").info("said", extra=OF_ACCOUNT)
    line = written().partition("actors.account.actor")[2].replace(ACCOUNT, "")
    assert sum(character.isdecimal() for character in line) == 4


def test_in_json_the_account_is_a_member(written: Written) -> None:
    set_up_logging("INFO", "json")
    logging.getLogger("actors.registry").error("its actor died", extra={"account": ACCOUNT})
    found = members(written())
    assert (found["account"], found["message"]) == (ACCOUNT, "its actor died")


def test_lines_of_an_accounts_own_context_are_about_it_libraries_lines_too(
    written: Written,
) -> None:
    set_up_logging("INFO", "json")
    token = LOGGED_ACCOUNT.set(ACCOUNT)
    logging.getLogger("pykka").error("Unhandled exception")
    logging.getLogger("actors.leases.keeper").warning("Its own", extra={"account": "another"})
    LOGGED_ACCOUNT.reset(token)
    logging.getLogger("pykka").error("Nobody's")
    accounts = [members(line).get("account") for line in written().splitlines()]
    assert accounts == [ACCOUNT, "another", None]


def test_a_traceback_follows_its_line_indented(written: Written) -> None:
    set_up_logging("INFO")
    try:
        int("broken")
    except ValueError as error:
        fail(error)
    first, *trace = written().splitlines()
    assert first.endswith("It failed")
    assert trace[0] == "  Traceback (most recent call last):"
    assert trace[-1] == "  ValueError: invalid literal for int() with base 10: 'broken'"
    assert all(line.startswith("  ") for line in trace)


def test_in_json_a_traceback_is_a_member(written: Written) -> None:
    set_up_logging("INFO", "json")
    fail(ValueError("broken"))
    found = members(written())
    assert found["message"] == "It failed"
    assert found["exception"] == "ValueError: broken"


FORGED = "2026-11-22T12:00:00.000Z INFO    api.server.serve  👋 Shutdown complete"


@pytest.mark.parametrize(
    "separator", ["\n", "\r\n", "\r", "\x85", "\u2028", "\x0b", "\x0c", "\x1c", "\0"]
)
def test_nobody_outside_can_forge_a_readable_line(written: Written, separator: str) -> None:
    set_up_logging("INFO")
    logging.getLogger("actors.account.actor").warning("The page said %s", f"x{separator}{FORGED}")
    fail(ValueError(f"x{separator}{FORGED}"))
    starts = [line for line in written().splitlines() if line.startswith("2026-11-22T12:00:00")]
    assert starts == []


@pytest.mark.parametrize("separator", ["\n", "\r", "\x85", "\u2028", "\u2029", "\x1c"])
def test_in_json_a_line_is_a_line_whatever_is_in_it(written: Written, separator: str) -> None:
    set_up_logging("INFO", "json")
    logging.getLogger("actors.account.actor").warning("The page said %s", f"x{separator}{FORGED}")
    [line] = written().splitlines()
    assert members(line)["message"] == f"The page said x{separator}{FORGED}"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("character", ["\x1b", "\x9b", "\x7f", "\u202e", "\ud800"])
def test_nothing_from_outside_steers_a_terminal(
    written: Written, form: LogFormat, character: str
) -> None:
    set_up_logging("INFO", form)
    logging.getLogger("actors.account.actor").warning("The page said %s", f"{character}[2J")
    text = written()
    assert character not in text
    assert "[2J" in text


BLOCK = "📊 Resource Monitor:\n  - Active Clients: 3"


def test_a_block_of_lines_stays_one_in_text(written: Written) -> None:
    set_up_logging("INFO")
    logging.getLogger("actors.monitor.actor").info(BLOCK, extra={"block": True})
    assert f"{BLOCK}\n" in written()


def test_a_block_of_lines_is_one_line_in_json(written: Written) -> None:
    set_up_logging("INFO", "json")
    logging.getLogger("actors.monitor.actor").info(BLOCK, extra={"block": True})
    assert members(written())["message"] == BLOCK


@pytest.mark.parametrize("form", FORMS)
def test_a_line_tells_no_secret_in_message_or_traceback(written: Written, form: LogFormat) -> None:
    set_up_logging("DEBUG", form, ["correct horse"])
    hide("battery-staple")
    logging.getLogger("api.server.serve").debug("%s and %s", "correct horse", "battery-staple")
    fail(ValueError("correct horse, battery-staple, 491700000001@c.us"))
    text = written()
    assert "correct horse" not in text
    assert "battery-staple" not in text
    assert "49170000" not in text
    assert "…0001@c.us" in text


@pytest.mark.parametrize("form", FORMS)
def test_a_line_whose_words_cannot_be_made_is_written_all_the_same(
    written: Written, form: LogFormat
) -> None:
    set_up_logging("INFO", form)
    logging.getLogger("api.server.serve").info("%d events", "many")
    assert "%d events (cannot be filled in)" in written()


@pytest.mark.parametrize("form", FORMS)
def test_a_huge_line_is_cut(written: Written, form: LogFormat) -> None:
    set_up_logging("INFO", form)
    logging.getLogger("api.server.serve").info("%s", "x" * 1_000_000)
    text = written()
    assert len(text) < 21_000
    assert "(1000000 characters in all)" in text


def test_what_is_said_to_a_person_is_no_log_line_and_keeps_its_place(written: Written) -> None:
    set_up_logging("INFO", secrets=["the-key"])
    say("Dashboard: /?key=the-key")
    logging.getLogger("api.server.serve").info("after")
    said, logged = written().splitlines()
    assert said == "Dashboard: /?key=the-key"
    assert logged.endswith("after")
