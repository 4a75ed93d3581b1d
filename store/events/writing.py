"""How a batch of events is written: in a few statements, however many events and accounts they are.

While one server writes, all others wait, and each statement may travel far: 200 events written one
by one take a second where the database is 5 ms away.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.fields.base import Field

from store import models
from store.events.event_log import Event

WRITER_LOCK = 0x77616577
"""Names our lock among all that the users of one Postgres database may take."""
TURN_SECONDS = 5.0
"""How long a batch waits for those of other servers: longer than for anything else that is locked,
but no longer than any statement may take."""


async def wait_for_turn(connection: BaseDBAsyncClient) -> None:
    """Let no other server write events before the transaction ends.

    So ids are committed in their order: who has seen one will find no smaller one later. On SQLite
    a transaction is alone anyway.
    """
    if connection.capabilities.dialect == "postgres":
        await connection.execute_script(
            f"SET LOCAL lock_timeout = '{TURN_SECONDS:g}s';"
            f"SELECT pg_advisory_xact_lock({WRITER_LOCK});"
            "SET LOCAL lock_timeout TO DEFAULT"
        )


async def insert(told: Sequence[Event], connection: BaseDBAsyncClient) -> list[Event]:
    """Write events in their order, but for the transient ones, and return all as they were kept.

    The transaction has had its turn, so that the ids are its own.
    """
    recorded = sum(event.seq is not None for event in told)
    ids = iter(await _next_ids(recorded, connection))
    kept = [event if event.seq is None else event.with_id(next(ids)) for event in told]
    rows = [
        models.Event(
            id=event.id,
            account_id=event.account_id,
            seq=event.seq,
            type=str(event.type),
            at=event.at,
            data=event.data,
        )
        for event in kept
        if event.id is not None
    ]
    await models.Event.bulk_create(rows, using_db=connection)
    return kept


async def _next_ids(count: int, connection: BaseDBAsyncClient) -> Sequence[int]:
    """Reserve the next ids of the log, which are never given again."""
    if connection.capabilities.dialect == "postgres":
        rows = await connection.execute_query_dict(
            "SELECT nextval(pg_get_serial_sequence('events', 'id')) AS id "
            "FROM generate_series(1, $1::int)",
            [count],
        )
        return sorted(row["id"] for row in rows)
    # As AUTOINCREMENT has it: beyond all that ever was, which the first says, and beyond all that
    # is, should a copy of the database have lost that.
    rows = await connection.execute_query_dict(
        "SELECT max("
        "coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0), "
        "coalesce((SELECT max(id) FROM events), 0)) AS last"
    )
    first = rows[0]["last"] + 1
    return range(first, first + count)


async def change_accounts(
    changes: Mapping[str, Mapping[str, Any]], connection: BaseDBAsyncClient
) -> None:
    """Change fields of accounts, given by account; one that is no more stays so."""
    columns = models.Account._meta.fields_map  # noqa: SLF001 - tortoise has no other name for it
    executor = connection.executor_class(model=models.Account, db=connection)
    rows = defaultdict[tuple[str, ...], list[list[Any]]](list)
    for account_id, fields in changes.items():
        values = [
            columns[name].to_db_value(value, models.Account) for name, value in fields.items()
        ]
        rows[tuple(fields)].append([*values, account_id])
    # Nearly always the same fields of all.
    for names, values_of_each in rows.items():
        await connection.execute_many(executor.get_update_sql(names, None), values_of_each)


def fitting(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of an account's changes that its columns can take, as far as they know."""
    columns = models.Account._meta.fields_map  # noqa: SLF001 - tortoise has no other name for it
    return {name: value for name, value in changes.items() if _fits(columns[name], value)}


def _fits(column: Field[Any], value: object) -> bool:
    try:
        column.to_db_value(value, models.Account)
    except Exception:  # noqa: BLE001 - each type of column has errors of its own
        return False
    return True


async def find(event: Event) -> Event | None:
    """Return an event as it was kept, if it was."""
    row = await models.Event.get_or_none(account_id=event.account_id, seq=event.seq)
    if row is None or (row.type, row.at) != (str(event.type), event.at):
        return None
    return event.with_id(row.id)
