"""What the log says of an account's status: how loud, and in which words."""

import logging
from collections.abc import Mapping
from typing import Any

import pytest

from actors.account.lifecycle import Life
from actors.telemetry.status_line import LONGEST_REASON, status_line
from store.status import Cause, Desired, Status

Detail = Mapping[str, Any] | None
WANTED, UNWANTED = Desired.CONNECTED, Desired.DISCONNECTED
RETRY = {"message": "Chromium ended by signal SIGKILL.", "retryInSeconds": 1.25}
STILL_LISTED = {"message": "WhatsApp was not told of the logout."}

ROUTINE: list[tuple[Status, Cause, Desired, bool, Detail, str]] = [
    (Status.CONNECTING, Cause.USER_CONNECT, WANTED, False, None, "CONNECTING (user_connect)"),
    (Status.QR_READY, Cause.QR_SHOWN, WANTED, False, None, "QR_READY (qr_shown)"),
    (
        *(Status.CONNECTED, Cause.READY, WANTED, True),
        {"webVersion": "2.3000", "missingModules": []},
        "CONNECTED (ready)",
    ),
    (
        *(Status.AUTHENTICATING, Cause.SYNCING, WANTED, True, {"progress": 30}),
        "AUTHENTICATING (syncing)",
    ),
    (
        *(Status.CONNECTING, Cause.QUEUED, WANTED, True, {"place": 3, "waitsFor": "memory"}),
        "CONNECTING (queued): it waits for memory",
    ),
    (
        *(Status.CONNECTING, Cause.BROWSER_EXITED, WANTED, True, RETRY),
        "CONNECTING (browser_exited): Chromium ended by signal SIGKILL; the next try is in 1.25 s",
    ),
    (
        *(Status.CONNECTING, Cause.OFFLINE, WANTED, True, {"message": "stream TIMEOUT"}),
        "CONNECTING (offline): stream TIMEOUT",
    ),
    (Status.DISCONNECTED, Cause.RESET, WANTED, True, None, "DISCONNECTED (reset)"),
    (Status.DISCONNECTED, Cause.SHUTDOWN, WANTED, True, None, "DISCONNECTED (shutdown)"),
    (
        *(Status.DISCONNECTED, Cause.USER_DISCONNECT, UNWANTED, True, None),
        "DISCONNECTED (user_disconnect)",
    ),
    (Status.LOGGED_OUT, Cause.USER_LOGOUT, UNWANTED, False, None, "LOGGED_OUT (user_logout)"),
    (Status.DISCONNECTED, Cause.DELETED, UNWANTED, False, None, "DISCONNECTED (deleted)"),
]

NEEDS_HUMAN: list[tuple[Status, Cause, Desired, Detail, int]] = [
    (
        *(Status.LOGGED_OUT, Cause.UNLINKED, WANTED, {"reason": "device_removed"}),
        logging.WARNING,
    ),
    (Status.LOGGED_OUT, Cause.SESSION_LOST, WANTED, None, logging.WARNING),
    (Status.DISCONNECTED, Cause.QR_TIMEOUT, WANTED, None, logging.WARNING),
    (Status.DISCONNECTED, Cause.RESET, WANTED, None, logging.WARNING),
    (Status.ACTION_REQUIRED, Cause.CONFLICT, WANTED, {"message": "x"}, logging.WARNING),
    (Status.ACTION_REQUIRED, Cause.TERMS, WANTED, {"message": "x"}, logging.WARNING),
    (Status.FAILED, Cause.PROFILE_LOCKED, WANTED, {"message": "x"}, logging.ERROR),
    (
        *(Status.FAILED, Cause.GAVE_UP, WANTED, {"message": "x", "last": "page_broken"}),
        logging.ERROR,
    ),
]


@pytest.mark.parametrize(("status", "cause", "desired", "linked", "detail", "text"), ROUTINE)
def test_routine_is_information_in_one_short_line(
    status: Status, cause: Cause, desired: Desired, linked: bool, detail: Detail, text: str
) -> None:
    line = status_line(Life(status, desired, linked), cause, detail)
    assert (line.level, line.text) == (logging.INFO, text)


@pytest.mark.parametrize(("status", "cause", "desired", "detail", "level"), NEEDS_HUMAN)
def test_what_needs_a_human_is_a_warning_with_its_reason_and_what_to_do(
    status: Status, cause: Cause, desired: Desired, detail: Detail, level: int
) -> None:
    line = status_line(Life(status, desired, linked=False), cause, detail)
    assert line.level == level
    assert line.text.startswith(f"{status} ({cause}): {cause.sentence}")
    assert line.text.endswith(cause.advice)
    assert "What to do: " in line.text
    for evidence in (detail or {}).values():
        assert evidence in line.text


def test_who_gave_up_says_what_to_do_about_the_last_failure_too() -> None:
    detail = {"message": "no module", "last": Cause.PAGE_BROKEN}
    line = status_line(Life(Status.FAILED, WANTED), Cause.GAVE_UP, detail)
    assert "The last one: page_broken, no module. What to do: " in line.text
    assert Cause.PAGE_BROKEN.advice in line.text


@pytest.mark.parametrize("cause", [Cause.USER_LOGOUT, Cause.DELETED])
def test_a_logout_that_leaves_a_device_listed_is_a_warning(cause: Cause) -> None:
    line = status_line(Life(Status.LOGGED_OUT, UNWANTED), cause, STILL_LISTED)
    assert line.level == logging.WARNING
    assert STILL_LISTED["message"] in line.text


def test_a_reason_that_says_the_same_is_not_repeated() -> None:
    detail = {"message": Cause.TERMS.sentence}
    line = status_line(Life(Status.ACTION_REQUIRED, WANTED), Cause.TERMS, detail)
    assert line.text.count(Cause.TERMS.sentence) == 1


def test_a_reason_is_one_line_and_not_long() -> None:
    detail = {"message": "a\nb " + "x" * 10_000, "retryInSeconds": 1}
    line = status_line(Life(Status.CONNECTING, WANTED), Cause.PAGE_BROKEN, detail)
    assert "a b x" in line.text
    assert len(line.text) < LONGEST_REASON + 100
    assert line.text.endswith("; the next try is in 1 s")


@pytest.mark.parametrize("cause", Cause)
@pytest.mark.parametrize("status", Status)
def test_there_is_a_line_for_whatever_happens(status: Status, cause: Cause) -> None:
    for desired in Desired:
        assert status_line(Life(status, desired), cause, None).text.startswith(status)
