"""Accounts and the log of events."""

from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations import Migration as TortoiseMigration
from tortoise.migrations import operations


class Migration(TortoiseMigration):
    """The tables of version 0.1."""

    initial = True

    operations = [  # noqa: RUF012 - how tortoise declares it
        operations.CreateModel(
            name="Account",
            fields=[
                ("id", fields.CharField(max_length=36, primary_key=True)),
                ("name", fields.TextField()),
                ("phone", fields.CharField(max_length=32, null=True)),
                ("push_name", fields.TextField(null=True)),
                ("desired", fields.CharField(max_length=32)),
                ("status", fields.CharField(max_length=32)),
                ("cause", fields.CharField(max_length=32)),
                ("detail", fields.JSONField(null=True)),
                ("since", fields.DatetimeField()),
                ("restarts", fields.IntField(default=0)),
                ("linked", fields.BooleanField(default=False)),
                ("attempt", fields.BigIntField(default=0)),
                ("seq", fields.BigIntField(default=0)),
                ("created_at", fields.DatetimeField()),
            ],
            options={
                "table": "accounts",
                "app": "store",
                "indexes": [Index(fields=("created_at", "id"))],
                "pk_attr": "id",
                "table_description": "The accounts as they stand",
            },
            bases=["Model"],
        ),
        operations.CreateModel(
            name="Event",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                ("account_id", fields.CharField(max_length=36)),
                ("seq", fields.BigIntField()),
                ("type", fields.CharField(max_length=32)),
                ("at", fields.DatetimeField()),
                ("data", fields.JSONField()),
            ],
            options={
                "table": "events",
                "app": "store",
                "unique_together": (("account_id", "seq"),),
                "indexes": [Index(fields=("account_id", "id"))],
                "pk_attr": "id",
                "table_description": "The log of all accounts",
            },
            bases=["Model"],
        ),
    ]
