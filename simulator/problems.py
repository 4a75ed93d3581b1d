"""Errors as `application/problem+json` (RFC 9457): which exception becomes which problem."""

import asyncio
import json
import logging

from aiohttp import web
from aiohttp.typedefs import Handler

from simulator import faults, linking, phones, whatsapp

STATUSES: dict[type[Exception], tuple[int, str]] = {
    phones.NotANumber: (400, "not-a-number"),
    phones.UnknownPhone: (404, "unknown-phone"),
    phones.NotLinked: (409, "not-linked"),
    phones.TooManyDevices: (409, "too-many-devices"),
    whatsapp.DuplicateMessage: (409, "duplicate-message"),
    whatsapp.UnknownMessages: (422, "unknown-message"),
    linking.MalformedCode: (422, "malformed-code"),
    linking.CodeNotShown: (409, "code-not-shown"),
    linking.WrongKeys: (409, "wrong-keys"),
    linking.WrongPhone: (409, "wrong-phone"),
    faults.FaultError: (422, "invalid-fault"),
    faults.UnknownFault: (404, "unknown-fault"),
}

BODY_SECONDS = 30.0

log = logging.getLogger(__name__)


class InvalidBody(Exception):
    """The request's body is no JSON object of the wanted shape."""

    def __init__(self, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.field = field


def problem(status: int, name: str, detail: str, field: str | None = None) -> web.Response:
    """Returns a problem; its `name` tells it from others, `field` says what to correct."""
    body: dict[str, object] = {
        "type": f"urn:wa-simulator:{name}",
        "title": name.replace("-", " ").capitalize(),
        "status": status,
        "detail": detail,
    }
    if field:
        body["field"] = field
    return web.json_response(body, status=status, content_type="application/problem+json")


@web.middleware
async def problem_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turns every error into a problem, and logs those that nobody foresaw."""
    if _is_compressed(request):
        return problem(415, "compressed-body", "The body must not be compressed.")
    try:
        return await handler(request)
    except TimeoutError:
        return problem(408, "request-timeout", "The body did not come in time.")
    except InvalidBody as error:
        status = 422 if error.field else 400
        return problem(status, "invalid-body", str(error), error.field)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return problem(error.status, error.reason.lower().replace(" ", "-"), error.text or "")
    except tuple(STATUSES) as error:
        return problem(*STATUSES[type(error)], str(error))
    except Exception:
        log.exception("%s %s failed", request.method, request.path)
        return problem(500, "internal-error", "The simulator failed; its log says why.")


async def read_object(request: web.Request, known: set[str]) -> dict[str, object]:
    """Returns the body's JSON object.

    Raises:
        InvalidBody: it is no object, or has fields that are not known.
        TimeoutError: it does not come in time.
    """
    try:
        async with asyncio.timeout(BODY_SECONDS):
            read = await request.read()
        body = json.loads(read or b"{}")
    except ValueError as error:
        raise InvalidBody(f"The body is no JSON: {error}") from None
    if not isinstance(body, dict):
        raise InvalidBody("The body must be a JSON object.")
    for name in body.keys() - known:
        raise InvalidBody(f"Unknown field {name!r}; known are {', '.join(sorted(known))}.", name)
    return body


def text(body: dict[str, object], name: str, most: int) -> str:
    """Returns a field that must be a text of 1 to `most` characters.

    Raises:
        InvalidBody: it is not.
    """
    value = body.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= most:
        raise InvalidBody(f"`{name}` must be a text of 1 to {most} characters.", name)
    return value


def number(body: dict[str, object], name: str) -> str:
    """Returns a field that must be a phone number, digits only.

    Raises:
        InvalidBody: it is not.
    """
    try:
        return phones.check_number(text(body, name, 15))
    except phones.NotANumber as error:
        raise InvalidBody(str(error), name) from None


def _is_compressed(request: web.Request) -> bool:
    codings = ",".join(request.headers.getall("Content-Encoding", ()))
    return any(coding.strip().lower() not in ("", "identity") for coding in codings.split(","))
