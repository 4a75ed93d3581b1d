"""The page: its files, and what browsers are told about them."""

import aiohttp
import pytest

from tests.api.told import Api


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/", "text/html"),
        ("/dashboard/app.js", "text/javascript"),
        ("/dashboard/stream.js", "text/javascript"),
        ("/dashboard/style.css", "text/css"),
        ("/dashboard/icon.svg", "image/svg+xml"),
    ],
)
async def test_the_page_and_its_parts_are_served(
    stranger: aiohttp.ClientSession, path: str, media_type: str
) -> None:
    answer = await stranger.get(path)
    assert (answer.status, answer.content_type) == (200, media_type)


@pytest.mark.parametrize(
    "name", ["nothing.js", "..%2fauth.py", "%2e%2e%2fauth.py", ".", "app.js%00"]
)
async def test_nothing_else_is_served(stranger: aiohttp.ClientSession, name: str) -> None:
    answer = await stranger.get(f"/dashboard/{name}")
    assert answer.status in {401, 404}
    assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize("path", ["/", "/dashboard/app.js", "/accounts", "/nothing"])
async def test_browsers_are_told_to_load_nothing_from_elsewhere(api: Api, path: str) -> None:
    headers = (await api.get(path)).headers
    assert headers["Content-Security-Policy"].startswith("default-src 'self';")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
