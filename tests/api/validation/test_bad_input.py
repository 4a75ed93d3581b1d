"""Bad input: each kind is refused with its status, as problem details, with the field named."""

from typing import Any

import aiohttp
import pytest

from tests.api.told import Api

UNKNOWN = "0123456789abcdef"
HALF = (
    "must not contain control characters, halves of characters or marks that override the "
    "direction of text; there is U+D83D in it"
)


async def problem(answer: aiohttp.ClientResponse, status: int, type_: str) -> dict[str, Any]:
    assert answer.status == status
    assert answer.content_type == "application/problem+json"
    body: dict[str, Any] = await answer.json()
    assert body["status"] == status
    assert body["type"] == f"urn:wa-manager:{type_}"
    assert body["title"]
    return body


def fields(body: dict[str, Any]) -> list[str]:
    return [error["field"] for error in body["errors"]]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("PATCH", "", {"name": "Sales"}),
        ("DELETE", "", None),
        ("POST", "/connect", None),
        ("POST", "/disconnect", None),
        ("POST", "/restart", None),
        ("POST", "/logout", None),
        ("GET", "/qr", None),
        ("GET", "/events", None),
        ("GET", "/screenshot", None),
        ("POST", "/pairing-code", {"phone": "491700000001"}),
        ("POST", "/messages", {"to": "491700000001", "text": "Hello"}),
    ],
)
async def test_an_unknown_account_is_404(
    api: Api, method: str, path: str, body: dict[str, str] | None
) -> None:
    answer = await api.request(method, f"/accounts/{UNKNOWN}{path}", json=body)
    await problem(answer, 404, "unknown-account")


@pytest.mark.parametrize("path", ["/nothing", "/accounts/a%00b", "/accounts/%ff", "/accounts/a.b"])
async def test_an_unknown_path_is_404(api: Api, path: str) -> None:
    await problem(await api.get(path), 404, "not-found")


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("/acounts", "it may be /accounts."),
        ("/accounts/", "it may be /accounts."),
        (f"/accounts/{UNKNOWN}/conect", "it may be /accounts/{id}/connect, "),
        ("/accounts/a.b", "it may be /accounts/{id}, where an id has 1 to 36 letters"),
        ("/heath", "it may be /health."),
        ("/x" * 3000, "paths begin with /, /login, /health, /metrics, /ws, /events, /accounts."),
    ],
)
async def test_an_unknown_path_says_what_there_is(api: Api, path: str, hint: str) -> None:
    body = await problem(await api.get(path), 404, "not-found")
    assert hint in body["detail"]
    assert len(body["detail"]) < 300


async def test_a_wrong_method_is_405_and_tells_the_right_ones(api: Api) -> None:
    answer = await api.put("/accounts", json={})
    body = await problem(answer, 405, "method-not-allowed")
    assert answer.headers["Allow"] == "GET,HEAD,POST"
    assert body["detail"] == "There is no PUT here; there is GET, HEAD, POST."


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"name"',
        b"null",
        b'{"name": "a\x00b"}',
        b'{"name": "\xff"}',
        b"[" * 100_000,
    ],
)
async def test_a_body_that_is_not_a_json_object_is_400(api: Api, body: bytes) -> None:
    await problem(await api.post("/accounts", data=body), 400, "malformed-request")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "and is empty"),
        (b"[1]", "must be a JSON object, not a list"),
        (b"null", "must be a JSON object, not null"),
        (b'{"name": }', "in line 1, column 10: a value is expected"),
        (b'{\n  "name": "Sales",\n}', "in line 3, column 1: a name in double quotes is expected"),
        (b'{"name": "Sales"', "in line 1, column 17: a comma or the end is expected"),
        (b"{'name': 'Sales'}", "in line 1, column 2: a name in double quotes"),
        (b'{"name": "S\nles"}', "in line 1, column 12: a line break or another control character"),
        (b'{"name": "Sales"} x', "something follows after the end"),
        (b'{"name": NaN}', "NaN"),
        (b'{"name": 1' + b"0" * 5000 + b"}", "a number of more than 400 digits"),
        (b'{"name":\n"\xff"}', "in UTF-8; in line 2, column 2 it is not"),
        ('{"name": "Büro"}'.encode("utf-16"), "in UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b"{" + b",".join(b'"%d": 1' % n for n in range(101)) + b"}", "more than 100 fields"),
    ],
)
async def test_a_malformed_body_says_what_is_wrong_and_where(
    api: Api, body: bytes, words: str
) -> None:
    answer = await api.post("/accounts", data=body)
    assert words in (await problem(answer, 400, "malformed-request"))["detail"]


@pytest.mark.parametrize(
    ("content_type", "body", "words"),
    [
        ("application/x-www-form-urlencoded", b"name=Sales", "sent as application/x-www-form-"),
        ("multipart/form-data; boundary=x", b"--x--", "sent as multipart/form-data"),
        ("application/json; charset=latin-1", b'{"name": "Sales"}', "must be in UTF-8, not in"),
        ("application/json; charset=nothing", b'{"name": "Sales"}', "must be in UTF-8, not in"),
    ],
)
async def test_what_is_sent_as_something_else_than_json_is_told_so(
    api: Api, content_type: str, body: bytes, words: str
) -> None:
    headers = {"Content-Type": content_type}
    answer = await api.post("/accounts", data=body, headers=headers)
    assert words in (await problem(answer, 400, "malformed-request"))["detail"]


@pytest.mark.parametrize(
    "content_type",
    ["application/x-www-form-urlencoded", "text/plain", "application/json; charset=UTF-8"],
)
async def test_json_is_read_whatever_it_is_sent_as(api: Api, content_type: str) -> None:
    # The first one is what `curl -d` says.
    body, headers = '\ufeff{"name": "Büro"}'.encode(), {"Content-Type": content_type}
    answer = await api.post("/accounts", data=body, headers=headers)
    assert (await answer.json())["name"] == "Büro"


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ('{"name": 5}', {"name": "must be a string, not a number"}),
        ('{"name": true}', {"name": "must be a string, not true or false"}),
        ('{"name": null}', {"name": "must be a string, not null"}),
        ('{"name": {"first": "A"}}', {"name": "must be a string, not an object"}),
        ("{}", {"name": "is missing"}),
        ('{"nam": "A"}', {"name": "is missing", "nam": "is unknown; did you mean name?"}),
        ('{"name": "A", "x": 1}', {"x": "is unknown; there is name"}),
        ('{"name": "A", "name": "B"}', {"name": "is given twice"}),
        (r'{"name": "\ud83d"}', {"name": HALF}),
    ],
)
async def test_a_wrong_field_is_named_with_what_is_expected(
    api: Api, body: str, errors: dict[str, str]
) -> None:
    answer = await api.post("/accounts", data=body.encode())
    found = (await problem(answer, 422, "invalid-input"))["errors"]
    assert {error["field"]: error["message"] for error in found} == errors


@pytest.mark.parametrize(
    "name",
    ["", "   ", "x" * 101, "x" * 10_000, "a\u0000b", "a\nb", "\u202egnp.exe", None, 5, ["a"]],
)
async def test_a_bad_name_is_422(api: Api, name: object) -> None:
    body = await problem(await api.post("/accounts", json={"name": name}), 422, "invalid-input")
    assert fields(body) == ["name"]


async def test_a_bad_new_name_is_422(api: Api) -> None:
    account_id = await api.create()
    answer = await api.patch(f"/accounts/{account_id}", json={"name": ""})
    assert fields(await problem(answer, 422, "invalid-input")) == ["name"]


async def test_a_missing_field_is_422(api: Api) -> None:
    answer = await api.post("/accounts", json={})
    assert fields(await problem(answer, 422, "invalid-input")) == ["name"]


async def test_an_unknown_field_is_422(api: Api) -> None:
    answer = await api.post("/accounts", json={"name": "Support", "phone": "1"})
    assert fields(await problem(answer, 422, "invalid-input")) == ["phone"]


@pytest.mark.parametrize(
    "phone",
    [
        "",
        "abc",
        "123456",
        "1234567890123456",
        "+49 (170) 1",
        "0170 1234567",
        "0049 170 1234567",
        "+0049 170 1234567",
        "+49 (0)170 1234567",
        "tel:+491701234567",
        "49170000000\uff10",
        "++4917000000",
    ],
)
async def test_a_bad_phone_is_422(api: Api, phone: str) -> None:
    account_id = await api.create()
    answer = await api.post(f"/accounts/{account_id}/pairing-code", json={"phone": phone})
    assert fields(await problem(answer, 422, "invalid-input")) == ["phone"]


@pytest.mark.parametrize("to", ["", "nobody", "491700000001@evil.example", "status@broadcast"])
async def test_a_bad_recipient_is_422(api: Api, to: str) -> None:
    account_id = await api.create()
    body = {"to": to, "text": "Hello"}
    answer = await api.post(f"/accounts/{account_id}/messages", json=body)
    assert fields(await problem(answer, 422, "invalid-input")) == ["to"]


async def test_a_group_is_refused_in_words(api: Api) -> None:
    account_id = await api.create()
    body = {"to": "120363000000000001@g.us", "text": "Hello"}
    answer = await api.post(f"/accounts/{account_id}/messages", json=body)
    [error] = (await problem(answer, 422, "invalid-input"))["errors"]
    assert error == {"field": "to", "message": "is a group; groups are not supported yet"}


@pytest.mark.parametrize("text", ["", " ", "\n\t\u00a0", "x" * 65_537, "a\u0000b", "a\ud83d"])
async def test_a_bad_text_is_422(api: Api, text: str) -> None:
    account_id = await api.create()
    body = {"to": "491700000001", "text": text}
    answer = await api.post(f"/accounts/{account_id}/messages", json=body)
    assert fields(await problem(answer, 422, "invalid-input")) == ["text"]


async def test_a_body_over_the_limit_is_413(api: Api) -> None:
    answer = await api.post("/accounts", json={"name": "x" * 1_000_001})
    await problem(answer, 413, "request-entity-too-large")


@pytest.mark.parametrize("limit", ["0", "501", "-1", "many", "1.5", "1_0", "", "9" * 5000])
async def test_a_bad_limit_is_400(api: Api, limit: str) -> None:
    answer = await api.get("/accounts", params={"limit": limit})
    assert fields(await problem(answer, 400, "invalid-query")) == ["limit"]


@pytest.mark.parametrize("after", ["nonsense", "", "-", "9" * 30 + "-a", "\0"])
async def test_a_bad_cursor_is_400(api: Api, after: str) -> None:
    answer = await api.get("/accounts", params={"after": after})
    assert fields(await problem(answer, 400, "invalid-query")) == ["after"]


@pytest.mark.parametrize("since", ["-1", "abc", "1e3", "", str(2**63)])
@pytest.mark.parametrize("path", ["/ws", "/accounts/{id}/events"])
async def test_a_bad_since_is_400(api: Api, path: str, since: str) -> None:
    account_id = await api.create()
    answer = await api.get(path.format(id=account_id), params={"since": since})
    assert fields(await problem(answer, 400, "invalid-query")) == ["since"]


async def test_an_unknown_type_of_event_is_400_and_named(api: Api) -> None:
    answer = await api.get("/ws", params={"types": "status,mesage"})
    [error] = (await problem(answer, 400, "invalid-query"))["errors"]
    assert error["field"] == "types"
    assert error["message"].startswith("'mesage' is unknown; there are status, ")


async def test_a_misspelt_parameter_is_400_and_the_right_one_is_named(api: Api) -> None:
    answer = await api.get("/ws", params={"sinse": "5"})
    [error] = (await problem(answer, 400, "invalid-query"))["errors"]
    assert error == {"field": "sinse", "message": "is unknown; did you mean since?"}


@pytest.mark.parametrize(
    ("method", "path", "message"),
    [
        ("GET", "/accounts/{}?limit=1", "is unknown; there is no parameter here"),
        ("POST", "/accounts/{}/connect?limit=1", "is unknown; there is no parameter here"),
        ("GET", "/accounts?limit=1&limit=2", "is given more than once"),
        ("GET", "/accounts?limit=abc", "must be a whole number from 1 to 500"),
    ],
)
async def test_a_parameter_that_means_nothing_is_400(
    api: Api, method: str, path: str, message: str
) -> None:
    account_id = await api.create()
    answer = await api.request(method, path.format(account_id))
    [error] = (await problem(answer, 400, "invalid-query"))["errors"]
    assert error["field"] == "limit"
    assert error["message"].startswith(message)
    assert (await api.get(f"/accounts/{account_id}")).status == 200


async def test_a_misspelt_form_of_a_code_is_400_and_what_a_page_adds_is_not(api: Api) -> None:
    account_id = await api.create()
    await api.show_qr(account_id)
    answer = await api.get(f"/accounts/{account_id}/qr?fromat=svg")
    [error] = (await problem(answer, 400, "invalid-query"))["errors"]
    assert error == {"field": "fromat", "message": "is unknown; did you mean format?"}
    answer = await api.get(f"/accounts/{account_id}/qr?form=svg")
    assert fields(await problem(answer, 400, "invalid-query")) == ["form"]
    answer = await api.get(f"/accounts/{account_id}/qr?format=gif")
    [error] = (await problem(answer, 400, "invalid-query"))["errors"]
    assert error == {"field": "format", "message": "must be json, png, svg or text"}
    assert (await api.get(f"/accounts/{account_id}/qr?format=svg&_=1764")).status == 200


@pytest.mark.parametrize("path", ["/ws", "/events"])
async def test_an_unknown_account_in_a_streams_filter_is_a_problem(api: Api, path: str) -> None:
    account_id = await api.create()
    answer = await api.get(path, params={"accounts": f"{account_id},{UNKNOWN}"})
    [error] = (await problem(answer, 400, "invalid-query"))["errors"]
    assert error == {"field": "accounts", "message": f"there is no account '{UNKNOWN}'"}


async def test_an_account_whose_events_the_log_no_longer_has_is_no_mistake(api: Api) -> None:
    account_id = await api.create()
    assert (await api.delete(f"/accounts/{account_id}")).status == 200
    # What follows is another account's, so that the log tells of this one no more.
    await api.create()
    await api.recorded()
    oldest = await api.trim_log(keep=1)

    answer = await api.get("/ws", params={"accounts": f"{account_id},misspelt", "since": "0"})
    [error] = (await problem(answer, 400, "invalid-query"))["errors"]
    assert error == {"field": "accounts", "message": "there is no account 'misspelt'"}
    answer = await api.get("/ws", params={"accounts": account_id, "since": str(oldest)})
    assert fields(await problem(answer, 400, "invalid-query")) == ["accounts"]

    async with api.ws_connect(f"/ws?accounts={account_id}&since=0") as socket:
        told = [await socket.receive_json(timeout=10) for _ in range(3)]
    assert [each["type"] for each in told] == ["hello", "snapshot", "gap"]


async def test_who_was_away_while_an_account_was_deleted_can_ask_for_it_and_hears_of_it(
    api: Api,
) -> None:
    account_id = await api.create()
    await api.delete(f"/accounts/{account_id}")
    await api.recorded()
    async with api.ws_connect(f"/ws?accounts={account_id}&since=0") as socket:
        told = [await socket.receive_json(timeout=10) for _ in range(4)]
    assert told[-1]["data"]["cause"] == "deleted"


async def test_an_unforeseen_error_is_500_without_a_traceback(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the secret reason")

    monkeypatch.setattr("api.http.health.server_memory", fail)
    answer = await api.get("/health")
    await problem(answer, 500, "internal-error")
    assert "secret reason" not in await answer.text()
    assert "secret reason" in caplog.text
