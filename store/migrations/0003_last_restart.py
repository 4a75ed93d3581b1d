"""Why and when an account's browser was restarted last."""

from tortoise import fields
from tortoise.migrations import Migration as TortoiseMigration
from tortoise.migrations import operations


class Migration(TortoiseMigration):
    """Two columns of the accounts; nothing is known of restarts before."""

    dependencies = [("store", "0002_leases")]  # noqa: RUF012 - how tortoise declares it

    initial = False

    operations = [  # noqa: RUF012 - how tortoise declares it
        operations.AddField(
            model_name="Account",
            name="restart_cause",
            field=fields.CharField(max_length=32, null=True),
        ),
        operations.AddField(
            model_name="Account",
            name="restarted_at",
            field=fields.DatetimeField(null=True),
        ),
    ]
