"""Since when an account is away against its owner's wish, so that a restart does not hide it."""

from tortoise import fields
from tortoise.migrations import Migration as TortoiseMigration
from tortoise.migrations import operations


class Migration(TortoiseMigration):
    """One column of the accounts; of those that are there none is taken for away."""

    dependencies = [("store", "0006_history")]  # noqa: RUF012 - how tortoise declares it

    initial = False

    operations = [  # noqa: RUF012 - how tortoise declares it
        operations.AddField(
            model_name="Account",
            name="away_since",
            field=fields.DatetimeField(null=True),
        ),
    ]
