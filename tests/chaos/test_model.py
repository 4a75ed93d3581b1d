"""The reference model itself: a run is worth what its model says."""

import pytest

from store.status import Desired, Status
from tests.chaos.model import AT_REST, ONLINE, Expected, Session


def test_an_account_that_was_connected_and_is_wanted_must_be_online() -> None:
    expected = Expected(Desired.CONNECTED, Session.KEPT)
    expected.server_ended()
    assert expected.goals == ONLINE


def test_an_account_that_is_not_wanted_must_rest_whatever_its_session() -> None:
    for session in Session:
        assert Expected(Desired.DISCONNECTED, session).goals == AT_REST


def test_a_connect_leads_online_with_a_session_and_after_a_scan_without_one() -> None:
    for session in (Session.KEPT, Session.UNSURE):
        expected = Expected(session=session)
        expected.connect()
        assert expected.goals == ONLINE
    expected = Expected()
    expected.connect()
    assert not expected.goals
    expected.scanned()
    assert expected.goals == ONLINE


def test_an_answered_logout_is_carried_out_whatever_becomes_of_the_server() -> None:
    expected = Expected(Desired.CONNECTED, Session.KEPT)
    expected.logout()
    expected.server_ended()
    expected.disconnect()
    assert expected.goals == {Status.LOGGED_OUT}


def test_after_a_logout_nothing_comes_back_without_a_scan() -> None:
    expected = Expected(Desired.CONNECTED, Session.KEPT)
    expected.logout()
    expected.connect()
    assert not expected.goals
    expected.server_ended()
    assert expected.goals == AT_REST


def test_a_code_is_scanned_only_where_a_user_asked_for_a_connection() -> None:
    expected = Expected(Desired.CONNECTED, Session.KEPT)
    expected.server_ended()
    assert not expected.scans
    expected.logout()
    assert not expected.scans
    expected.connect()
    expected.server_ended()
    assert expected.scans
    expected.settled(Status.LOGGED_OUT)
    assert not expected.scans


def test_a_phone_that_removes_a_device_ends_its_session() -> None:
    expected = Expected(Desired.CONNECTED, Session.KEPT)
    expected.unlinked()
    assert expected.goals == {Status.LOGGED_OUT}


def test_a_server_that_ends_before_the_first_scan_leaves_the_account_at_rest() -> None:
    expected = Expected()
    expected.connect()
    expected.server_ended()
    assert expected.goals == AT_REST


@pytest.mark.parametrize(
    ("status", "session"),
    [
        (Status.CONNECTED, Session.KEPT),
        (Status.LOGGED_OUT, Session.NONE),
        (Status.DISCONNECTED, Session.UNSURE),
    ],
)
def test_what_is_seen_settles_what_was_unsure(status: Status, session: Session) -> None:
    expected = Expected(Desired.CONNECTED, Session.UNSURE)
    expected.settled(status)
    assert expected.session is session
