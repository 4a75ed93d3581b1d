"""How a request's body and query are read, and what is said where that cannot be done."""

import codecs
import json
import re
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any, NoReturn, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from api.http.schemas import NoQuery
from api.problems import InvalidInput, InvalidQuery, MalformedRequest
from api.validation.bodies import receive
from api.validation.complaints import complaint, kind_of, unknown
from api.validation.suggestions import short

Model = TypeVar("Model", bound=BaseModel)

MOST_ERRORS = 20
"""How many mistakes of one request are named."""
MOST_FIELDS = 100
MOST_DIGITS = 400
"""How many a number may have: longer ones take long to read, and none is wanted."""
JSON_TYPES = re.compile(r"(application|text)/(.+\+)?json|text/plain|application/octet-stream")
"""Content types about which nothing is said. Bodies of any other are read as JSON all the same,
since that is what `curl -d` sends."""

WORDS = {
    "Expecting value": "a value is expected",
    "Expecting property name enclosed in double quotes": "a name in double quotes is expected",
    "Expecting ':' delimiter": "a colon is expected",
    "Expecting ',' delimiter": "a comma or the end is expected",
    "Illegal trailing comma before end of object": "a comma stands before the end of an object",
    "Illegal trailing comma before end of array": "a comma stands before the end of a list",
    "Invalid control character at": "a line break or another control character in a string; write "
    "it as an escape, such as \\n",
    "Invalid \\escape": "there is no such escape",
    "Invalid \\uXXXX escape": "four hexadecimal digits are expected after \\u",
    "Unterminated string starting at": "the string that begins here has no end",
    "Extra data": "something follows after the end of the JSON",
}
"""What Python's reader finds, in words for whoever wrote the JSON."""


async def read_body(request: web.Request, model: type[Model], at_most: int | None = None) -> Model:
    """Read the request's JSON, and make sure that it has no query.

    Args:
        request: The request.
        model: What it must be.
        at_most: How many bytes the body may have; what the application allows unless given.

    Raises:
        HTTPRequestEntityTooLarge: If it is longer.
        TooSlow: If it does not come in time.
        MalformedRequest: If the body is not a JSON object in UTF-8; it says where it is not.
        InvalidInput: If a field is not valid; it names each.
        InvalidQuery: If there is a query.
    """
    read_query(request, NoQuery)
    body = await receive(request, at_most or request.client_max_size)
    members = _read_json(request, _read_text(request, body))
    try:
        return model.model_validate(members)
    except ValidationError as error:
        raise InvalidInput(errors=_errors(error, model, "field")) from None


def read_query(request: web.Request, model: type[Model]) -> Model:
    """Read the request's query.

    Raises:
        InvalidQuery: If a parameter is not valid; it names each.
    """
    query = request.query
    counts = Counter(name for name, _ in query.items())
    if repeated := [name for name, count in counts.items() if count > 1]:
        message = "is given more than once; several values have commas between"
        raise InvalidQuery(errors=[_error([name], message) for name in repeated[:MOST_ERRORS]])
    try:
        return model.model_validate(dict(query))
    except ValidationError as error:
        raise InvalidQuery(errors=_errors(error, model, "parameter")) from None


def _read_text(request: web.Request, body: bytes) -> str:
    charset = request.charset or "utf-8"
    try:
        known = codecs.lookup(charset).name
    except (LookupError, ValueError):
        known = ""
    if known not in ("utf-8", "ascii"):
        raise MalformedRequest(f"The body must be in UTF-8, not in {short(charset)}.")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = _place(error.object[: error.start].decode(errors="replace"))
        raise MalformedRequest(f"The body must be in UTF-8; {place} it is not.") from None


def _read_json(request: web.Request, text: str) -> dict[str, Any]:
    sent_as = ""
    if "Content-Type" in request.headers and not JSON_TYPES.fullmatch(request.content_type):
        sent_as = f" It was sent as {request.content_type}."
    if not text.strip():
        raise MalformedRequest(f"The body must be a JSON object, and is empty.{sent_as}")
    try:
        members = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_whole_number,
            parse_constant=_refuse_constant,
        )
    except json.JSONDecodeError as error:
        words = WORDS.get(error.msg, error.msg)
        place = _place(text[: error.pos])
        raise MalformedRequest(
            f"The body must be a JSON object; {place}: {words}.{sent_as}"
        ) from None
    except RecursionError:
        raise MalformedRequest("The body is nested too deeply.") from None
    if not isinstance(members, dict):
        raise MalformedRequest(f"The body must be a JSON object, not {kind_of(members)}.{sent_as}")
    return members


def _place(before: str) -> str:
    """Say where something is by what stands before it."""
    lines = before.split("\n")
    return f"in line {len(lines):,}, column {len(lines[-1]) + 1:,}"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MOST_FIELDS:
        raise MalformedRequest(f"The body has an object of more than {MOST_FIELDS} fields.")
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise InvalidInput(errors=[_error([name], "is given twice")])
        members[name] = value
    return members


def _whole_number(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise MalformedRequest(f"The body has a number of more than {MOST_DIGITS} digits.")
    return int(digits)


def _refuse_constant(name: str) -> NoReturn:
    raise MalformedRequest(f"The body has {name} in it, which is no JSON.")


def _errors(error: ValidationError, model: type[BaseModel], what: str) -> list[dict[str, str]]:
    found = error.errors(include_url=False)[:MOST_ERRORS]
    errors = []
    for each in found:
        message = complaint(each)
        if each["type"] == "extra_forbidden":
            message = unknown(str(each["loc"][-1]), _names(model), what)
        errors.append(_error(each["loc"], message))
    return errors


def _names(model: type[BaseModel]) -> Collection[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _error(path: Sequence[str | int], message: str) -> dict[str, str]:
    return {"field": ".".join(str(part)[:100] for part in path), "message": message}
