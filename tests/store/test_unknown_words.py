"""Words that a newer version wrote are kept and shown, and nothing is concluded from them."""

from datetime import UTC, datetime, timedelta

import pytest

from store import accounts
from store.events import event_log, known_messages
from store.events.event_log import Event
from store.events.recorder import Recorder
from store.status import Cause, Desired, Status
from tests.surroundings import Surroundings


@pytest.mark.parametrize("words", [Status, Cause, Desired])
def test_a_word_that_is_not_known_is_read_as_it_is(words: type[Status | Cause | Desired]) -> None:
    word = words.read("hibernated")
    assert (word, word.value, f"{word}", word.known) == (*(3 * ("hibernated",)), False)
    assert word == words.read("hibernated")
    assert len({word, words.read("hibernated")}) == 1
    assert word not in list(words)
    for known in words:
        assert words.read(known.value) is known
        assert known.known


def test_an_account_in_a_status_that_is_not_known_is_at_rest() -> None:
    status = Status.read("HIBERNATED")
    assert not status.has_browser
    assert not status.transient


def test_a_cause_that_is_not_known_has_a_sentence_as_well() -> None:
    cause = Cause.read("hibernated")
    assert cause.sentence.endswith(".")
    assert cause.advice == ""


async def test_an_account_is_read_with_whatever_words_it_was_kept(
    database: None, surroundings: Surroundings
) -> None:
    account_id = (await accounts.create("Support"))[0].id
    surroundings.sql(
        "UPDATE accounts SET status = 'HIBERNATED', cause = 'moon', desired = 'asleep', "
        "restart_cause = 'tide', restarts = 1;\nSELECT 1"
    )
    for row in (await accounts.get(account_id), *await accounts.all_rows()):
        assert row is not None
        words = (row.status, row.cause, row.desired, row.restart_cause)
        assert words == ("HIBERNATED", "moon", "asleep", "tide")
    assert [row.id for row in (await accounts.list_page(None, 10)).items] == [account_id]


async def test_events_of_any_type_and_cause_are_read_as_they_are(recorder: Recorder) -> None:
    now = datetime.now(UTC)
    data = {"status": "HIBERNATED", "previous": "CONNECTED", "cause": "moon", "more": [1]}
    recorder.record(Event("status", "a", now, data, seq=1))
    recorder.record(Event("weather", "a", now, {"rain": True}, seq=2))
    recorder.record(Event("message", "a", now, {"sentAt": "at noon"}, seq=3))
    assert await recorder.flush(5)

    log = (await event_log.page(0, 10)).items
    assert [(event.type, event.data) for event in log[:2]] == [
        ("status", data),
        ("weather", {"rain": True}),
    ]
    assert await event_log.deleted(["a"]) == set()
    assert (await known_messages.read("a", timedelta(hours=1), 10)).heard_until is not None
