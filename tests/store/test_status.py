"""The words for an account's state know what they mean."""

import pytest

from store.status import Cause, Status


def test_a_transient_status_has_a_browser() -> None:
    assert all(status.has_browser for status in Status if status.transient)


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_is_a_word_with_a_sentence(cause: Cause) -> None:
    assert cause.value == cause.name.lower() == f"{cause}"
    assert cause.sentence.endswith(".")


def test_a_reset_is_true_of_a_server_that_ended_and_of_one_that_let_go() -> None:
    assert Cause.RESET.sentence.endswith("its server ended, or had to let it go.")


@pytest.mark.parametrize(
    "cause",
    [
        Cause.BLOCKED,
        Cause.CONFLICT,
        Cause.GAVE_UP,
        Cause.PASSKEY,
        Cause.PROFILE_LOCKED,
        Cause.QR_TIMEOUT,
        Cause.RESET,
        Cause.SESSION_LOST,
        Cause.TERMS,
        Cause.UNLINKED,
    ],
)
def test_a_cause_that_a_human_must_act_on_says_how(cause: Cause) -> None:
    assert cause.advice.endswith(".")
