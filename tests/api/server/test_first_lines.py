"""What the log says first."""

import pytest

from api.server.first_lines import without_secrets


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgres://wa:correct-horse@db.host:5432/wa", "postgres://db.host:5432/wa"),
        ("postgres://wa:correct%2Fhorse@db.host/wa?ssl=1", "postgres://db.host/wa"),
        ("postgres://db.host/wa?user=wa&password=correct-horse", "postgres://db.host/wa"),
        ("postgres://wa:0/correct-horse@db.host/wa", "postgres://…"),
        ("redis://:correct-horse@[::1]:6379/0", "redis://[::1]:6379/0"),
        ("unix:///run/redis.sock?password=correct-horse", "unix:///run/redis.sock"),
        ("sqlite:////data/wa-manager.sqlite3", "sqlite:////data/wa-manager.sqlite3"),
    ],
)
def test_an_address_in_the_log_has_no_password(url: str, shown: str) -> None:
    assert without_secrets(url) == shown
