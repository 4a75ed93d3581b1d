"""Leases: who owns which account."""

from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations import Migration as TortoiseMigration
from tortoise.migrations import operations


class Migration(TortoiseMigration):
    """One lease an account. Those of accounts that exist already are added at start."""

    dependencies = [("store", "0001_initial")]  # noqa: RUF012 - how tortoise declares it

    operations = [  # noqa: RUF012 - how tortoise declares it
        operations.CreateModel(
            name="Lease",
            fields=[
                ("account_id", fields.CharField(max_length=36, primary_key=True)),
                ("owner", fields.CharField(max_length=32, null=True)),
                ("host", fields.TextField(default="")),
                ("pid", fields.IntField(default=0)),
                ("seconds", fields.FloatField(default=0.0)),
                ("epoch", fields.BigIntField()),
                ("renewals", fields.BigIntField(default=0)),
            ],
            options={
                "table": "leases",
                "app": "store",
                "indexes": [Index(fields=("owner",))],
                "pk_attr": "account_id",
                "table_description": "Who owns which account",
            },
            bases=["Model"],
        ),
    ]
