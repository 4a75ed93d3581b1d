"""One attempt's browser, from its start to its proven end. What the actors use, and all they use.

Holds the order of opening and closing. The page's meaning is the interpreter's, the process is
chromium.py's, the probe, the proof of a fresh login and the hold on the profile have files of
their own, and what a failure is called stands in failures.py.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar

from actors.browser.config import BrowserConfig
from actors.browser.errors import (
    BrowserError,
    BrowserGone,
    NotReady,
    StartFailed,
    can_be_seen_after,
    failure_of,
)
from actors.browser.facts.interpreter import Interpreter
from actors.browser.facts.schema import Fact
from actors.browser.page.page import WhatsAppPage
from actors.browser.page.probe import Probe
from actors.browser.page.proof import Proof
from actors.browser.process import flags
from actors.browser.process.chromium import Chromium
from actors.browser.process.executable import Executable, find_chromium, sandbox_refusal
from actors.browser.profile import caches
from actors.browser.profile.lock import ProfileLock
from actors.browser.profile.profile import Profile
from actors.browser.reports import (
    Authenticated,
    Closed,
    Failure,
    PairingCodeShown,
    Ready,
    Report,
    SentMessage,
    Started,
)
from common.tasks import abandon, first
from common.threads import PROCESSES
from store.events.known_messages import KnownMessages

logger = logging.getLogger(__name__)

T = TypeVar("T")

PICTURE_SECONDS = 2.0
"""How long the end of a browser waits for a picture of its page."""


class BrowserRun:
    """Opens an account's browser, reports what happens in it, and closes it.

    Made and used on the loop's thread only.
    """

    def __init__(
        self,
        account_id: str,
        config: BrowserConfig,
        report: Callable[[Report], None],
        known_messages: Callable[[], Awaitable[KnownMessages]],
    ) -> None:
        """Prepare a run; nothing starts yet.

        Args:
            account_id: Whose browser it is; names the profile.
            config: What all browsers share.
            report: Called with each report, on the loop's thread. If it raises, that is logged
                and the run goes on.
            known_messages: Gives what is on record of the account's messages; must not fail.
        """
        self._account_id = account_id
        self._config = config
        self._report = report
        self._known_messages = known_messages
        self._profile = Profile(config.profile(account_id))
        self._hold = ProfileLock(self._profile, config.cache_mb)
        self._chromium: Chromium | None = None
        self._page: WhatsAppPage | None = None
        self._interpreter = Interpreter(config)
        of_page = (config, self._interpreter, self._open_page)
        self._probe = Probe(*of_page, self._tell)
        self._proof = Proof(account_id, *of_page, self._tell_ready)
        self._stopping = asyncio.Event()
        self._unlink = self._wipe = self._look = False
        self._picture: bytes | None = None
        self._unlinked = False
        self._calls: set[asyncio.Future[Any]] = set()
        self._pairing = False

    @property
    def pid(self) -> int | None:
        """The leader of the browser's process group, while it runs."""
        if self._chromium is None or self._chromium.exited.done():
            return None
        return self._chromium.pid

    async def run(self) -> None:
        """Open the browser, report until it is closed, and return when it is proven gone.

        The last report is always one `Closed`, whatever happened before.

        Raises:
            asyncio.CancelledError: It was cancelled; the browser is closed nevertheless.
        """
        life = asyncio.create_task(self._live(), name=f"browser of {self._account_id}")
        end = asyncio.create_task(self._end(life), name=f"end of browser of {self._account_id}")
        cancelled = False
        while not end.done():
            try:
                await asyncio.shield(end)
            except asyncio.CancelledError:
                cancelled = True
                self.stop()
        if self._chromium is not None:
            # It runs still only if its end was cut off, as when the loop ends and cancels all.
            self._chromium.kill()
        self._tell(Closed(self._picture, self._unlinked))
        if cancelled:
            raise asyncio.CancelledError

    def stop(self, *, unlink: bool = False, wipe: bool = False, look: bool = False) -> None:
        """Ask the run to end, at any moment, also before it began, and more than once.

        Args:
            unlink: Log out first, if the page is in a state to do so. WhatsApp gets
                `unlink_seconds` for it; `Closed` tells whether it was done.
            wipe: Remove the profile when the browser is gone.
            look: Have `Closed` bring a picture of the page, if it can be taken.
        """
        self._unlink |= unlink
        self._wipe |= wipe
        self._look |= look
        self._stopping.set()

    def kill(self) -> None:
        """End the browser by force, at once; what it had not written is lost."""
        self.stop()
        if self._chromium is not None:
            self._chromium.kill()

    async def send_text(self, to: str, text: str) -> SentMessage:
        """Send a text; returns when WhatsApp's server has it.

        Args:
            to: A number, digits only, or a chat's id such as 491700000001@c.us.
            text: What to send.

        Raises:
            NotReady: The account is not connected, or its browser closes.
            NoSuchNumber: WhatsApp does not know the number.
            PageError: WhatsApp Web refused.
            OutcomeUnknown: The page was cut off, or gave no answer in `call_seconds`; the text may
                have been sent.
        """
        page = self._open_page()
        if not self._interpreter.ready:
            raise NotReady("The account is not connected.")
        return await self._call(page.send_text(to, text))

    async def pairing_code(self, phone: str) -> PairingCodeShown:
        """Have the page make a code to be typed on the phone; it is reported as well.

        Args:
            phone: The phone's number, digits only.

        Raises:
            NotReady: The page does not wait for a phone.
            PageError: WhatsApp Web refused.
            PageTimeout: No answer in `call_seconds`.
            BrowserGone: The browser ended meanwhile.
        """
        page = self._open_page()
        if not self._interpreter.awaits_link:
            raise NotReady("The page does not wait for a phone.")
        if self._pairing:
            raise NotReady("A pairing code is being made already.")
        self._interpreter.pairing_for(phone)
        self._pairing = True
        try:
            code = await self._call(page.pairing_code(phone))
        except BaseException:
            self._report_all(self._interpreter.pairing_failed())
            raise
        finally:
            self._pairing = False
        # The page tells of it as well, mostly: what is told twice is reported once.
        self._on_fact({"fact": "pairing_code", "code": code})
        return self._interpreter.pairing_shown(code)

    async def screenshot(self) -> bytes:
        """Show what is on the page, as PNG.

        Raises:
            NotReady: There is no page yet.
            PageTimeout: No answer in `call_seconds`.
            BrowserGone: The browser ended meanwhile.
        """
        return await self._call(self._open_page().screenshot())

    async def ping(self) -> None:
        """Make sure that the page answers; errors as `screenshot`, or PageError."""
        await self._open_page().ping()

    async def _call(self, work: Coroutine[Any, Any, T]) -> T:
        """Do what was asked of the page; a browser that is to close lets it finish for a time.

        Raises:
            NotReady: The browser closes already.
        """
        if self._stopping.is_set():
            work.close()
            raise NotReady("The account's browser is closing.")
        call = asyncio.ensure_future(work)
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)
        return await call

    def _open_page(self) -> WhatsAppPage:
        if self._page is None:
            raise NotReady
        return self._page

    async def _live(self) -> None:
        """Open everything, then wait until something ends it; always ends by an exception."""
        executable = await PROCESSES.run(find_chromium, self._config.executable)
        command = await self._command(executable)
        await self._hold.take()
        known = await self._known_messages()
        self._probe.remember(known)
        self._proof.remember(linking=known.linking)
        try:
            chromium = Chromium(command, self._profile.lock_descriptor)
        except OSError as error:
            raise StartFailed(f"{executable.path} could not be started: {error}") from error
        self._chromium = chromium
        self._tell(Started())
        page = self._page = WhatsAppPage(self._config, self._on_fact)
        opening = asyncio.create_task(page.open(chromium.connection))
        try:
            await first(opening, page.failed, chromium.exited)
            if await chromium.has_ended():
                raise StartFailed(chromium.exit_words())
            if page.failed.done():
                raise page.failed.result()
            await opening
        finally:
            await abandon(opening)
        watching = asyncio.create_task(self._probe.watch())
        bound, every = self._config.cache_mb, self._config.cache_check_seconds
        tidying = asyncio.create_task(caches.watch(self._profile, page, bound, every))
        try:
            await first(page.failed, chromium.exited, watching)
            if await chromium.has_ended():
                raise BrowserGone(chromium.exit_words())
            if page.failed.done():
                raise page.failed.result()
            await watching
        finally:
            await abandon(watching, tidying)

    async def _command(self, executable: Executable) -> list[str]:
        refusal = await PROCESSES.run(sandbox_refusal, executable.path)
        return flags.command(
            executable,
            self._profile.path,
            flags.marker(self._config.server_id, self._account_id),
            sandbox=refusal is None,
            web_url=self._config.web_url,
            map_host=self._config.map_host,
            cache_mb=self._config.cache_mb,
        )

    async def _end(self, life: asyncio.Task[None]) -> None:
        """Wait until the life ends or is to end, then close in order. Never fails."""
        stop = asyncio.create_task(self._stopping.wait())
        await first(life, stop)
        stop.cancel()
        if life.done():
            self._fail(life.exception())
            self._look = can_be_seen_after(life.exception())
        else:
            await self._let_finish(life)
        if not life.done() and self._unlink and self._interpreter.linked:
            await self._attempt("the logout", self._log_out())
        if self._look:
            await self._attempt("a picture of the page", self._take_picture())
        await abandon(life)
        await self._close()

    async def _let_finish(self, life: asyncio.Task[None]) -> None:
        """Wait for calls into the page that are under way, for a time, or until it ends."""
        if self._calls:
            finished = asyncio.ensure_future(asyncio.wait(self._calls))
            await asyncio.wait(
                {finished, life},
                timeout=self._config.finish_seconds,
                return_when=asyncio.FIRST_COMPLETED,
            )
            await abandon(finished)

    async def _attempt(self, what: str, step: Awaitable[None]) -> None:
        """Take a step of the end. If it fails, the others are taken all the same."""
        try:
            await step
        except Exception:
            logger.exception("%s failed", what)

    async def _log_out(self) -> None:
        try:
            self._unlinked = await self._open_page().logout(self._config.unlink_seconds)
        except BrowserError as error:
            # What is left to do on the phone is said with the status that follows.
            logger.info("the page could not log out: %s", error)

    async def _take_picture(self) -> None:
        with suppress(BrowserError):
            self._picture = await self._open_page().screenshot(PICTURE_SECONDS)

    async def _close(self) -> None:
        await self._proof.abandon()
        if self._page is not None:
            self._page.close()
        if self._chromium is not None:
            closing = self._chromium.close(self._config.close_seconds)
            await self._attempt("closing the browser", closing)
            # Nobody else may find the profile free, or see it removed, before it is gone.
            self._chromium.kill()
            await self._chromium.exited
        await self._attempt("leaving the profile", self._hold.leave(wipe=self._wipe))

    def _on_fact(self, fact: Fact) -> None:
        self._report_all(self._interpreter.read(fact))

    def _report_all(self, reports: Iterable[Report]) -> None:
        for report in reports:
            match report:
                case Authenticated(fresh):
                    self._proof.authenticated(fresh=fresh)
                    if fresh:
                        self._probe.linked()
                    self._tell(report)
                case Ready():
                    self._proof.ready(replace(report, missing_modules=self._open_page().lacking))
                    self._probe.hurry()
                case _:
                    self._tell(report)

    def _tell_ready(self, ready: Report) -> None:
        if isinstance(ready, Ready) and ready.history_until is not None:
            self._probe.history_ends(ready.history_until)
        self._tell(ready)

    def _fail(self, error: BaseException | None) -> None:
        failed = failure_of(error)
        if failed.failure is Failure.UNFORESEEN:
            logger.error("an unforeseen error", exc_info=error)
        self._tell(failed)

    def _tell(self, report: Report) -> None:
        try:
            self._report(report)
        except Exception:
            logger.exception("nobody took %s", type(report).__name__)
