"""Accounts are kept, listed page by page, changed by the user's wishes, and deleted."""

from datetime import UTC, datetime

import pytest

from store import accounts, models
from store.accounts import AccountRow
from store.errors import BrokenCursor
from store.events import event_log
from store.events.recorder import Recorder
from store.status import Cause, Desired, Status


async def create(count: int) -> list[AccountRow]:
    for number in range(count):
        await accounts.create(f"account {number}")
    return await accounts.all_rows()


async def test_a_new_account_is_at_rest(database: None) -> None:
    row, _ = await accounts.create("Support desk")

    kept = await accounts.get(row.id)

    assert kept is not None
    assert (kept.name, kept.desired, kept.status, kept.cause) == (
        "Support desk",
        Desired.DISCONNECTED,
        Status.DISCONNECTED,
        Cause.CREATED,
    )
    assert (kept.phone, kept.linked, kept.restarts, kept.detail) == (None, False, 0, None)
    assert kept.since == kept.created_at
    assert kept.created_at.tzinfo is not None


async def test_a_new_account_comes_with_its_first_event(database: None, recorder: Recorder) -> None:
    row, event = await accounts.create("one")

    recorder.record(event)
    await recorder.flush(5)

    assert await accounts.get(row.id) == row
    (first,) = (await event_log.page(0, 10, account_ids=(row.id,))).items
    assert (first.seq, first.type, first.data) == (
        1,
        "status",
        {
            "status": "DISCONNECTED",
            "previous": None,
            "cause": "created",
            "attempt": 0,
            "detail": None,
        },
    )


async def test_ids_are_safe_in_a_path(database: None) -> None:
    ids = {row.id for row in await create(20)}

    assert len(ids) == 20
    assert all(len(account_id) <= 36 and account_id.isalnum() for account_id in ids)
    assert all(account_id == account_id.lower() for account_id in ids)


async def test_pages_show_every_account_once_in_the_order_of_creation(database: None) -> None:
    rows = await create(5)

    first = await accounts.list_page(None, 2)
    second = await accounts.list_page(first.next, 2)
    third = await accounts.list_page(second.next, 2)

    assert [row.name for row in rows] == [f"account {number}" for number in range(5)]
    assert [*first.items, *second.items, *third.items] == rows
    assert third.next is None


async def test_a_full_last_page_has_no_next(database: None) -> None:
    await create(2)

    assert (await accounts.list_page(None, 2)).next is None


async def test_a_cursor_outlives_the_account_it_was_made_from(database: None) -> None:
    rows = await create(3)
    page = await accounts.list_page(None, 2)
    await accounts.delete(rows[1].id)

    rest = await accounts.list_page(page.next, 2)

    assert rest.items == rows[2:]


async def test_accounts_of_the_same_moment_are_shown_once_each(database: None) -> None:
    now = datetime.now(UTC)
    await create(3)
    await models.Account.all().update(created_at=now)

    first = await accounts.list_page(None, 2)
    second = await accounts.list_page(first.next, 2)

    ids = [row.id for row in [*first.items, *second.items]]
    assert len(ids) == 3
    assert ids == sorted(ids)


@pytest.mark.parametrize("cursor", ["", "-", "1", "x-1", "1-", "9" * 30 + "-a", "-1e5-a"])
async def test_a_cursor_of_someones_own_making_is_refused(database: None, cursor: str) -> None:
    with pytest.raises(BrokenCursor):
        await accounts.list_page(cursor, 2)


async def test_a_renamed_account_is_returned_as_it_is_now(database: None) -> None:
    row, _ = await accounts.create("one")

    renamed = await accounts.rename(row.id, "two")

    assert renamed is not None
    assert renamed.name == "two"
    assert renamed == await accounts.get(row.id)


async def test_what_the_user_wants_is_kept(database: None) -> None:
    row, _ = await accounts.create("one")

    changed = await accounts.set_desired(row.id, Desired.CONNECTED)

    assert changed is not None
    assert changed.desired is Desired.CONNECTED
    assert changed == await accounts.get(row.id)


async def test_an_account_that_is_not_there_is_not_found(database: None) -> None:
    assert await accounts.get("nobody") is None
    assert await accounts.rename("nobody", "x") is None
    assert await accounts.set_desired("nobody", Desired.CONNECTED) is None
    assert await accounts.delete("nobody") is False


async def test_a_deleted_account_leaves_its_history(database: None, recorder: Recorder) -> None:
    row, event = await accounts.create("one")
    recorder.record(event)
    await recorder.flush(5)

    assert await accounts.delete(row.id) is True

    assert await accounts.get(row.id) is None
    assert len((await event_log.page(0, 10, account_ids=(row.id,))).items) == 1


@pytest.mark.parametrize("name", ["", "é" * 10_000, "\x1b'; DROP TABLE accounts; --", "🏪"])
async def test_any_text_is_a_name(database: None, name: str) -> None:
    row, _ = await accounts.create(name)

    kept = await accounts.get(row.id)

    assert kept is not None
    assert kept.name == name
