"""What is said of a database's errors."""

import pytest

from store.errors import DatabaseAway, words_of


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("the disk is full", "the disk is full"),
        (
            "duplicate key\nDETAIL:  Key (text)=(meet me\nat noon) already exists.\nHINT:  none",
            "duplicate key",
        ),
        (
            "invalid input for query argument $5: 'meet me\\nat noon' (expected str, got int)",
            "invalid input for query argument ",
        ),
    ],
)
def test_an_error_is_told_without_the_row_that_it_quotes(said: str, kept: str) -> None:
    assert words_of(Exception(said)) == kept


def test_an_error_without_words_is_told_by_its_name() -> None:
    assert words_of(MemoryError()) == "MemoryError"
    assert words_of(DatabaseAway()).startswith("The database does not answer")


def test_an_answer_that_did_not_come_in_time_is_told_in_words() -> None:
    assert words_of(TimeoutError()) == "it did not answer in time"
