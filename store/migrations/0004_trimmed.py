"""How far the log of events was removed from its beginning."""

from tortoise import fields
from tortoise.migrations import Migration as TortoiseMigration
from tortoise.migrations import operations


class Migration(TortoiseMigration):
    """A table of one row; it comes with the first removal."""

    dependencies = [("store", "0003_last_restart")]  # noqa: RUF012 - how tortoise declares it

    initial = False

    operations = [  # noqa: RUF012 - how tortoise declares it
        operations.CreateModel(
            name="Trimmed",
            fields=[
                ("id", fields.IntField(primary_key=True, generated=False)),
                ("until", fields.BigIntField()),
            ],
            options={
                "table": "trimmed",
                "app": "store",
                "pk_attr": "id",
                "table_description": "How far the log was removed",
            },
            bases=["Model"],
        ),
    ]
