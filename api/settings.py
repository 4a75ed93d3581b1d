"""Every setting of the server: its environment variable, its flag, its default, one sentence.

The only place that reads the environment. Durations are seconds and say so in their names.
"""

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from api.validation.complaints import complaint, number
from api.validation.suggestions import nearest, short

PREFIX = "WA_"
SECRET = frozenset({"api_key", "database_url", "redis_url", "web_url"})
"""Settings whose values no message repeats: keys, and addresses that may hold passwords."""
OF_A_SERVICE = re.compile(
    r"WA_([A-Z0-9_]+_)?(SERVICE_(HOST|PORT)|PORT_[0-9]+_(TCP|UDP))(_[A-Z0-9_]+)?"
)
KEY_LENGTH = 16
"""So many characters a key must have; `openssl rand -hex 24` makes one of 48."""
KILL_SECONDS = 2.0
"""How long a browser that was killed may take to be gone."""


class SettingsError(Exception):
    """A setting has a value that cannot be used. The message names the setting, one line each."""


def _url(*schemes: str) -> AfterValidator:
    def check(value: str) -> str:
        if urlsplit(value).scheme not in schemes:
            raise ValueError(f"must be a URL that begins with {' or '.join(schemes)}")
        try:
            _ = urlsplit(value).port
        except ValueError:
            # Not what was found there: it may be a part of the password.
            raise ValueError(
                "must have a number for its port; in a password, / # ? and the like are written "
                "as %2F, %23, %3F"
            ) from None
        if "http" in schemes and not urlsplit(value).hostname:
            raise ValueError("must name a host")
        return value

    return AfterValidator(check)


def _redis_prefix(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", value):
        raise ValueError("must be 1 to 64 letters, digits, dots, dashes and underscores")
    return value


def _host_and_port(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9.\[\]:-]+:[0-9]{1,5}", value):
        raise ValueError("must be host:port, as in 127.0.0.1:8700")
    return value


def _api_key(value: SecretStr) -> SecretStr:
    secret = value.get_secret_value()
    if len(secret) < KEY_LENGTH:
        raise ValueError(f"must have at least {KEY_LENGTH} characters, not {len(secret)}")
    if not secret.isascii() or not secret.isprintable() or " " in secret:
        raise ValueError("must be printable ASCII without spaces, it travels in a header")
    return value


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Megabytes = Annotated[int, Field(ge=0, le=10_000_000)]
Count = Annotated[int, Field(ge=1, le=100_000)]
AbsolutePath = Annotated[Path, AfterValidator(_absolute)]
HttpUrl = Annotated[str, _url("http", "https")]
HostAndPort = Annotated[str, AfterValidator(_host_and_port)]
RedisUrl = Annotated[str, _url("redis", "rediss", "unix")]
DatabaseUrl = Annotated[str, _url("sqlite", "postgres", "postgresql")]
LogLevel = Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(str.upper)]
LogFormat = Annotated[Literal["text", "json"], BeforeValidator(str.lower)]
ApiKey = Annotated[SecretStr, AfterValidator(_api_key)]


class Settings(BaseSettings):
    """The server's settings, from `WA_*` variables; arguments of the constructor go first."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(5001, ge=0, le=65_535, description="Port to listen on; 0 picks a free one.")
    data_dir: AbsolutePath = Field(
        Path("data"),
        validate_default=True,
        description="Where database, key and profiles are kept.",
    )
    database_url: DatabaseUrl | None = Field(
        None, description="Database; SQLite in the data directory unless given."
    )
    redis_url: RedisUrl | None = Field(
        None, description="Redis to publish events on; none unless given."
    )
    redis_prefix: Annotated[str, AfterValidator(_redis_prefix)] = Field(
        "wa", description="First part of the Redis channels."
    )
    api_key: ApiKey | None = Field(
        None,
        description="Key that clients must present; made and kept at first start unless given. "
        "Better a variable than a flag, which others on this machine can see.",
    )
    events_max_days: float = Field(
        30.0,
        ge=0,
        le=36_500,
        allow_inf_nan=False,
        description="Days that recorded events are kept, an hour at least; 0 is for ever.",
    )
    events_max_count: int = Field(
        1_000_000,
        ge=0,
        le=10**12,
        description="How many recorded events are kept, of all accounts; those of the last hour "
        "always are; 0 is no limit.",
    )
    log_level: LogLevel = Field("INFO", description="Least severe log lines that are written.")
    log_format: LogFormat = Field(
        "text", description="text for people, or json for programs: an object on each line."
    )

    body_limit: int = Field(
        1_000_000, ge=1_000, description="Largest request body that is read, in bytes."
    )
    connections_max: Count = Field(
        2_000,
        description="Connections of clients at a time; fewer where the limit of open files is low.",
    )
    websocket_queue: Count = Field(
        1_000, description="Events that a websocket may fall behind before it is closed."
    )
    websocket_ping_seconds: Seconds = Field(30.0, description="Time between pings of a websocket.")
    attention_seconds: Seconds = Field(
        300.0,
        description="How long an account may be away from WhatsApp against its owner's wish before "
        "/health lists it under attention.",
    )
    monitor_seconds: Seconds = Field(60.0, description="Time between two resource reports.")
    resources_seconds: Seconds = Field(
        15.0, description="Time between two measurements of what each browser takes."
    )
    shutdown_seconds: Seconds = Field(
        20.0, description="Time that all browsers together have to close when the server stops."
    )

    web_url: HttpUrl = Field(
        "https://web.whatsapp.com/", description="Address of WhatsApp Web, or of a simulator."
    )
    map_host: HostAndPort | None = Field(
        None,
        description="Where the host of web_url is really served, as host:port, under any "
        "certificate; for a simulator with --tls.",
    )
    chromium: AbsolutePath | None = Field(
        None, description="Chromium's executable; found by itself unless given."
    )
    wa_js: AbsolutePath | None = Field(
        None, description="The wa-js bundle; the one in node_modules unless given."
    )

    starts_at_once: Count = Field(8, description="How many browsers may be starting at a time.")
    start_memory_mb: Count = Field(
        300, description="Memory, in MB, that must be free for a browser to start."
    )
    disk_min_mb: Megabytes = Field(
        200, description="Disk, in MB, that must be free for a browser to start."
    )
    cache_max_mb: Count = Field(
        100,
        description="Caches, in MB, that an account's profile may hold at a start; a browser that "
        "runs empties them at twice as many.",
    )
    memory_soft_mb: Megabytes = Field(
        0,
        description="Memory, in MB, from which an account's browser is replaced at a quiet moment; "
        "0 is no limit.",
    )
    memory_hard_mb: Megabytes = Field(
        0,
        description="Memory, in MB, from which an account's browser is ended at once; "
        "0 is no limit.",
    )
    memory_quiet_seconds: Seconds = Field(
        60.0, description="How long no message comes or goes in a quiet moment."
    )
    memory_rest_seconds: Seconds = Field(
        3600.0, description="Least time between two replacements over the soft limit."
    )
    connecting_seconds: Seconds = Field(
        60.0, description="Deadline for CONNECTING, from leaving the queue."
    )
    authenticating_seconds: Seconds = Field(180.0, description="Deadline for AUTHENTICATING.")
    offline_seconds: Seconds = Field(
        900.0,
        description="How long an account's browser is kept whose page lost its connection, as long "
        "as the page answers; then such browsers are replaced, one after another.",
    )
    qr_first_seconds: Seconds = Field(60.0, description="How long the first QR code is valid.")
    qr_next_seconds: Seconds = Field(20.0, description="How long each further QR code is valid.")
    qr_codes: Count = Field(6, description="How many QR codes are shown before giving up.")
    pairing_code_seconds: Seconds = Field(
        180.0, description="How long a pairing code is valid, also when the QR codes are over."
    )
    page_load_seconds: Seconds = Field(
        30.0, description="How long WhatsApp Web may take to load and be recognised."
    )
    call_seconds: Seconds = Field(30.0, description="How long one call into the page may take.")
    probe_seconds: Seconds = Field(
        30.0, description="Time between two questions to a page whether it still answers."
    )
    probe_timeout_seconds: Seconds = Field(
        10.0,
        description="How long it may take to answer; twice without an answer, it is restarted.",
    )
    close_seconds: Seconds = Field(10.0, description="How long a browser may take to close.")
    finish_seconds: Seconds = Field(
        5.0, description="How long a browser that is to close waits for messages being sent."
    )
    lease_seconds: Seconds = Field(
        600.0,
        validate_default=True,
        description="How long an account stays this server's own while the database is away; then "
        "its browser closes, and a server elsewhere on the same database may take it.",
    )

    lock_attempts: Count = Field(2, description="Attempts at a start that meets a locked profile.")
    lock_retry_seconds: Seconds = Field(3.0, description="Time between those attempts.")
    backoff_first_seconds: Seconds = Field(
        1.0, description="Wait after a first failure; doubled after each further one."
    )
    backoff_max_seconds: Seconds = Field(60.0, description="Longest wait between attempts.")
    max_failures: Count = Field(
        5, description="Failures within the window that are retried; one more means FAILED."
    )
    failure_window_seconds: Seconds = Field(600.0, description="The window for max_failures.")

    @field_validator("lease_seconds")
    @classmethod
    def _leave_time_to_close(cls, seconds: float, info: ValidationInfo) -> float:
        close = _close_in_all(info.data.get("finish_seconds", 0.0), info.data)
        if seconds < 2 * close:
            raise ValueError(f"must be at least {2 * close:g}, for browsers to close in its end")
        return seconds

    @field_validator("memory_hard_mb")
    @classmethod
    def _leave_room_for_the_soft_limit(cls, hard_mb: int, info: ValidationInfo) -> int:
        soft_mb = info.data.get("memory_soft_mb", 0)
        if 0 < hard_mb < soft_mb:
            raise ValueError(f"must be at least the soft limit, {soft_mb}")
        return hard_mb

    @property
    def lease_margin(self) -> float:
        """The last part of a lease, in which a browser must be gone."""
        return _close_in_all(self.finish_seconds, {"close_seconds": self.close_seconds})

    @property
    def effective_database_url(self) -> str:
        """The database's URL: the one given, or SQLite in the data directory."""
        from store.database.sqlite import sqlite_url

        return self.database_url or sqlite_url(self.data_dir / "wa-manager.sqlite3")

    @property
    def profiles_dir(self) -> Path:
        """The directory of the browser profiles, one for each account."""
        return self.data_dir / "profiles"

    @property
    def server_id(self) -> str:
        """What tells this server's browsers from those of another one: its data directory."""
        return hashlib.sha256(os.fsencode(self.data_dir)).hexdigest()[:12]

    @property
    def key_file(self) -> Path:
        """Where a key that was not given is kept."""
        return self.data_dir / "api-key"

    @property
    def secrets(self) -> list[str]:
        """What must be in no log line: the key, and the passwords in the addresses."""
        found = [] if self.api_key is None else [self.api_key.get_secret_value()]
        for address in filter(None, (self.database_url, self.redis_url, self.web_url)):
            parts = urlsplit(address)
            found += [parts.password or "", unquote(parts.password or "")]
            found += parse_qs(parts.query).get("password", [])
        return [secret for secret in found if secret]

    @classmethod
    def load(cls, flags: Mapping[str, str | None]) -> Self:
        """Read the settings from `flags`, where given, and else from the environment.

        Args:
            flags: Values from the command line by field name; None where a flag was not given.

        Raises:
            SettingsError: If a value cannot be used.
        """
        # Strings, as variables are: the model makes the types of both, by the same rules.
        given: dict[str, Any] = {name: text for name, text in flags.items() if text is not None}
        lines = [_unknown(name) for name in unknown_variables()]
        try:
            settings = cls(**given)
        except ValidationError as error:
            found = error.errors(include_url=False)
            lines += [_wrong(each, given) for each in found]
        if lines:
            raise SettingsError("\n".join(lines))
        return settings


def _close_in_all(finish_seconds: float, others: Mapping[str, Any]) -> float:
    """Return how long a browser may take to be gone: its last messages, its close, its kill."""
    close: float = others.get("close_seconds", 0.0)
    return finish_seconds + close + KILL_SECONDS


def variable(field: str) -> str:
    """Name the environment variable of a field."""
    return PREFIX + field.upper()


def flag(field: str) -> str:
    """Name the command line's flag of a field."""
    return "--" + field.replace("_", "-")


def unknown_variables() -> list[str]:
    """Name the variables in the environment that look like settings and are none.

    An empty one counts as unset. Kubernetes and Docker name the addresses of a service after it,
    and may do so with ours.
    """
    known = {variable(field) for field in Settings.model_fields}
    return sorted(
        name
        for name, value in os.environ.items()
        if name.upper().startswith(PREFIX)
        and name.upper() not in known
        and value
        and not OF_A_SERVICE.fullmatch(name)
        and not value.startswith(("tcp://", "udp://"))
    )


def environment_without_settings() -> dict[str, str]:
    """Copy the environment for a server whose settings are all given otherwise."""
    return {
        name: value for name, value in os.environ.items() if not name.upper().startswith(PREFIX)
    }


def _unknown(name: str) -> str:
    """Say that a variable is no setting, and which one may have been meant."""
    words = nearest(name.upper().removeprefix(PREFIX).lower(), Settings.model_fields)
    hint = f"did you mean {variable(words)}?" if words else "`wa-manager serve --help` lists all."
    return f"{name}: there is no such setting; {hint}"


def _wrong(found: ErrorDetails, flags: Mapping[str, str]) -> str:
    """Say in a line what is wrong with a value, as it was given, and what is expected."""
    name = str(found["loc"][0])
    as_flag = name in flags
    given = flags[name] if as_flag else os.environ.get(variable(name), str(found["input"]))
    field = Settings.model_fields[name]
    expected = complaint(found)
    if field.annotation in (int, float) and found["type"] != "value_error":
        expected = number(whole=field.annotation is int, metadata=field.metadata)
    value = "" if name in SECRET else f", not {short(given)}"
    here, there = (flag(name), variable(name)) if as_flag else (variable(name), flag(name))
    other = "as a variable" if as_flag else "as a flag"
    return f"{here}: {expected}{value} ({other}: {there})"
