"""Where an account's news begin: what its phone had when it linked the device is history."""

from tortoise import fields
from tortoise.migrations import Migration as TortoiseMigration
from tortoise.migrations import operations


class Migration(TortoiseMigration):
    """One column of the accounts; it is not known of those that are linked already."""

    dependencies = [("store", "0005_logout")]  # noqa: RUF012 - how tortoise declares it

    initial = False

    operations = [  # noqa: RUF012 - how tortoise declares it
        operations.AddField(
            model_name="Account",
            name="history_until",
            field=fields.BigIntField(null=True),
        ),
    ]
