"""What a client is told when something goes wrong: problem details (RFC 9457), never a traceback.

Problem
  MalformedRequest    400
  InvalidQuery        400
  Unauthorized        401
  ForeignOrigin       403
  NoSuchAccount       404
  NoSuchEvidence      404
  NotAcceptable       406
  TooSlow             408
  ElsewhereConflict   409
  StatusConflict      409
  CompressedBody      415
  InvalidInput        422
  TooManyAttempts     429
  Failed              500
  PageFailed          502
  LogoutFailed        502
  Unavailable         503
  NoAnswer            504
  UnknownOutcome      504
"""

import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from aiohttp import ClientConnectionResetError, web
from aiohttp.typedefs import Handler

from actors.browser.errors import (
    BrowserError,
    NoSuchNumber,
    NotReady,
    OutcomeUnknown,
    PageError,
    PageTimeout,
)
from actors.errors import (
    AccountElsewhere,
    ManagerError,
    NobodysAccount,
    NotLoggedOut,
    ShuttingDown,
    StoreAway,
    TimedOut,
    UnknownAccount,
    WrongStatus,
)
from api.validation.suggestions import nearest_route, short
from store.errors import BrokenCursor, DatabaseAway, StoreError
from store.text import to_json

RETRY_AFTER_SECONDS = 5

logger = logging.getLogger(__name__)


class Problem(Exception):
    """An error with its answer. Each class says which one; its docstring is the title."""

    status: ClassVar[int]
    name: ClassVar[str]
    """The last part of the problem's type. Clients may rely on it."""
    headers: ClassVar[Mapping[str, str]] = {}

    def __init__(
        self,
        detail: str | None = None,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        members: Mapping[str, Any] | None = None,
    ) -> None:
        """Describe what went wrong.

        Args:
            detail: A sentence for people.
            errors: What is wrong with each field: `field` and `message`.
            members: Further members of the answer.
        """
        super().__init__(detail or self.name)
        self.detail = detail
        self.errors = errors
        self.members = members or {}

    def response(self) -> web.Response:
        """Build the answer."""
        members = {**self.members, **({"errors": list(self.errors)} if self.errors else {})}
        title = (type(self).__doc__ or "").strip()
        return _response(self.status, self.name, title, self.detail, self.headers, members)


class MalformedRequest(Problem):
    """The request cannot be understood."""

    status, name = 400, "malformed-request"


class InvalidQuery(Problem):
    """A parameter of the query is not valid."""

    status, name = 400, "invalid-query"


class Unauthorized(Problem):
    """A valid API key is required."""

    status, name = 401, "unauthorized"
    headers: ClassVar = {"WWW-Authenticate": 'Bearer realm="wa-manager"'}


class ForeignOrigin(Problem):
    """A browser may do this only from the server's own pages."""

    status, name = 403, "foreign-origin"


class NoSuchAccount(Problem):
    """There is no account with this id."""

    status, name = 404, "unknown-account"


class NoSuchEvidence(Problem):
    """No picture was kept with this event, or not any more."""

    status, name = 404, "unknown-evidence"


class NotAcceptable(Problem):
    """None of the forms that the client accepts can be made."""

    status, name = 406, "not-acceptable"


class TooSlow(Problem):
    """The body of the request did not come in time."""

    status, name = 408, "request-timeout"


class ElsewhereConflict(Problem):
    """Another server owns the account."""

    status, name = 409, "account-elsewhere"


class StatusConflict(Problem):
    """The account's status does not allow this."""

    status, name = 409, "wrong-status"


class CompressedBody(Problem):
    """The body of a request must not be compressed."""

    status, name = 415, "compressed-body"
    headers: ClassVar = {"Accept-Encoding": "identity"}


class InvalidInput(Problem):
    """A field of the request is not valid."""

    status, name = 422, "invalid-input"


class TooManyAttempts(Problem):
    """Too many wrong API keys came from this address."""

    status, name = 429, "too-many-attempts"

    def __init__(self, retry_after: int) -> None:
        """Say when the next one is answered, in seconds."""
        super().__init__(f"Another one may come in {retry_after} s; the right one at any time.")
        self._retry_after = retry_after

    def response(self) -> web.Response:
        """Build the answer, with the time."""
        answer = super().response()
        answer.headers["Retry-After"] = str(self._retry_after)
        return answer


class Failed(Problem):
    """The server failed; its log says more."""

    status, name = 500, "internal-error"


class PageFailed(Problem):
    """The account's page or browser failed."""

    status, name = 502, "page-error"


class LogoutFailed(Problem):
    """The account was not deleted, since WhatsApp was not told of its logout."""

    status, name = 502, "not-logged-out"


class Unavailable(Problem):
    """The server cannot do this at the moment."""

    status, name = 503, "unavailable"
    headers: ClassVar = {"Retry-After": str(RETRY_AFTER_SECONDS)}


class NoAnswer(Problem):
    """The account did not answer in time."""

    status, name = 504, "timed-out"


class UnknownOutcome(Problem):
    """The message may have been sent: no answer came. Sending it again may send it twice."""

    status, name = 504, "outcome-unknown"


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every error of a handler into its problem; what nobody foresaw is logged as well."""
    try:
        return await handler(request)
    except Problem as problem:
        return problem.response()
    except (ManagerError, BrowserError, StoreError) as error:
        return _problem_of(error).response()
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return _from_http(request, error)
    except ClientConnectionResetError:
        # Whoever asked is gone; aiohttp finds that by itself, and quietly.
        return Failed().response()
    except Exception:
        of_account = {"account": request.match_info.get("id")}
        logger.exception("%s %s failed", request.method, request.path, extra=of_account)
        return Failed().response()


def _problem_of(error: ManagerError | BrowserError | StoreError) -> Problem:
    detail = str(error)
    match error:
        case UnknownAccount():
            return NoSuchAccount()
        case AccountElsewhere():
            owner = {"host": error.owner.host, "pid": error.owner.pid}
            return ElsewhereConflict(detail, members={"owner": owner})
        case NotLoggedOut():
            return LogoutFailed(detail)
        case WrongStatus():
            return StatusConflict(detail, members={"accountStatus": error.status})
        case NotReady():
            return StatusConflict(detail)
        case BrokenCursor():
            return InvalidQuery(errors=[{"field": "after", "message": detail}])
        case OutcomeUnknown():
            return UnknownOutcome(detail, members={"messageId": error.message_id})
        case NoSuchNumber():
            return InvalidInput(errors=[{"field": "to", "message": detail}])
        case StoreAway() | DatabaseAway() | ShuttingDown() | NobodysAccount():
            return Unavailable(detail)
        case TimedOut() | PageTimeout():
            return NoAnswer(detail)
        case PageError():
            page = {"name": error.name, "message": error.message, "build": error.build}
            return PageFailed(detail, members={"page": page})
        case BrowserError():
            return PageFailed(detail)
        case _:
            logger.error("No problem is defined for %s: %s", type(error).__name__, error)
            return Failed()


def _from_http(request: web.Request, error: web.HTTPException) -> web.Response:
    """Say in the same form what aiohttp says by itself: no such route, wrong method, too large."""
    name = re.sub(r"[^a-z]+", "-", error.reason.lower())
    headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
    match error:
        case web.HTTPRequestEntityTooLarge():
            detail = error.text
        case web.HTTPMethodNotAllowed():
            allowed = ", ".join(sorted(error.allowed_methods))
            detail = f"There is no {short(error.method)[1:-1]} here; there is {allowed}."
        case web.HTTPNotFound():
            detail = _what_there_is(request)
        case _:
            detail = None
    return _response(error.status, name, error.reason, detail, headers, {})


def _what_there_is(request: web.Request) -> str:
    """Say that there is no such path, and what may have been meant."""
    routes = [resource.canonical for resource in request.app.router.resources()]
    meant = nearest_route(request.path, routes)
    if meant is not None and meant.count("{") == 1:
        hint = f"it may be {meant}, where an id has 1 to 36 letters, digits, - or _"
    elif meant is not None:
        hint = f"it may be {meant}"
    else:
        first = dict.fromkeys("/" + route.split("/")[1] for route in routes)
        hint = f"paths begin with {', '.join(path for path in first if path != '/dashboard')}"
    return f"There is no {short(request.path)}; {hint}."


def _response(
    status: int,
    name: str,
    title: str,
    detail: str | None,
    headers: Mapping[str, str],
    members: Mapping[str, Any],
) -> web.Response:
    body = {
        "type": f"urn:wa-manager:{name}",
        "title": title,
        "status": status,
        **({"detail": detail} if detail else {}),
        **members,
    }
    return web.Response(
        status=status,
        text=to_json(body),
        content_type="application/problem+json",
        headers=headers,
    )
