"""Who may come in: key, cookie, origin."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest
from pydantic import SecretStr

from api.auth import COOKIE, MOST_COOKIES, SALT_FILE, ApiKey, load_key
from api.auth import KEY as AUTH_KEY
from api.routes import OPEN
from api.settings import Settings, SettingsError
from tests.api.told import KEY, Api

WEBSOCKET = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@pytest.mark.parametrize("header", [{"Authorization": f"Bearer {KEY}"}, {"X-Api-Key": KEY}])
async def test_the_key_opens_in_either_header(
    stranger: aiohttp.ClientSession, header: dict[str, str]
) -> None:
    assert (await stranger.get("/accounts", headers=header)).status == 200


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer "},
        {"Authorization": f"Basic {KEY}"},
        {"X-Api-Key": "wrong"},
        {"X-Api-Key": KEY[:-1]},
        {"X-Api-Key": "schlüssel"},
        {"Cookie": f"{COOKIE}={KEY}"},
        {"Cookie": f"{COOKIE}=99999999999.{'0' * 64}"},
    ],
)
async def test_without_the_key_nothing_opens(
    stranger: aiohttp.ClientSession, header: dict[str, str]
) -> None:
    answer = await stranger.get("/accounts", headers=header)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.content_type == "application/problem+json"


async def test_only_the_open_routes_open_without_a_key(
    api: Api, stranger: aiohttp.ClientSession
) -> None:
    assert api.app is not None
    closed = {
        (route.method, route.resource.canonical)
        for route in api.app.router.routes()
        if route.resource and route.resource.canonical not in OPEN
    }
    answers = {
        (await stranger.request(method, path.replace("{id}", "a"))).status
        for method, path in closed
    }
    assert answers == {401}


@pytest.mark.parametrize("path", ["/health", "/health/live", "/health/ready", "/"])
async def test_health_and_the_page_itself_are_open(
    stranger: aiohttp.ClientSession, path: str
) -> None:
    assert (await stranger.get(path)).status == 200


async def test_an_unknown_path_is_not_told_to_strangers(stranger: aiohttp.ClientSession) -> None:
    assert (await stranger.get("/nothing")).status == 401


async def test_login_trades_the_key_for_a_cookie(stranger: aiohttp.ClientSession) -> None:
    answer = await stranger.post("/login", json={"key": KEY})
    cookie = answer.cookies[COOKIE]

    assert answer.status == 204
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Strict")
    assert KEY not in cookie.value
    assert (await stranger.get("/accounts")).status == 200


async def test_login_with_a_wrong_key_gives_nothing(stranger: aiohttp.ClientSession) -> None:
    answer = await stranger.post("/login", json={"key": "wrong"})
    assert answer.status == 401
    assert not answer.cookies


async def test_the_link_logs_in_and_leads_to_the_page(stranger: aiohttp.ClientSession) -> None:
    answer = await stranger.get("/", params={"key": KEY}, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "./")
    assert (await stranger.get("/accounts")).status == 200


async def test_a_link_with_a_wrong_key_is_refused(stranger: aiohttp.ClientSession) -> None:
    assert (await stranger.get("/", params={"key": "wrong"})).status == 401


async def test_behind_tls_the_cookie_is_for_tls_alone(stranger: aiohttp.ClientSession) -> None:
    https = {"X-Forwarded-Proto": "https"}
    answer = await stranger.post("/login", json={"key": KEY}, headers=https)
    assert answer.cookies[COOKIE]["secure"]


async def test_logging_out_takes_the_cookie_back(stranger: aiohttp.ClientSession) -> None:
    await stranger.post("/login", json={"key": KEY})
    assert (await stranger.delete("/login")).status == 204
    assert (await stranger.get("/accounts")).status == 401


async def test_with_a_cookie_only_own_pages_may_change_anything(
    api: Api, stranger: aiohttp.ClientSession
) -> None:
    await stranger.post("/login", json={"key": KEY})
    own = {"Origin": str(api.make_url("/").origin())}

    async def status(headers: dict[str, str]) -> int:
        return (await stranger.post("/accounts", json={"name": "A"}, headers=headers)).status

    assert await status(own) == 201
    assert await status({"Sec-Fetch-Site": "same-origin"}) == 201
    assert await status({"Origin": "http://evil.example"}) == 403
    assert await status({"Origin": "null"}) == 403
    assert await status({"Sec-Fetch-Site": "same-site"}) == 403
    assert await status({}) == 403


async def test_with_the_key_the_origin_does_not_matter_for_requests(api: Api) -> None:
    headers = {"Origin": "http://own-dashboard.example"}
    assert (await api.post("/accounts", json={"name": "A"}, headers=headers)).status == 201


async def test_a_websocket_opens_with_key_or_cookie(
    api: Api, stranger: aiohttp.ClientSession
) -> None:
    own = str(api.make_url("/").origin())
    async with api.ws_connect("/ws") as socket:
        assert (await socket.receive_json())["type"] == "hello"
    await stranger.post("/login", json={"key": KEY})
    async with stranger.ws_connect("/ws", origin=own) as socket:
        assert (await socket.receive_json())["type"] == "hello"


async def test_a_websocket_without_a_key_is_401(stranger: aiohttp.ClientSession) -> None:
    assert (await stranger.get("/ws", headers=WEBSOCKET)).status == 401


async def test_a_websocket_from_a_foreign_page_is_403(
    api: Api, stranger: aiohttp.ClientSession
) -> None:
    await stranger.post("/login", json={"key": KEY})
    headers = {**WEBSOCKET, "Origin": "http://evil.example"}
    assert (await stranger.get("/ws", headers=headers)).status == 403
    assert (await api.get("/ws", headers=headers)).status == 403


async def test_a_key_is_made_kept_private_and_found_again(tmp_path: Path) -> None:
    file = tmp_path / "api-key"
    first, second = load_key(file, None), load_key(file, None)
    assert (first.made_now, second.made_now) == (True, False)
    assert first.value == second.value == file.read_text().strip()
    assert len(first.value) >= 32
    assert file.stat().st_mode & 0o777 == 0o600


async def test_an_empty_key_file_opens_to_nobody(tmp_path: Path) -> None:
    file = tmp_path / "api-key"
    file.write_text("\n")
    assert load_key(file, None).made_now


async def test_a_cookie_cannot_be_made_of_a_key_that_is_guessed(tmp_path: Path) -> None:
    key = load_key(tmp_path / "api-key", SecretStr(KEY))
    assert not key.accepts(ApiKey(KEY).cookie(expires=99_999_999_999))
    assert key.accepts(key.cookie(expires=99_999_999_999))
    # It outlives a restart, and is nobody else's.
    assert load_key(tmp_path / "api-key", SecretStr(KEY)) == key
    assert (tmp_path / SALT_FILE).stat().st_mode & 0o777 == 0o600


async def test_a_few_cookies_of_a_request_are_looked_at(
    api: Api, stranger: aiohttp.ClientSession
) -> None:
    good = api.part(AUTH_KEY).cookie(expires=99_999_999_999)
    for count, status in ((MOST_COOKIES - 1, 200), (MOST_COOKIES, 401)):
        cookies = [f"{COOKIE}=99999999999.{'0' * 64}"] * count + [f"{COOKIE}={good}"]
        headers = {"Cookie": "; ".join(cookies)}
        assert (await stranger.get("/accounts", headers=headers)).status == status


async def test_a_given_key_is_not_kept(tmp_path: Path) -> None:
    file = tmp_path / "api-key"
    assert load_key(file, SecretStr("given")).value == "given"
    assert not file.exists()


async def test_a_cookie_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    key = ApiKey(KEY)
    cookie = key.cookie(expires=1_000)
    monkeypatch.setattr("api.auth.time.time", lambda: 999.0)
    assert key.accepts(cookie)
    monkeypatch.setattr("api.auth.time.time", lambda: 1_001.0)
    assert not key.accepts(cookie)


async def test_a_cookie_cannot_be_prolonged() -> None:
    proof = ApiKey(KEY).cookie(expires=1_000).partition(".")[2]
    assert not ApiKey(KEY).accepts(f"99999999999.{proof}")


async def test_a_cookie_ends_with_its_key() -> None:
    assert not ApiKey("another").accepts(ApiKey(KEY).cookie(expires=99_999_999_999))


@pytest.mark.parametrize("cookie", ["", ".", "x.y", "²." + "0" * 64, "9" * 400, "1."])
async def test_a_garbled_cookie_is_refused(cookie: str) -> None:
    assert not ApiKey(KEY).accepts(cookie)


async def test_a_server_without_a_given_key_makes_one(
    start_api: Callable[[Settings], Awaitable[Api]], tmp_path: Path
) -> None:
    settings = Settings.load({"data_dir": str(tmp_path)})
    api = await start_api(settings)
    made = settings.key_file.read_text().strip()
    assert (await api.get("/accounts")).status == 401
    assert (await api.get("/accounts", headers={"Authorization": f"Bearer {made}"})).status == 200


def test_a_kept_key_that_is_too_short_to_be_one_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "api-key"
    file.write_text("short\n")
    file.chmod(0o600)
    with pytest.raises(SettingsError, match="at least 16 characters"):
        load_key(file, None)
