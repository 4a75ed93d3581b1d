"""Whether a phone may still list a device whose session ended without WhatsApp's being told."""

from tortoise import fields
from tortoise.migrations import Migration as TortoiseMigration
from tortoise.migrations import operations


class Migration(TortoiseMigration):
    """One column of the accounts; where a detail says it, the account's actor sets it."""

    dependencies = [("store", "0007_away")]  # noqa: RUF012 - how tortoise declares it

    initial = False

    operations = [  # noqa: RUF012 - how tortoise declares it
        operations.AddField(
            model_name="Account",
            name="maybe_listed",
            field=fields.BooleanField(default=False, db_default=False),
        ),
    ]
