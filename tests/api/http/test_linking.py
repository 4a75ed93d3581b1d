"""The QR code in each of its forms."""

import pytest

from api.http.linking import Form, choose
from api.problems import NotAcceptable
from tests.api.told import Api


async def test_json_carries_the_text_to_scan(api: Api) -> None:
    account_id = await api.create()
    await api.show_qr(account_id, "2@code")
    answer = await api.get(f"/accounts/{account_id}/qr")
    code = await answer.json()
    assert code.pop("expiresAt").endswith("Z")
    assert code == {"qr": "2@code", "attempt": 1, "of": 6}


@pytest.mark.parametrize(
    ("form", "media_type", "begins"),
    [
        ("png", "image/png", b"\x89PNG\r\n"),
        ("svg", "image/svg+xml", b"<?xml"),
        ("text", "text/plain", "█".encode()),
        ("json", "application/json", b"{"),
    ],
)
async def test_each_form_is_had_by_name_and_by_accept(
    api: Api, form: str, media_type: str, begins: bytes
) -> None:
    account_id = await api.create()
    await api.show_qr(account_id)
    path = f"/accounts/{account_id}/qr"

    named = await api.get(path, params={"format": form})
    accepted = await api.get(path, headers={"Accept": media_type})

    assert named.content_type == accepted.content_type == media_type
    assert (await named.read()).startswith(begins)
    assert await named.read() == await accepted.read()


async def test_the_picture_is_of_the_code_that_is_shown(api: Api) -> None:
    first, second = await api.create(), await api.create()
    await api.show_qr(first, "2@one")
    await api.show_qr(second, "2@two")
    pictures = [
        await (await api.get(f"/accounts/{a}/qr?format=svg")).read() for a in (first, second)
    ]
    assert pictures[0] != pictures[1]


async def test_a_code_is_never_cached(api: Api) -> None:
    account_id = await api.create()
    await api.show_qr(account_id)
    answer = await api.get(f"/accounts/{account_id}/qr")
    assert answer.headers["Cache-Control"] == "no-store"


async def test_without_a_code_the_status_is_told(api: Api) -> None:
    account_id = await api.create()
    answer = await api.get(f"/accounts/{account_id}/qr")
    assert answer.status == 409
    assert (await answer.json())["accountStatus"] == "DISCONNECTED"


async def test_a_linked_account_shows_no_code_any_more(api: Api) -> None:
    account_id = await api.create()
    await api.show_qr(account_id)
    await api.link(account_id)
    assert (await api.get(f"/accounts/{account_id}/qr")).status == 409


async def test_an_unknown_form_is_refused(api: Api) -> None:
    account_id = await api.create()
    answer = await api.get(f"/accounts/{account_id}/qr?format=gif")
    assert answer.status == 400
    assert (await answer.json())["errors"][0]["field"] == "format"


async def test_a_form_that_cannot_be_made_is_refused(api: Api) -> None:
    account_id = await api.create()
    await api.show_qr(account_id)
    answer = await api.get(f"/accounts/{account_id}/qr", headers={"Accept": "application/pdf"})
    assert answer.status == 406


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("*/*", Form.JSON),
        ("image/*", Form.PNG),
        ("image/avif,image/webp,image/svg+xml,image/*,*/*;q=0.8", Form.PNG),
        ("image/svg+xml, image/png;q=0.5", Form.SVG),
        ("text/html, text/plain;q=0.9, */*;q=0.1", Form.TEXT),
        ("application/json;q=0, */*", Form.PNG),
        ("TEXT/PLAIN", Form.TEXT),
        ("image/png;q=oops, text/plain;q=0.1", Form.TEXT),
    ],
)
def test_the_form_is_the_one_liked_best(accept: str, form: Form) -> None:
    assert choose(accept) is form


def test_a_header_that_likes_no_form_is_refused() -> None:
    with pytest.raises(NotAcceptable):
        choose("text/html")
