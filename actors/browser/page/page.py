"""The WhatsApp Web page in a Chromium: opened, listened to, spoken to, through wa-js.

The only place besides page.js that knows wa-js. What the page tells is handed on as facts; what
they mean is the interpreter's.
"""

import asyncio
import base64
import json
import logging
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pyppeteer.connection import CDPSession
from pyppeteer.errors import NetworkError
from pyppeteer.errors import PageError as NavigationError
from pyppeteer.errors import TimeoutError as NavigationTimeout
from pyppeteer.frame_manager import Frame
from pyppeteer.page import Page

from actors.browser.config import BrowserConfig
from actors.browser.errors import (
    BrowserGone,
    CutOff,
    MalformedAnswer,
    NoSuchNumber,
    NotReady,
    OutcomeUnknown,
    PageBroken,
    PageCrashed,
    PageError,
    PageTimeout,
    PageUnreachable,
    StartFailed,
)
from actors.browser.facts.binding import Binding, origin_of
from actors.browser.facts.schema import BadFact, Fact, check_answer, check_error
from actors.browser.page.bundle import find_bundle, load_bundle
from actors.browser.page.network import network_words
from actors.browser.page.target import identity, take_page
from actors.browser.process.connection import FRAME_BYTES, OVERSIZED, ConnectionLost, PipeConnection
from actors.browser.reports import SentMessage
from common.threads import FILES

logger = logging.getLogger(__name__)

LOADED = "domcontentloaded"
NEVER_BEGUN = "Cannot find"
"""How Chromium says that there is no document in which a call could run."""

# Otherwise wa-js reports its use to its makers.
WA_JS_CONFIG = "window.WPPConfig = { disableGoogleAnalytics: true };"

MISSING_MODULE = re.compile(r"[Mm]odule (\w+) was not found|(?<!\w)(\w+) module was not found")
"""How wa-js complains of what it looked for in WhatsApp Web."""
COMPLAINT = 1_000
"""How many characters of what the page logs, or of a reason that it gives, are looked at."""
COMPLAINTS = 100
"""How many names are remembered."""


class WhatsAppPage:
    """The one page of a Chromium. Everything runs on the loop's thread.

    Attributes:
        lacking: What of WhatsApp Web was not found that an account can go on without, by name.
        failed: Resolves with the reason when the page is lost: crashed, gone, broken, or led to
            an address that cannot be reached.
    """

    def __init__(self, config: BrowserConfig, told: Callable[[Fact], None]) -> None:
        """Prepare it.

        Args:
            config: Where the page is and how long things may take.
            told: Called with each fact the page tells.
        """
        self._config = config
        self._told = told
        self._session: CDPSession | None = None
        self._opened = False
        self._missing: set[str] = set()
        self._handed_over: dict[str, str | None] = {}
        """The messages that are being sent, by call: their ids, once WhatsApp Web has them."""
        self.lacking: tuple[str, ...] = ()
        self._loading: asyncio.TimerHandle | None = None
        self._origin = origin_of(config.web_url)
        self._binding: Binding | None = None
        self.failed: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()

    async def open(self, connection: PipeConnection) -> None:
        """Inject wa-js and go to WhatsApp Web.

        Raises:
            BundleUnusable: wa-js is missing or not the pinned one.
            StartFailed: The browser does not answer.
            PageUnreachable: The address could not be opened in `page_load_seconds`.
            BrowserGone: The browser ended meanwhile.
        """
        sources = await FILES.run(_sources, self._config.wa_js)
        seconds = self._config.page_load_seconds
        try:
            async with asyncio.timeout(seconds):
                page = await self._prepare(connection, sources)
            await self._goto(page)
        except ConnectionLost as error:
            raise BrowserGone(str(error)) from error
        except TimeoutError:
            raise StartFailed(f"Chromium did not answer within {seconds:g} s.") from None

    def close(self) -> None:
        """Stop watching; the page itself goes with its browser."""
        self._stop_waiting()
        if self._binding is not None:
            self._binding.close()

    async def send_text(self, to: str, text: str) -> SentMessage:
        """Send a text; returns when WhatsApp's server has it.

        Args:
            to: A number, digits only, or a chat's id.
            text: What to send.

        Raises:
            NoSuchNumber: WhatsApp does not know it.
            NotReady: The page cannot send at the moment; nothing was handed to it.
            PageError: The page refused.
            OutcomeUnknown: There was no answer, and the text may have been sent.
        """
        chat = to if "@" in to else f"{to}@c.us"
        call = secrets.token_hex(8)
        self._handed_over[call] = None
        try:
            sent = await self._call("sendText", chat, text, call)
        except (BrowserGone, PageTimeout) as error:
            if isinstance(error.__cause__, ConnectionLost) and not error.__cause__.sent:
                raise NotReady("The browser has ended.") from error
            raise OutcomeUnknown(str(error), self._handed_over[call]) from error
        except (CutOff, MalformedAnswer) as error:
            # What a page tells in its last moment may not arrive: no id is no proof.
            raise OutcomeUnknown(str(error), self._handed_over[call]) from error
        finally:
            del self._handed_over[call]
        if sent["nobody"]:
            raise NoSuchNumber
        if sent["id"] is None or sent["unsure"] is not None:
            raise OutcomeUnknown(sent["unsure"] or "The answer has no id.", sent["id"])
        return SentMessage(sent["id"], sent["to"] or chat, int(sent["ack"] or 0))

    async def pairing_code(self, phone: str) -> str:
        """Have a code made, to be typed on the phone with this number (digits only).

        Raises:
            PageError: The page refused.
            PageTimeout: No answer.
            BrowserGone: The browser ended.
        """
        code: str = (await self._call("pairingCode", phone))["code"]
        return code

    async def logout(self, seconds: float) -> bool:
        """Unlink this device; same errors as `pairing_code`.

        Returns:
            Whether WhatsApp was told. Without a connection, only the page forgets its session.
        """
        return (await self._call("logout", seconds=seconds))["told"] or False

    async def keep(self, mark: str | None) -> None:
        """Put a mark into localStorage, or take it out; same errors as `pairing_code`."""
        await self._call("keep", mark)

    async def ping(self, seconds: float | None = None) -> None:
        """Make sure the page's main thread answers.

        Args:
            seconds: How long to wait for it; `call_seconds` unless given.

        Raises:
            PageTimeout: It does not.
            PageError: It answers, but is not WhatsApp Web.
            BrowserGone: The browser ended.
        """
        await self._call("ping", seconds=seconds)

    async def newest_message(self) -> datetime:
        """Return when the newest message that the page holds was sent; 1970 if it holds none.

        Errors as `ping`.
        """
        return _moment((await self._call("newest"))["newest"])

    async def compare(self, since: datetime | None, seconds: float) -> tuple[int, datetime]:
        """Have the page tell, in a moment, what messages it holds and has not told.

        Args:
            since: Of those that are not new to the page itself, only the ones from then on; None:
                none of them.
            seconds: How long to wait for an answer; same errors as `ping`.

        Returns:
            How many there are, which are not told yet, and when the newest message that the page
            holds was sent.
        """
        timestamp = None if since is None else int(since.timestamp())
        answer = await self._call("compare", timestamp, seconds=seconds)
        return int(answer["untold"]), _moment(answer["newest"])

    async def screenshot(self, seconds: float | None = None) -> bytes:
        """Show what is on the page, as PNG; arguments and errors as `ping`."""
        reply = await self._send("Page.captureScreenshot", {"format": "png"}, seconds)
        return base64.b64decode(reply["data"])

    async def clear_http_cache(self) -> None:
        """Empty the cache of what was loaded, which no page notices; errors as `screenshot`."""
        await self._send("Network.clearBrowserCache", {})

    async def clear_cache_storage(self) -> None:
        """Empty what the page itself keeps of what it loaded; errors as `screenshot`.

        Its session and its service worker stay: they are storage of other types.
        """
        url = urlsplit(self._config.web_url)
        caches = {"origin": f"{url.scheme}://{url.netloc}", "storageTypes": "cache_storage"}
        await self._send("Storage.clearDataForOrigin", caches)

    async def _prepare(self, connection: PipeConnection, sources: tuple[str, ...]) -> Page:
        connection.on(OVERSIZED, self._on_oversized)
        page, session = await take_page(connection)
        self._session = session
        await self._listen(page, session)
        for source in sources:
            added = {"source": source}
            await session.send("Page.addScriptToEvaluateOnNewDocument", added)
        return page

    async def _listen(self, page: Page, session: CDPSession) -> None:
        session.remove_all_listeners("Runtime.consoleAPICalled")
        session.on("Runtime.consoleAPICalled", self._on_console)
        session.remove_all_listeners("Runtime.exceptionThrown")
        session.on("detached", lambda: self._fail(PageCrashed("The page was closed.")))
        page.on("error", lambda _: self._fail(PageCrashed()))
        self._binding = Binding(
            self._origin,
            lambda: page.mainFrame._id,  # noqa: SLF001 - it can change, and nothing else tells it
            self._on_fact,
            lambda why: self._fail(PageBroken(f"The page is not to be believed: {why}.")),
        )
        await self._binding.listen(session)
        agent = identity(await page.browser.version())
        await session.send("Emulation.setUserAgentOverride", agent)

    async def _goto(self, page: Page) -> None:
        host = urlsplit(self._config.web_url).netloc
        seconds = self._config.page_load_seconds
        milliseconds = seconds * 1000
        try:
            # pyppeteer's own time begins only when the server has begun to answer.
            async with asyncio.timeout(seconds):
                response = await page.goto(
                    self._config.web_url, timeout=milliseconds, waitUntil=LOADED
                )
        except (TimeoutError, NavigationTimeout) as error:
            raise PageUnreachable(f"{host} did not answer within {seconds:g} s.") from error
        except NavigationError as error:
            raise PageUnreachable(f"{host} cannot be reached: {network_words(error)}") from error
        if response is not None and response.status >= 400:
            raise PageUnreachable(f"{host} answered with HTTP status {response.status}.")
        reached = origin_of(page.url)
        if reached != self._origin:
            # Such as the login of a network, which answers in place of whatever is asked for.
            raise PageUnreachable(
                f"{host} leads to {reached}. If it should, set WA_WEB_URL to that."
            )
        page.on("framenavigated", self._on_navigated)
        self._opened = True
        # From here on nobody looks at single requests, and each would cost an event.
        await self._send("Network.disable", {})

    def _on_navigated(self, frame: Frame) -> None:
        """Notice that the page led itself to where nothing answers, or to somewhere else."""
        if not self._opened or frame.parentFrame is not None:
            return
        if frame.url.startswith("chrome-error:"):
            host = urlsplit(self._config.web_url).netloc
            self._fail(PageUnreachable(f"{host} could not be reached when the page reloaded."))
        elif (origin := origin_of(frame.url)) != self._origin:
            self._fail(PageBroken(f"The page left {self._origin} for {origin[:COMPLAINT]}."))

    def _on_oversized(self) -> None:
        self._fail(PageBroken(f"The page made its browser tell more than {FRAME_BYTES:,} bytes."))

    def _on_fact(self, fact: Fact) -> None:
        match fact:
            case {"fact": "handed_over", "call": call, "id": ident}:
                if call in self._handed_over:
                    self._handed_over[call] = ident
                return
            case {"fact": "document"}:
                self._expect_to_load()
            case {"fact": "loaded", "missing": missing, "lacking": lacking, "build": build}:
                self.lacking = tuple(lacking)
                self._on_loaded(missing, build)
        self._told(fact)

    def _on_console(self, event: dict[str, Any]) -> None:
        """Let go of what the page logged, which Chromium keeps for us, and learn what it lacks."""
        for argument in event["args"]:
            if (kept := argument.get("objectId")) is not None and self._session is not None:
                self._session.send("Runtime.releaseObject", {"objectId": kept})
            logged = str(argument.get("value", ""))[:COMPLAINT]
            if len(self._missing) < COMPLAINTS and (found := MISSING_MODULE.search(logged)):
                self._missing.add(found.group(1) or found.group(2))

    def _expect_to_load(self) -> None:
        """Give wa-js its time to find WhatsApp Web in a new document."""
        self._stop_waiting()
        self._missing.clear()
        loop = asyncio.get_running_loop()
        self._loading = loop.call_later(self._config.page_load_seconds, self._on_not_loaded)

    def _stop_waiting(self) -> None:
        if self._loading is not None:
            self._loading.cancel()

    def _on_not_loaded(self) -> None:
        seconds = self._config.page_load_seconds
        names = f" Missing: {', '.join(sorted(self._missing))}." if self._missing else ""
        self._fail(PageBroken(f"WhatsApp Web did not come up within {seconds:g} s.{names}"))

    def _on_loaded(self, missing: list[str], build: str | None) -> None:
        self._stop_waiting()
        if missing:
            names = ", ".join(sorted({*missing, *self._missing}))
            self._fail(PageBroken(f"WhatsApp Web {build} lacks what wa-js looks for: {names}."))

    def _fail(self, reason: Exception) -> None:
        """Lose the page; nothing that it tells from now on is heard."""
        if self._binding is not None:
            self._binding.close()
        if not self.failed.done():
            self.failed.set_result(reason)

    async def _call(
        self, function: str, *args: str | int | None, seconds: float | None = None
    ) -> Mapping[str, Any]:
        """Call a function of page.js and give what it returns."""
        arguments = ", ".join(json.dumps(argument) for argument in (function, *args))
        expression = {
            "expression": f"window.waManagerCall({arguments})",
            "awaitPromise": True,
            "returnByValue": True,
        }
        reply = await self._send("Runtime.evaluate", expression, seconds)
        if details := reply.get("exceptionDetails"):
            text = str(details.get("text"))[:COMPLAINT]
            raise NotReady(f"The page is not WhatsApp Web at the moment: {text}")
        result = reply.get("result", {}).get("value")
        if not isinstance(result, dict):
            raise MalformedAnswer("it is no object")
        if "error" in result:
            name, message, build = check_error(result["error"])
            raise NotReady(message) if name == "NotReady" else PageError(name, message, build)
        try:
            return check_answer(function, result.get("value"))
        except BadFact as error:
            raise MalformedAnswer(str(error)) from error

    async def _send(
        self, method: str, params: dict[str, Any], seconds: float | None = None
    ) -> dict[str, Any]:
        if self._session is None:
            raise NotReady
        seconds = seconds or self._config.call_seconds
        try:
            async with asyncio.timeout(seconds):
                reply: dict[str, Any] = await self._session.send(method, params)
        except TimeoutError:
            raise PageTimeout(f"The page did not answer within {seconds:g} s.") from None
        except ConnectionLost as error:
            raise BrowserGone(str(error)) from error
        except NetworkError as error:
            reason = f"The page cannot do this at the moment: {error}"
            if NEVER_BEGUN in str(error):
                raise NotReady(reason) from error
            raise CutOff(reason) from error
        return reply


def _moment(seconds: float | None) -> datetime:
    return datetime.fromtimestamp(seconds or 0, UTC)


@lru_cache(maxsize=4)
def _sources(wa_js: Path | None) -> tuple[str, ...]:
    """Return what is injected, in order. Blocks at the first time."""
    page_js = Path(__file__).with_name("page.js").read_text()
    return (WA_JS_CONFIG, load_bundle(find_bundle(wa_js)), page_js)
