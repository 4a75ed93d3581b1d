"""What a page tells and what becomes of its account: the real interpreter, translator and table."""

from pathlib import Path
from typing import Any
from unittest.mock import Mock

from hypothesis import given, settings
from hypothesis import strategies as st

from actors.account.attempt import Attempt, Progress
from actors.account.lifecycle import Life, Signal, decide
from actors.account.signals import Translator
from actors.browser.config import BrowserConfig
from actors.browser.facts.interpreter import ACTIONS, NOT_CONNECTED, Interpreter
from actors.browser.facts.schema import Fact
from actors.browser.reports import Authenticated, SyncProgress
from store.status import Cause
from tests.browser.facts.test_interpreter import state

STATES = st.fixed_dictionaries(
    {
        "fact": st.just("state"),
        "mode": st.sampled_from(["MAIN", "SYNCING", "QR", "OFFLINE", *ACTIONS]),
        "info": st.sampled_from(["NORMAL", "SYNCING", *sorted(NOT_CONNECTED)]),
        "socket": st.sampled_from(["CONNECTED", "OPENING", "TIMEOUT", *ACTIONS]),
        "online": st.booleans(),
        "authenticated": st.booleans(),
        "loaded": st.booleans(),
        "phone": st.sampled_from([None, "491700000001"]),
        "pushName": st.none(),
        "build": st.none(),
    }
)
CONNECTED = state()
EVENTS = st.sampled_from(
    [
        CONNECTED,
        {"fact": "document", "query": ""},
        {"fact": "document", "query": "?post_logout=1&logout_reason=4"},
        {"fact": "code", "code": "a"},
        {"fact": "code", "code": "b"},
        {"fact": "codes_idle"},
        {"fact": "passkey"},
        {"fact": "progress", "percent": 50},
        {"fact": "logout", "reason": "user"},
    ]
)


class Machine:
    """Has signals decided; nobody acts on them."""

    closing = False

    def __init__(self, life: Life) -> None:
        self.life = life
        self.prolonged = 0
        self.show = Mock()
        self.show_qr = self.show_pairing_code = Mock()

    def signal(
        self, signal: Signal, *, attempt: int, cause: Cause | None = None, detail: Any = None
    ) -> None:
        self.life = decide(self.life, signal, attempt=attempt, cause=cause).life

    def prolong(self) -> None:
        self.prolonged += 1

    def qr_exhausted(self, attempt: int) -> None:
        self.signal(Signal.QR_EXHAUSTED, attempt=attempt)


def running(*, linked: bool, attended: bool) -> Life:
    """An account whose browser has just been opened."""
    begun = Signal.CONNECT if attended else Signal.RESTORE
    life = decide(Life(linked=linked), begun).life
    return decide(life, Signal.TURN, attempt=life.attempt).life


@settings(max_examples=300, deadline=None)
@given(st.booleans(), st.booleans(), st.lists(EVENTS | STATES, max_size=20))
def test_whatever_a_page_tells_its_account_has_a_deadline_or_the_page_is_watched(
    linked: bool, attended: bool, facts: list[Fact]
) -> None:
    interpreter = Interpreter(BrowserConfig(Path("profiles"), "server"))
    machine = Machine(running(linked=linked, attended=attended))
    journal = Mock(next_seq=1)
    translator = Translator(machine, journal, Mock(), Mock(), Mock())  # type: ignore[arg-type]
    attempt = Mock(Attempt, number=1, recorded_progress=0, connected_since=None)
    for fact in [{"fact": "document", "query": ""}, *facts]:
        for report in interpreter.read(fact):
            translator.hear(attempt, report)
        life = machine.life
        assert not life.status.has_browser or life.deadline or interpreter.settled


def test_every_step_of_a_sync_gives_it_time_and_only_each_tenth_percent_is_told() -> None:
    machine = Machine(running(linked=True, attended=False))
    journal = Mock(next_seq=1)
    translator = Translator(machine, journal, Mock(), Mock(), Mock())  # type: ignore[arg-type]
    attempt = Attempt(1, Mock(), Mock())
    machine.signal = Mock()  # type: ignore[method-assign]
    translator.hear(attempt, Authenticated(fresh=False))
    for percent in range(1, 31):
        translator.hear(attempt, SyncProgress(percent))
    assert machine.prolonged == 30
    told = [c.kwargs["detail"] for c in machine.signal.call_args_list if "detail" in c.kwargs]
    assert told == [{"progress": 10}, {"progress": 20}, {"progress": 30}]


def test_a_sync_that_goes_back_and_forth_for_ever_does_not_progress() -> None:
    progress = Progress()
    steps = [progress.note(percent) for percent in (10, 5, 10, 11, 9, 11)]
    assert steps == [True, False, False, True, False, False]
    assert sum(progress.note(percent) for _ in range(1000) for percent in (0, 100)) < 20
