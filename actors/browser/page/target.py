"""The page that Chromium opens at its start, and as what it shows itself to the web."""

from typing import Any

from pyppeteer.browser import Browser
from pyppeteer.connection import CDPSession
from pyppeteer.page import Page

from actors.browser.process.connection import PipeConnection
from actors.browser.process.executable import user_agent


async def take_page(connection: PipeConnection) -> tuple[Page, CDPSession]:
    """Take the page that Chromium opened, and make pyppeteer quiet about it.

    pyppeteer's Page switches on what a debugging session of minutes wants to see. A page that
    lives for months would pay for each event of it, in CPU here and in memory there.
    """
    contexts = await connection.send("Target.getBrowserContexts")
    browser = await Browser.create(connection, contexts["browserContextIds"], False, None)
    page = (await browser.pages())[0]
    session: CDPSession = page._client  # noqa: SLF001 - pyppeteer offers no other way to it
    await session.send(
        "Target.setAutoAttach", {"autoAttach": False, "waitForDebuggerOnStart": False}
    )
    for domain in ("Performance", "Log", "Security"):
        await session.send(f"{domain}.disable")
    await connection.send("Target.setDiscoverTargets", {"discover": False})
    return page, session


def identity(product: str) -> dict[str, Any]:
    """Return the user agent of a desktop Chrome of the version that this Chromium is.

    The flag alone is not enough: the brands that a page can ask for would say HeadlessChrome.
    """
    version = product.rpartition("/")[2]
    brands = {"Chromium": version, "Google Chrome": version, "Not:A-Brand": "8.0.0.0"}
    return {
        "userAgent": user_agent(version),
        "userAgentMetadata": {
            "brands": [{"brand": b, "version": v.partition(".")[0]} for b, v in brands.items()],
            "fullVersionList": [{"brand": b, "version": v} for b, v in brands.items()],
            "platform": "Linux",
            "platformVersion": "",
            "architecture": "x86",
            "model": "",
            "mobile": False,
        },
    }
