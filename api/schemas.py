"""What requests and answers look like: pydantic models in camelCase, and how they are read.

The rules for single fields live here; what a request does lives with its handler.
"""

import re
import unicodedata
from datetime import datetime
from typing import Annotated, Any, Literal, Self, TypeVar

from aiohttp import web
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
)
from pydantic.alias_generators import to_camel

from actors.browser.reports import PairingCodeShown, QrShown
from api.bodies import receive
from api.errors import InvalidInput, InvalidQuery, MalformedRequest
from store.events import EventType, timestamp
from store.status import Cause, Desired, Status

Model = TypeVar("Model", bound=BaseModel)

_JOINERS = "\u200c\u200d"
"""Invisible, but emoji, Persian and many Indian names are spelled with them."""

MAX_ID = 2**63 - 1
"""The largest event id that a database can hold."""


def _name(value: str) -> str:
    value = value.strip()
    if not 1 <= len(value) <= 100:
        raise ValueError("must have 1 to 100 characters")
    if any(unicodedata.category(c).startswith("C") for c in value if c not in _JOINERS):
        raise ValueError("must not contain control characters")
    return value


def _phone(value: str) -> str:
    digits = re.sub(r"[ ()/-]", "", value).removeprefix("+")
    if not re.fullmatch(r"[0-9]{7,15}", digits):
        raise ValueError("must be a phone number with country code, 7 to 15 digits")
    return digits


def _recipient(value: str) -> str:
    if value.endswith("@g.us"):
        raise ValueError("is a group; groups are not supported yet")
    return value if re.fullmatch(r"[0-9]{5,20}@(c\.us|lid)", value) else _phone(value)


def _text(value: str) -> str:
    if "\0" in value:
        raise ValueError("must not contain NUL")
    if not value.strip():
        raise ValueError("must not be only white space")
    return value


def _whole_number(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{1,19}", value):
        raise ValueError("must be a whole number")
    return value


def _words(value: object) -> object:
    return value.split(",") if isinstance(value, str) else value


def _event_types(types: frozenset[str]) -> frozenset[str]:
    if unknown := sorted(types - set(EventType)):
        raise ValueError(f"{unknown[0]!r} is unknown; there are {', '.join(EventType)}")
    return types


Timestamp = Annotated[datetime, PlainSerializer(timestamp)]
Name = Annotated[str, AfterValidator(_name)]
Secret = Annotated[str, Field(repr=False)]
"""What no traceback and no log may show: an object shows it in no repr."""
Phone = Annotated[Secret, AfterValidator(_phone)]
Recipient = Annotated[Secret, AfterValidator(_recipient)]
Text = Annotated[Secret, Field(min_length=1, max_length=65_536), AfterValidator(_text)]
EventId = Annotated[int, BeforeValidator(_whole_number), Field(ge=0, le=MAX_ID)]
Limit = Annotated[int, BeforeValidator(_whole_number), Field(ge=1, le=500)]
AccountId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,36}$")]
AccountIds = Annotated[frozenset[AccountId], BeforeValidator(_words)]
EventTypes = Annotated[frozenset[str], BeforeValidator(_words), AfterValidator(_event_types)]


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


class AccountsQuery(_Schema):
    """The query of the list of accounts."""

    after: str | None = Field(None, max_length=200)
    limit: Limit = 100


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


async def read_body(request: web.Request, model: type[Model], at_most: int | None = None) -> Model:
    """Read the request's JSON.

    Args:
        request: The request.
        model: What it must be.
        at_most: How many bytes the body may have; what the application allows unless given.

    Raises:
        HTTPRequestEntityTooLarge: If it is longer.
        TooSlow: If it does not come in time.
        MalformedRequest: If the body is not a JSON object in UTF-8.
        InvalidInput: If a field is not valid; it names each.
    """
    body = await receive(request, at_most or request.client_max_size)
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        if any(problem["type"] in ("json_invalid", "model_type") for problem in error.errors()):
            raise MalformedRequest("The body must be a JSON object.") from None
        raise InvalidInput(errors=_field_errors(error)) from None


def read_query(request: web.Request, model: type[Model]) -> Model:
    """Read the request's query.

    Raises:
        InvalidQuery: If a parameter is not valid; it names each.
    """
    try:
        return model.model_validate(dict(request.query))
    except ValidationError as error:
        raise InvalidQuery(errors=_field_errors(error)) from None


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


def _field_errors(error: ValidationError) -> list[dict[str, str]]:
    return [
        {
            "field": ".".join(str(part) for part in problem["loc"]),
            "message": problem["msg"].removeprefix("Value error, "),
        }
        for problem in error.errors(include_url=False, include_context=False, include_input=False)
    ]
