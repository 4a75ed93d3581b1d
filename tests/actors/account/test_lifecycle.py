"""The lifecycle under every order of events, and the promises of its table."""

from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from actors.account.lifecycle import (
    RESTING,
    TABLE,
    Effect,
    Life,
    Phase,
    Signal,
    decide,
)
from store.status import Cause, Desired, Status

COMMANDS = (Signal.CONNECT, Signal.DISCONNECT, Signal.RESTART, Signal.LOGOUT)
OF_AN_ATTEMPT = tuple(signal for signal in Signal if signal.of_an_attempt)
SETTLES = (Signal.QR, Signal.READY, Signal.ACTION)
UNSETTLES = (Signal.RELOADED, Signal.OFFLINE)
IN_THE_QUEUE = (Phase.QUEUED, Phase.TO_BE_REPLACED)
WANTED = {
    Signal.CONNECT: Desired.CONNECTED,
    Signal.RESTART: Desired.CONNECTED,
    Signal.DISCONNECT: Desired.DISCONNECTED,
    Signal.LOGOUT: Desired.DISCONNECTED,
}


class AccountsLife(RuleBasedStateMachine):
    """Drives one account through any order of commands, reports and restarts of the server."""

    def __init__(self) -> None:
        super().__init__()
        self.life = Life()
        self.said_last = Desired.DISCONNECTED
        self.clock: Phase | Status | None = None
        self.settled = False
        """Whether the page said last that it waits, and so can be asked whether it is there."""

    def signal(self, signal: Signal, attempt: int | None = None) -> None:
        decision = decide(self.life, signal, attempt=attempt, cause=Cause.UNFORESEEN)
        self.life = decision.life
        if Effect.ENQUEUE in decision.effects:
            self.clock = Phase.QUEUED
        elif Effect.BACK_OFF in decision.effects:
            self.clock = Phase.BACKING_OFF
        elif Effect.AWAIT_REPLACEMENT in decision.effects:
            self.clock = Phase.TO_BE_REPLACED
        elif decision.cause is not None or decision.effects:
            waits = self.clock is self.life.phase and self.life.phase in IN_THE_QUEUE
            self.clock = self.clock if waits else self.life.deadline

    @rule(signal=st.sampled_from(COMMANDS))
    def the_user_commands(self, signal: Signal) -> None:
        self.signal(signal)
        self.said_last = WANTED[signal]

    @precondition(lambda self: self.life.phase is Phase.QUEUED)
    @rule(signals=st.lists(st.sampled_from((*SETTLES, *UNSETTLES)), max_size=4))
    def its_turn_comes(self, signals: list[Signal]) -> None:
        for signal in (Signal.TURN, *signals):
            self.the_attempt_reports(signal)

    @rule(signal=st.sampled_from(OF_AN_ATTEMPT))
    def the_attempt_reports(self, signal: Signal) -> None:
        self.signal(signal, self.life.attempt)
        self.settled = signal in SETTLES or (self.settled and signal not in UNSETTLES)

    @rule(signal=st.sampled_from(OF_AN_ATTEMPT), age=st.integers(1, 5))
    def an_old_attempt_has_no_effect(self, signal: Signal, age: int) -> None:
        before = self.life
        self.signal(signal, self.life.attempt - age)
        assert self.life == before

    @precondition(lambda self: not self.life.status.has_browser)
    @rule(signal=st.sampled_from(OF_AN_ATTEMPT))
    def the_last_attempt_has_no_effect_once_it_is_over(self, signal: Signal) -> None:
        before = self.life
        self.signal(signal, self.life.attempt)
        assert self.life == before

    @precondition(lambda self: self.life.status in (Status.LOGGED_OUT, Status.FAILED))
    @rule(signal=st.sampled_from([s for s in Signal if s not in (*COMMANDS, Signal.DELETE)]))
    def logged_out_and_failed_never_leave_by_themselves(self, signal: Signal) -> None:
        before = self.life.status
        self.signal(signal, self.life.attempt)
        assert self.life.status is before

    @rule()
    def the_server_stops(self) -> None:
        self.signal(Signal.SHUTDOWN)
        assert not self.life.status.has_browser

    @rule()
    def the_server_is_killed_and_starts(self) -> None:
        self.life = Life(self.life.status, self.life.desired, self.life.linked, self.life.attempt)
        comes_back = self.life.restorable and self.life.status not in RESTING[1:]
        if self.life.status.transient or not comes_back:
            self.signal(Signal.RESET)
        if comes_back:
            self.signal(Signal.RESTORE)

    @invariant()
    def desired_is_what_the_user_said_last(self) -> None:
        assert self.life.desired is self.said_last

    @invariant()
    def no_transient_status_is_without_a_clock(self) -> None:
        if self.life.status.transient:
            running = self.life.phase is Phase.RUNNING
            assert self.clock is (self.life.status if running else self.life.phase)

    @invariant()
    def every_status_with_a_browser_has_a_clock_or_a_page_that_is_watched(self) -> None:
        if self.life.status.has_browser and not self.life.status.transient:
            assert self.settled

    @invariant()
    def a_waiting_phase_belongs_to_connecting(self) -> None:
        if self.life.phase in (*IN_THE_QUEUE, Phase.BACKING_OFF):
            assert self.life.status is Status.CONNECTING

    @invariant()
    def connected_means_linked(self) -> None:
        if self.life.status is Status.CONNECTED:
            assert self.life.linked

    @invariant()
    def nothing_logged_out_is_linked(self) -> None:
        if self.life.status is Status.LOGGED_OUT:
            assert not self.life.linked


TestAccountsLife = AccountsLife.TestCase
TestAccountsLife.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


def test_every_cell_of_the_table_leads_to_a_known_status_and_says_why() -> None:
    brings_its_own = {Signal.FAILED, Signal.GAVE_UP, Signal.ACTION}
    for (status, signal), transition in TABLE.items():
        assert isinstance(transition.to, Status)
        assert transition.cause is not None or transition.silent or signal in brings_its_own
        assert not (transition.silent and transition.to is not status)


def test_a_status_without_a_browser_is_reached_only_by_closing_the_browser() -> None:
    for (status, signal), transition in TABLE.items():
        if status.has_browser and not transition.to.has_browser and signal is not Signal.RESET:
            assert transition.effects[0] in (Effect.CLOSE, Effect.UNLINK)


def test_only_a_logout_touches_the_phone() -> None:
    unlinking = {signal for (_, signal), cell in TABLE.items() if Effect.UNLINK in cell.effects}
    assert unlinking == {Signal.LOGOUT}


@pytest.mark.parametrize("status", [status for status in Status if status.has_browser])
def test_a_user_can_always_get_out(status: Status) -> None:
    for signal in (Signal.DISCONNECT, Signal.LOGOUT, Signal.DELETE):
        assert not TABLE[status, signal].to.has_browser


@pytest.mark.parametrize("status", [status for status in Status if not status.has_browser])
def test_a_user_can_always_connect(status: Status) -> None:
    decision = decide(Life(status), Signal.CONNECT)
    assert decision.life.status is Status.CONNECTING
    assert decision.effects == (Effect.ENQUEUE,)


def test_a_second_connect_changes_nothing() -> None:
    once = decide(Life(), Signal.CONNECT).life
    twice = decide(once, Signal.CONNECT)
    assert twice.life == once
    assert twice.cause is None
    assert twice.effects == ()


WAITING = Life(Status.CONNECTING, Desired.CONNECTED, linked=True, attempt=3, phase=Phase.QUEUED)
BACKING_OFF = replace(WAITING, phase=Phase.BACKING_OFF)


@pytest.mark.parametrize("life", [WAITING, BACKING_OFF, replace(BACKING_OFF, attended=True)])
def test_a_connect_hurries_an_attempt_that_waits_once(life: Life) -> None:
    hurried = decide(life, Signal.CONNECT)
    assert hurried.life == replace(WAITING, attended=True)
    assert (hurried.cause, hurried.effects) == (Cause.USER_CONNECT, (Effect.ENQUEUE,))

    again = decide(hurried.life, Signal.CONNECT)
    assert again.life == hurried.life
    assert (again.cause, again.effects) == (None, ())


@pytest.mark.parametrize("status", [Status.CONNECTING, Status.AUTHENTICATING])
def test_a_connect_lets_a_running_attempt_be_and_has_its_code_shown(status: Status) -> None:
    running = replace(WAITING, status=status, phase=Phase.RUNNING)
    decision = decide(running, Signal.CONNECT)
    assert decision.life == replace(running, attended=True)
    assert (decision.cause, decision.effects) == (None, ())


def test_nobody_waits_for_the_code_of_a_connected_account() -> None:
    connected = replace(WAITING, status=Status.CONNECTED, phase=Phase.NONE)
    assert decide(connected, Signal.CONNECT).life == connected


def test_another_thing_that_a_human_must_do_is_recorded() -> None:
    life = Life(Status.ACTION_REQUIRED, Desired.CONNECTED, linked=True, attempt=1)
    decision = decide(life, Signal.ACTION, attempt=1, cause=Cause.TERMS)
    assert decision.life.status is Status.ACTION_REQUIRED
    assert decision.cause is Cause.TERMS


LATE = replace(WAITING, phase=Phase.TO_BE_REPLACED)


def test_a_browser_that_is_to_be_replaced_runs_until_its_turn_and_asks_the_queue_again() -> None:
    offline = replace(WAITING, phase=Phase.RUNNING)
    waits = decide(offline, Signal.OFFLINE_TOO_LONG, attempt=3)
    assert (waits.life, waits.effects, waits.cause) == (LATE, (Effect.AWAIT_REPLACEMENT,), None)

    replaced = decide(LATE, Signal.REPLACE, attempt=3)
    assert replaced.life == replace(WAITING, attempt=4)
    assert replaced.effects == (Effect.CLOSE, Effect.ENQUEUE)
    assert replaced.cause is Cause.OFFLINE


@pytest.mark.parametrize("signal", [Signal.RESUMING, Signal.READY, Signal.ACTION])
def test_a_page_that_comes_back_before_its_browser_is_replaced_is_let_be(signal: Signal) -> None:
    came_back = decide(LATE, signal, attempt=3, cause=Cause.TERMS).life
    assert came_back.phase in (Phase.RUNNING, Phase.NONE)
    assert decide(came_back, Signal.REPLACE, attempt=3).life == came_back
    assert decide(came_back, Signal.TURN, attempt=3).life == came_back


@pytest.mark.parametrize("status", [Status.CONNECTED, Status.ACTION_REQUIRED])
@pytest.mark.parametrize("signal", UNSETTLES)
def test_a_page_that_begins_anew_has_a_deadline(status: Status, signal: Signal) -> None:
    life = Life(status, Desired.CONNECTED, linked=True, attempt=1)
    assert decide(life, signal, attempt=1).life.deadline is Status.CONNECTING


def test_a_failure_starts_a_new_attempt() -> None:
    life = Life(Status.CONNECTED, Desired.CONNECTED, linked=True, attempt=4)
    decision = decide(life, Signal.FAILED, attempt=4, cause=Cause.BROWSER_EXITED)
    assert decision.life.attempt == 5
    assert decision.life.phase is Phase.BACKING_OFF
    assert decision.cause is Cause.BROWSER_EXITED
    assert decision.effects == (Effect.CLOSE, Effect.BACK_OFF)


def test_an_account_that_waits_for_its_first_scan_is_not_restored() -> None:
    assert not Life(Status.QR_READY, Desired.CONNECTED, linked=False).restorable


def test_an_account_on_its_way_back_is_restored() -> None:
    assert Life(Status.AUTHENTICATING, Desired.CONNECTED, linked=True).restorable


def test_progress_of_the_sync_is_recorded() -> None:
    life = Life(Status.AUTHENTICATING, Desired.CONNECTED, True, 1, phase=Phase.RUNNING)
    assert decide(life, Signal.PROGRESS, attempt=1).cause is Cause.SYNCING


def test_a_further_code_of_the_same_attempt_is_not_a_new_status() -> None:
    life = Life(Status.QR_READY, Desired.CONNECTED, attempt=1, phase=Phase.RUNNING)
    decision = decide(life, Signal.QR, attempt=1)
    assert decision.cause is None
    assert decision.life.status is Status.QR_READY
