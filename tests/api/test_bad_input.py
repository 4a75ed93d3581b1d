"""Bad input: each kind is refused with its status, as problem details, with the field named."""

from typing import Any

import aiohttp
import pytest

from tests.api.told import Api

UNKNOWN = "0123456789abcdef"


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


async def test_a_wrong_method_is_405_and_tells_the_right_ones(api: Api) -> None:
    answer = await api.put("/accounts", json={})
    await problem(answer, 405, "method-not-allowed")
    assert answer.headers["Allow"] == "GET,HEAD,POST"


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
        b'{"name": "\\ud800"}',
        b"[" * 100_000,
    ],
)
async def test_a_body_that_is_not_a_json_object_is_400(api: Api, body: bytes) -> None:
    await problem(await api.post("/accounts", data=body), 400, "malformed-request")


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
        "49.1700000001",
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


@pytest.mark.parametrize("text", ["", " ", "\n\t\u00a0", "x" * 65_537, "a\u0000b"])
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
    assert error["message"].startswith("'mesage' is unknown; there are status, message, ")


async def test_a_misspelt_parameter_is_400(api: Api) -> None:
    answer = await api.get("/ws", params={"sinse": "5"})
    assert fields(await problem(answer, 400, "invalid-query")) == ["sinse"]


async def test_an_unforeseen_error_is_500_without_a_traceback(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the secret reason")

    monkeypatch.setattr("api.health.server_memory", fail)
    answer = await api.get("/health")
    await problem(answer, 500, "internal-error")
    assert "secret reason" not in await answer.text()
    assert "secret reason" in caplog.text
