"""What requests and answers look like: pydantic models in camelCase.

The rules for single fields are in `fields`; what a request does lives with its handler.
"""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from aiohttp import web
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer
from pydantic.alias_generators import to_camel

from actors.browser.reports import PairingCodeShown, QrShown
from api.validation.fields import (
    AccountIds,
    EventId,
    EventTypes,
    Limit,
    Name,
    Phone,
    Recipient,
    Secret,
    Text,
)
from store.events.event_log import timestamp
from store.status import Cause, Desired, Status


def _true_or_false(value: object) -> object:
    if isinstance(value, str) and value.lower() not in ("true", "false"):
        raise ValueError("must be true or false")
    return value


Timestamp = Annotated[datetime, PlainSerializer(timestamp)]


class _Schema(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )


class NewAccount(_Schema):
    """The body that creates an account, or renames one."""

    name: Name


class PairingCodeRequest(_Schema):
    """The body that asks for a pairing code."""

    phone: Phone


class TextMessage(_Schema):
    """The body that sends a text: to a phone number, or to a chat's id as events carry it."""

    to: Recipient
    text: Text


class LoginRequest(_Schema):
    """The body that trades the API key for a cookie."""

    key: Secret


class NoQuery(_Schema):
    """The query of what has none."""


class AccountsQuery(_Schema):
    """The query of the list of accounts."""

    after: str | None = Field(None, max_length=200)
    limit: Limit = 100


class DeleteQuery(_Schema):
    """The query of a deletion."""

    logout: Annotated[bool, BeforeValidator(_true_or_false)] = False


class EventsQuery(_Schema):
    """The query of an account's history."""

    since: EventId = 0
    limit: Limit = 100


class QrQuery(BaseModel):
    """The query of a QR code. Pages add parameters of their own to get past caches."""

    model_config = ConfigDict(frozen=True)

    format: Literal["json", "png", "svg", "text"] | None = None


class StreamQuery(_Schema):
    """The query of the stream."""

    since: EventId | None = None
    accounts: AccountIds | None = None
    types: EventTypes | None = None


class Restart(_Schema):
    """A restart of an account's browser by the server."""

    cause: Cause
    at: Timestamp


class Account(_Schema):
    """An account as answers show it."""

    id: str
    name: str
    phone: Annotated[str | None, Field(repr=False)]
    desired: Desired
    status: Status
    cause: Cause
    detail: dict[str, Any] | None
    """What else is known of the cause, as in the event: `message` is a sentence for people."""
    since: Timestamp
    restarts: int
    last_restart: Restart | None
    created_at: Timestamp


class Accounts(_Schema):
    """A page of the list of accounts."""

    items: list[Account]
    next: str | None
    """What to ask for as `after` to get the following page; null on the last one."""


class Deleted(_Schema):
    """An account that is forgotten here."""

    id: str
    still_listed: bool
    """Whether the phone may still list the account's device."""
    message: str
    """The same as a sentence for people."""


class Qr(_Schema):
    """A QR code as JSON."""

    qr: Secret
    """The text that a phone scans."""
    expires_at: Timestamp
    attempt: int
    of: int

    @classmethod
    def shown(cls, code: QrShown) -> Self:
        """Take what a browser reports."""
        return cls(qr=code.code, expires_at=code.expires_at, attempt=code.number, of=code.of)


class PairingCode(_Schema):
    """A pairing code."""

    code: Secret
    phone: Secret
    expires_at: Timestamp

    @classmethod
    def shown(cls, code: PairingCodeShown) -> Self:
        """Take what a browser reports."""
        return cls(code=code.code, phone=code.phone, expires_at=code.expires_at)


class SnapshotAccount(Account):
    """An account in the stream's snapshot: with the codes on its page, which are in no log."""

    qr: Qr | None
    pairing_code: PairingCode | None


class Sent(_Schema):
    """A message that WhatsApp's server took."""

    id: str
    to: str
    ack: int


def respond(
    model: BaseModel, status: int = 200, headers: dict[str, str] | None = None
) -> web.Response:
    """Answer with a model as JSON."""
    return web.Response(
        text=model.model_dump_json(by_alias=True),
        status=status,
        headers=headers,
        content_type="application/json",
    )
