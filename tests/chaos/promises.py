"""What must hold whenever all is well: each promise as a function of what is seen.

Pure. A function gives complaints, one a line; what is complained of may still come right, until a
deadline. What could never come right again is raised at once.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from store.status import Cause, Status
from tests.chaos.account import Account
from tests.chaos.model import ONLINE, Session
from tests.chaos.processes import Process
from tests.chaos.violation import Violation
from tests.harness import Event

BEGINNINGS = {
    Cause.USER_CONNECT,
    Cause.USER_RESTART,
    Cause.RESTORE,
}
"""After these the failures of an account are counted anew."""
NOT_COUNTED = {Cause.PAGE_UNREACHABLE, Cause.OFFLINE, Cause.PROFILE_LOCKED}
"""Failures of the network, which are retried for ever, and of the lock, which has its own limit."""

UNKNOWN = (504, "urn:wa-manager:outcome-unknown")
REFUSED = {
    (409, "urn:wa-manager:wrong-status"),
    (502, "urn:wa-manager:page-error"),
    (503, "urn:wa-manager:unavailable"),
}
"""What says that a text was not sent, and may be sent again."""


@dataclass(frozen=True)
class Answer:
    """What the sender of a text was told."""

    status: int
    problem: str | None
    """The type of the problem, unless it was sent."""
    message_id: str | None


def untrue(answer: Answer | None, arrived: Sequence[str]) -> str | None:
    """What the sender of a text was told of it is true, and it has not arrived twice.

    Args:
        answer: What the sender was told; None: nothing, the connection ended.
        arrived: The ids of the messages that have arrived of it.
    """
    said = answer and (answer.status, answer.problem)
    known = answer and answer.message_id
    if len(arrived) > 1:
        return "it is there more than once"
    if said in REFUSED and arrived:
        return "it was refused, and it is there"
    if said == (201, None) and not arrived:
        return "it was sent, and it is not there"
    if said not in (None, (201, None), UNKNOWN, *REFUSED):
        return "the answer does not say what became of it"
    if known and arrived and not known.endswith(f"_{arrived[0]}"):
        return "it is there by another id"
    return None


def wrong_statuses(accounts: Collection[Account], statuses: Mapping[str, Status]) -> list[str]:
    """Every account is where its user and its phone want it."""
    return [
        f"{account.id} is {statuses.get(account.id)}, not {sorted(account.expected.goals)}"
        f" ({account.expected})"
        for account in accounts
        if statuses.get(account.id) not in account.expected.goals
    ]


def wrong_devices(
    accounts: Collection[Account], statuses: Mapping[str, Status], listed: Collection[str]
) -> list[str]:
    """Whoever is online is linked on the phone, and a session that has ended is not.

    Args:
        accounts: All of them.
        statuses: Theirs, by id.
        listed: The numbers of the phones that list a device.
    """
    complaints = []
    for account in accounts:
        ended = account.expected.session in (Session.NONE, Session.REMOVED)
        if statuses.get(account.id) is Status.CONNECTED and account.number not in listed:
            complaints.append(f"{account.id} is CONNECTED, and its phone lists no device")
        if ended and account.number in listed and not account.expected.listed:
            complaints.append(f"{account.id} is not told that its phone lists a device still")
    return complaints


def one_browser_each(found: Mapping[str, Collection[Process]]) -> None:
    """No profile has two browsers, not even for a moment.

    Raises:
        Violation: One has.
    """
    for account_id, mains in found.items():
        if len(mains) > 1:
            raise Violation(f"{account_id} has {len(mains)} browsers: {mains}")


def wrong_browsers(
    accounts: Collection[Account],
    found: Mapping[str, Collection[Process]],
    statuses: Mapping[str, Status],
) -> list[str]:
    """Every open account has a browser, and no other account has any."""
    complaints = []
    for account in accounts:
        mains = found.get(account.id, [])
        status = statuses.get(account.id)
        if status is not None and len(mains) != status.has_browser:
            complaints.append(f"{account.id} is {status} with {len(mains)} browsers")
    return complaints


def left_behind(
    descended: Collection[Process], open_browsers: Collection[int], own_session: int
) -> list[str]:
    """Nothing is there of a browser that has ended, and nobody is a zombie.

    Args:
        descended: All that descends from this run.
        open_browsers: The main processes of the browsers that shall be there.
        own_session: The one in which the servers are.
    """
    expected = {*open_browsers, own_session}
    return [
        f"left behind: {process}"
        for process in descended
        if process.zombie or process.session not in expected
    ]


def read_on(account: Account, events: Sequence[Event], max_failures: int) -> None:
    """Take in the next events of an account's log.

    Raises:
        Violation: A number is missing or comes twice, or the account was given up too early.
    """
    for event in events:
        if event["seq"] != account.newest_seq + 1:
            raise Violation(f"{account.id}: {account.newest_seq} is followed by {event}")
        account.newest_id, account.newest_seq = event["id"], event["seq"]
        account.awaited.discard(event["data"].get("text"))
        if event["type"] == "message":
            account.told[event["data"]["id"]] += 1
        if event["type"] == "status":
            account.changes += 1
            _note_status(account, event, max_failures)


def _note_status(account: Account, event: Event, max_failures: int) -> None:
    cause, detail = Cause(event["data"]["cause"]), event["data"]["detail"] or {}
    if cause is Cause.USER_LOGOUT and "message" in detail:
        account.expected.not_unlinked()
    if cause in BEGINNINGS:
        account.failures = 0
    elif "retryInSeconds" in detail and cause not in NOT_COUNTED:
        account.failures += 1
    elif cause is Cause.GAVE_UP:
        if account.failures < max_failures:
            raise Violation(f"given up after {account.failures} failures before this: {event}")
        account.gave_up += 1


def missing_texts(account: Account) -> list[str]:
    """Every text that a friend wrote has reached an account that is online."""
    if account.expected.session is not Session.KEPT:
        # Whoever links anew gets what was written before as history.
        account.awaited.clear()
    due = account.awaited and account.expected.goals == ONLINE
    return [f"{account.id} did not get {account.awaited}"] if due else []
