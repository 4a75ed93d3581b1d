"""Who may come in: the API key, the cookie that stands for it in a browser, and the origin check.

One key opens everything but the health checks and the dashboard's static files.
"""

import hashlib
import hmac
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from pydantic import SecretStr

from api.attempts import GUARD
from api.http.schemas import LoginRequest
from api.problems import ForeignOrigin, Unauthorized
from api.server.connections import know
from api.server.private import read_private, write_private
from api.settings import KEY_LENGTH, SettingsError
from api.validation.request import read_body

COOKIE = "wa_login"
SALT_FILE = "login-secret"
MOST_COOKIES = 4
"""So many cookies of our name are looked at: as many servers may share a host."""
COOKIE_SECONDS = 30 * 24 * 3600
LOGIN_BYTES = 16_000
"""So long the body of a login may be: anybody can send one."""
OWN_PATH = ""
"""No path in a cookie: the browser takes the one under which it sees us, which we do not know."""
PORTS = {"http": 80, "https": 443}
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class ApiKey:
    """The key, and the cookies made from it."""

    value: str = field(repr=False)
    made_now: bool = False
    """Whether it was made in this start, so that nobody can know it yet."""
    salt: str = field(default="", repr=False)
    """A secret of this data directory that is in each cookie: without it keys could be guessed by
    making their cookies, which nobody counts."""

    def matches(self, candidate: str) -> bool:
        """Compare a candidate with the key, in constant time."""
        return hmac.compare_digest(_bytes(candidate), _bytes(self.value))

    def cookie(self, expires: int) -> str:
        """Make a cookie's value that is good until `expires`, in seconds since 1970.

        It proves that its bearer had the key, and does not tell the key.
        """
        secret = _bytes(f"{len(self.salt)}:{self.salt}{self.value}")
        proof = hmac.digest(secret, f"{COOKIE}:{expires}".encode(), hashlib.sha256)
        return f"{expires}.{proof.hex()}"

    def accepts(self, cookie: str) -> bool:
        """Return whether a cookie was made from this key and is still good."""
        expires, _, _ = cookie.partition(".")
        if not (expires.isascii() and expires.isdigit()) or int(expires[:20]) < time.time():
            return False
        return hmac.compare_digest(_bytes(cookie), _bytes(self.cookie(int(expires[:20]))))


KEY = web.AppKey("KEY", ApiKey)


def load_key(path: Path, given: SecretStr | None) -> ApiKey:
    """Take the key that was given, or the one kept at `path`; make it there if there is none.

    Raises:
        NotPrivate: If others can write the file.
        SettingsError: If the key in it is too short to be one.
        OSError: If the file cannot be read or written.
    """
    salt = _kept(path.with_name(SALT_FILE)) or _make(path.with_name(SALT_FILE))
    if given is not None:
        return ApiKey(given.get_secret_value(), salt=salt)
    kept = _kept(path)
    if 0 < len(kept) < KEY_LENGTH:
        raise SettingsError(f"{path}: the key in it must have at least {KEY_LENGTH} characters")
    if kept:
        return ApiKey(kept, salt=salt)
    return ApiKey(_make(path), made_now=True, salt=salt)


def _kept(path: Path) -> str:
    return (read_private(path) or "").strip()


def _make(path: Path) -> str:
    made = secrets.token_urlsafe(32)
    write_private(path, made + "\n")
    return made


def require_key(open_paths: frozenset[str]) -> Middleware:
    """Build the middleware that lets a request pass with the key, or with a cookie made from it.

    Args:
        open_paths: The routes, as written in the table, that need neither.
    """

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        route = request.match_info.route.resource
        if route is None or route.canonical not in open_paths:
            await _check(request)
            know(request)
        return await handler(request)

    return check


async def login(request: web.Request) -> web.Response:
    """`POST /login` `{key}`: trade the key for a cookie."""
    given = await read_body(request, LoginRequest, LOGIN_BYTES)
    if not request.app[KEY].matches(given.key):
        raise await request.app[GUARD].refuse(request)
    response = web.Response(status=204)
    grant(request, response)
    return response


async def logout(_: web.Request) -> web.Response:
    """`DELETE /login`: take the cookie back."""
    response = web.Response(status=204)
    response.del_cookie(COOKIE, path=OWN_PATH)
    return response


def grant(request: web.Request, response: web.Response) -> None:
    """Put a fresh cookie on a response whose request has shown the key."""
    expires = int(time.time()) + COOKIE_SECONDS
    response.set_cookie(
        COOKIE,
        request.app[KEY].cookie(expires),
        max_age=COOKIE_SECONDS,
        path=OWN_PATH,
        httponly=True,
        samesite="Strict",
        secure=request.secure or request.headers.get("X-Forwarded-Proto") == "https",
    )


async def _check(request: web.Request) -> None:
    key = request.app[KEY]
    websocket = request.headers.get("Upgrade", "").lower() == "websocket"
    if websocket and "Origin" in request.headers and not _same_origin(request):
        raise ForeignOrigin(
            "The websocket may only be opened by the server's own pages. A reverse proxy must pass "
            "the header Host on as it came."
        )
    given = _given_key(request)
    if given is not None:
        if not key.matches(given):
            raise await request.app[GUARD].refuse(request)
        return
    if not any(map(key.accepts, islice(_given_cookies(request), MOST_COOKIES))):
        raise Unauthorized("Send the API key as `Authorization: Bearer` or `X-Api-Key`.")
    if request.method not in SAFE_METHODS and not _same_origin(request):
        raise ForeignOrigin("With a cookie, changes are only taken from the server's own pages.")


def _given_key(request: web.Request) -> str | None:
    if "X-Api-Key" in request.headers:
        return request.headers["X-Api-Key"]
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    # Another scheme belongs to a proxy in front of us.
    return token.strip() if scheme.lower() == "bearer" else None


def _given_cookies(request: web.Request) -> Iterator[str]:
    """Give the cookie, more than once where servers share a host under different paths."""
    for header in request.headers.getall("Cookie", ()):
        for pair in header.split(";"):
            name, _, value = pair.strip().partition("=")
            if name == COOKIE:
                yield value


def _same_origin(request: web.Request) -> bool:
    """Return whether one of our own pages sent this, as browsers say and pages cannot.

    Behind a proxy, only the browser knows what the page's origin is. It says so itself, but not
    with websockets, and not without TLS; then the proxy must have passed on for which host it was.
    """
    headers = request.headers
    if headers.get("Sec-Fetch-Site") == "same-origin":
        return True
    origin = urlsplit(headers.get("Origin", ""))
    hosts = {headers.get("Host", "").lower()}
    # No page can add this one without asking us first.
    hosts.add(headers.get("X-Forwarded-Host", "").partition(",")[0].strip().lower())
    named = origin.netloc.lower()
    return bool(named) and not hosts.isdisjoint({named, f"{named}:{PORTS.get(origin.scheme)}"})


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
