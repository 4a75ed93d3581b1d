"""What tells whether a user's logout of an account is still to be carried out."""

from tortoise import fields
from tortoise.migrations import Migration as TortoiseMigration
from tortoise.migrations import operations


class Migration(TortoiseMigration):
    """Two columns of the accounts; none is being logged out."""

    dependencies = [("store", "0004_trimmed")]  # noqa: RUF012 - how tortoise declares it

    initial = False

    operations = [  # noqa: RUF012 - how tortoise declares it
        operations.AddField(
            model_name="Account",
            name="logout_after",
            field=fields.BigIntField(null=True),
        ),
        operations.AddField(
            model_name="Account",
            name="logged_out_seq",
            field=fields.BigIntField(default=0, db_default=0),
        ),
    ]
