"""The tables, as tortoise sees them. Only this package uses them; others get rows and events.

A change here needs a migration: `tortoise -c store.database.opening.MIGRATIONS makemigrations`.
"""

from collections.abc import Mapping
from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model


class Account(Model):
    """An account as it stands after the last event that was written."""

    id = fields.CharField(max_length=36, primary_key=True)
    name = fields.TextField()
    phone = fields.CharField(max_length=32, null=True)
    push_name = fields.TextField(null=True)
    # Words of `status`. Not tortoise's enum fields: with them each new word would be a migration.
    desired = fields.CharField(max_length=32)
    status = fields.CharField(max_length=32)
    cause = fields.CharField(max_length=32)
    detail = fields.JSONField[Mapping[str, Any] | None](null=True)
    since = fields.DatetimeField()
    restarts = fields.IntField(default=0)
    restart_cause = fields.CharField(max_length=32, null=True)
    restarted_at = fields.DatetimeField(null=True)
    linked = fields.BooleanField(default=False)
    logout_after = fields.BigIntField(null=True)
    # Its default is the database's as well, for the rows that were there before it.
    logged_out_seq = fields.BigIntField(default=0, db_default=0)
    history_until = fields.BigIntField(null=True)
    heard_until = fields.BigIntField(null=True)
    away_since = fields.DatetimeField(null=True)
    maybe_listed = fields.BooleanField(default=False, db_default=False)
    attempt = fields.BigIntField(default=0)
    seq = fields.BigIntField(default=0)
    created_at = fields.DatetimeField()

    class Meta:
        """Listed in the order of creation."""

        table = "accounts"
        table_description = "The accounts as they stand"
        indexes = (Index(fields=("created_at", "id")),)


class Event(Model):
    """One line of the log. It has no foreign key: an account's history outlives the account."""

    # SQLite: AUTOINCREMENT, so that an id is never given twice, also after the newest was deleted.
    id = fields.BigIntField(primary_key=True)
    account_id = fields.CharField(max_length=36)
    seq = fields.BigIntField()
    type = fields.CharField(max_length=32)
    at = fields.DatetimeField()
    data = fields.JSONField[Mapping[str, Any]]()

    class Meta:
        """Unique by (account_id, seq); replayed by id, of all accounts or of one."""

        table = "events"
        table_description = "The log of all accounts"
        unique_together = (("account_id", "seq"),)
        indexes = (Index(fields=("account_id", "id")),)


class Lease(Model):
    """Who owns an account. It has no foreign key: it is made and removed with the account."""

    account_id = fields.CharField(max_length=36, primary_key=True)
    owner = fields.CharField(max_length=32, null=True)
    # Who that is, for people. They stay when the lease is given back.
    host = fields.TextField(default="")
    pid = fields.IntField(default=0)
    seconds = fields.FloatField(default=0.0)
    epoch = fields.BigIntField()
    renewals = fields.BigIntField(default=0)

    class Meta:
        """Renewed by owner, all at once."""

        table = "leases"
        table_description = "Who owns which account"
        indexes = (Index(fields=("owner",)),)


ONLY = 1
"""The only row of `Trimmed`."""


class Trimmed(Model):
    """How far the log was removed from its beginning. It has one row, or none."""

    id = fields.IntField(primary_key=True, generated=False)
    until = fields.BigIntField()

    class Meta:
        """Read by whoever resumes from an id."""

        table = "trimmed"
        table_description = "How far the log was removed"
