"""Postgres: how it is reached, and how long it is waited for. Its driver is an extra.

The address is the driver's to read, so it may say all that libpq's may: `sslmode`, a socket's
folder as `host`, settings of the server.
"""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tortoise.exceptions import ConfigurationError

from store.errors import DatabaseUnusable

try:
    import asyncpg
except ModuleNotFoundError:
    asyncpg = None

PREFIXES = ("postgres://", "postgresql://")
CONNECT_SECONDS = 5.0
"""How long a connection may take to be made."""
POOL_SIZE = 10
"""The most connections of one server. Postgres allows 100 in all unless it is told otherwise."""
ABANDONED_SECONDS = 10.0
"""How long a transaction may do nothing before Postgres ends it: its server may be frozen, and what
it has locked would keep all others from their work."""
DRIVER_ERRORS: tuple[type[Exception], ...] = (
    ()
    if asyncpg is None
    else (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
)
"""What the driver raises, besides OSError. The last one comes of a connection that Postgres is just
ending."""
FILES = ("sslcert", "sslcrl", "sslkey", "sslrootcert")
"""What an address may name of our own files."""


def connection(url: str, *, lock_seconds: float, answer_seconds: float) -> dict[str, Any]:
    """Describe a connection for tortoise.

    Args:
        url: `postgres://user:password@host:port/name`, with what libpq allows after a `?`.
        lock_seconds: How long a statement waits for what another one has locked.
        answer_seconds: How long a statement may take in all.

    Raises:
        ConfigurationError: The address cannot be read. The message holds nothing of it.
        DatabaseUnusable: The driver is not installed, or a file that the address names is missing.
    """
    if asyncpg is None:
        raise DatabaseUnusable("The driver for Postgres is not installed: pip install asyncpg")
    settings = {
        "application_name": "wa-manager",
        "idle_in_transaction_session_timeout": _milliseconds(ABANDONED_SECONDS),
        "lock_timeout": _milliseconds(lock_seconds),
    }
    given = _settings_in(url)
    for name in given.keys() & set(FILES):
        if not Path(given[name]).is_file():
            raise DatabaseUnusable(f"The database's address names a {name} that does not exist")

    async def connect(*_: object, **options: Any) -> asyncpg.Connection:
        # Tortoise's options name parts of the address; what else it says would be lost with them.
        return await asyncpg.connect(
            url,
            timeout=CONNECT_SECONDS,
            command_timeout=answer_seconds,
            server_settings={name: settings[name] for name in settings.keys() - given.keys()},
            loop=options["loop"],
            connection_class=options["connection_class"],
            record_class=options["record_class"],
        )

    # As a function the address stays out of tortoise's log, where the options are shown.
    credentials = {"connect": connect, "minsize": 1, "maxsize": POOL_SIZE}
    return {"engine": "tortoise.backends.asyncpg", "credentials": credentials}


def _settings_in(url: str) -> dict[str, str]:
    """Read which settings an address makes, and make sure that it is read as it was meant.

    A password that is not encoded can end anywhere; what follows would be taken for the host, and
    be shown as such.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
        given = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
    except ValueError:
        readable = False
    else:
        readable = not parts.fragment and "@" not in f"{parts.path}{parts.query}"
        readable = readable and parts.netloc.count("@") <= 1
    if not readable:
        raise ConfigurationError(
            "in a password, signs other than letters and digits must be written as %40 for @, "
            "%2F for /, and so on; a port is a number"
        )
    return given


def _milliseconds(seconds: float) -> str:
    return str(max(1, round(seconds * 1000)))
