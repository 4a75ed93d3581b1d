"""Where an account's news begin: behind what its phone had at the link, and what it has heard."""

from tortoise import fields
from tortoise.migrations import Migration as TortoiseMigration
from tortoise.migrations import operations


class Migration(TortoiseMigration):
    """Two columns of the accounts; they are not known of those that are linked already."""

    dependencies = [("store", "0005_logout")]  # noqa: RUF012 - how tortoise declares it

    initial = False

    operations = [  # noqa: RUF012 - how tortoise declares it
        operations.AddField(
            model_name="Account",
            name="history_until",
            field=fields.BigIntField(null=True),
        ),
        operations.AddField(
            model_name="Account",
            name="heard_until",
            field=fields.BigIntField(null=True),
        ),
    ]
