"""One attempt's browser, from its start to its proven end. What the actors use, and all they use.

Holds the order of opening and closing. The page's meaning is the interpreter's, the process is
chromium.py's, and what a failure is called stands in failures.py.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from actors.browser import caches, flags
from actors.browser.chromium import Chromium
from actors.browser.config import BrowserConfig
from actors.browser.durability import wait_kept
from actors.browser.errors import (
    BrowserError,
    BrowserGone,
    NotReady,
    PageTimeout,
    ProfileLocked,
    StartFailed,
)
from actors.browser.executable import Executable, find_chromium, sandbox_refusal
from actors.browser.failures import can_be_seen_after, failure_of
from actors.browser.hearing import Hearing, Past
from actors.browser.interpreter import Fact, Interpreter
from actors.browser.page import WhatsAppPage
from actors.browser.profile import Profile
from actors.browser.reports import (
    Authenticated,
    Closed,
    Failure,
    PairingCodeShown,
    Ready,
    Report,
    SentMessage,
)
from actors.browser.watchdog import watch

logger = logging.getLogger(__name__)

PICTURE_SECONDS = 2.0
"""How long the end of a browser waits for a picture of its page."""

_told_about_sandbox: set[str] = set()


class BrowserRun:
    """Opens an account's browser, reports what happens in it, and closes it.

    Made and used on the loop's thread only.
    """

    def __init__(
        self,
        account_id: str,
        config: BrowserConfig,
        report: Callable[[Report], None],
        recall: Callable[[], Awaitable[Past]],
    ) -> None:
        """Prepare a run; nothing starts yet.

        Args:
            account_id: Whose browser it is; names the profile.
            config: What all browsers share.
            report: Called with each report, on the loop's thread. If it raises, that is logged
                and the run goes on.
            recall: Gives what is on record of the account's messages; must not fail.
        """
        self._account_id = account_id
        self._config = config
        self._report = report
        self._recall = recall
        self._hearing = Hearing(Past())
        self._look_now = asyncio.Event()
        self._profile = Profile(config.profile(account_id))
        self._locking: asyncio.Task[None] | None = None
        self._chromium: Chromium | None = None
        self._page: WhatsAppPage | None = None
        self._interpreter = Interpreter(config)
        self._durable = True
        self._proof: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._unlink = self._wipe = self._look = False
        self._picture: bytes | None = None

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
        self._tell(Closed(self._picture))
        if cancelled:
            raise asyncio.CancelledError

    def stop(self, *, unlink: bool = False, wipe: bool = False, look: bool = False) -> None:
        """Ask the run to end, at any moment, also before it began, and more than once.

        Args:
            unlink: Log out first, if the page is in a state to do so. WhatsApp gets
                `unlink_seconds` for it.
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
            NotReady: The account is not connected.
            NoSuchNumber: WhatsApp does not know the number.
            PageError: WhatsApp Web refused.
            PageTimeout: No answer in `call_seconds`; it may have been sent nevertheless.
            BrowserGone: The browser ended meanwhile.
        """
        page = self._open_page()
        if not self._interpreter.ready:
            raise NotReady("The account is not connected.")
        return await page.send_text(to, text)

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
        self._interpreter.pairing_for(phone)
        return self._interpreter.pairing_shown(await page.pairing_code(phone))

    async def screenshot(self) -> bytes:
        """Show what is on the page, as PNG.

        Raises:
            NotReady: There is no page yet.
            PageTimeout: No answer in `call_seconds`.
            BrowserGone: The browser ended meanwhile.
        """
        return await self._open_page().screenshot()

    async def ping(self) -> None:
        """Make sure that the page answers; errors as `screenshot`, or PageError."""
        await self._open_page().ping()

    def _open_page(self) -> WhatsAppPage:
        if self._page is None:
            raise NotReady
        return self._page

    async def _live(self) -> None:
        """Open everything, then wait until something ends it; always ends by an exception."""
        executable = await asyncio.to_thread(find_chromium, self._config.executable)
        command = await self._command(executable)
        await self._lock_profile()
        past = await self._recall()
        self._interpreter.remember(past.ids)
        self._hearing = Hearing(past)
        try:
            chromium = Chromium(command, self._profile.lock_descriptor)
        except OSError as error:
            raise StartFailed(f"{executable.path} could not be started: {error}") from error
        self._chromium = chromium
        page = self._page = WhatsAppPage(self._config, self._on_fact)
        opening = asyncio.create_task(page.open(chromium.connection))
        try:
            await _first(opening, page.failed, chromium.exited)
            if await chromium.has_ended():
                raise StartFailed(chromium.exit_words())
            if page.failed.done():
                raise page.failed.result()
            await opening
        finally:
            await _abandon(opening)
        watching = asyncio.create_task(
            watch(self._probe, self._config.probe_seconds, self._look_now)
        )
        try:
            await _first(page.failed, chromium.exited, watching)
            if await chromium.has_ended():
                raise BrowserGone(chromium.exit_words())
            if page.failed.done():
                raise page.failed.result()
            await watching
        finally:
            await _abandon(watching)

    async def _probe(self) -> None:
        """Ask the page whether it is there, if it should be, and for messages it has not told.

        Raises:
            PageTimeout: It does not answer.
        """
        seconds = self._config.probe_timeout_seconds
        try:
            if self._interpreter.ready:
                await self._compare(seconds)
            elif self._interpreter.settled:
                await self._open_page().ping(seconds)
        except PageTimeout:
            raise
        except BrowserError:
            # An error is an answer too; and the end of a browser is noticed otherwise.
            logger.debug("%s: the page was busy with itself", self._account_id)

    async def _compare(self, seconds: float) -> None:
        began = _now()
        if not await self._open_page().compare(self._hearing.since, seconds):
            self._hearing.complete_at(began)

    async def _command(self, executable: Executable) -> list[str]:
        refusal = await asyncio.to_thread(sandbox_refusal, executable.path)
        if refusal is not None and refusal not in _told_about_sandbox:
            _told_about_sandbox.add(refusal)
            logger.warning("Chromium runs without its sandbox: %s", refusal)
        return flags.command(
            executable,
            self._profile.path,
            flags.marker(self._config.server_id, self._account_id),
            sandbox=refusal is None,
            web_url=self._config.web_url,
            map_host=self._config.map_host,
            cache_mb=self._config.cache_mb,
        )

    async def _lock_profile(self) -> None:
        """Take the profile and clean it, in a thread whose work a cancellation does not undo."""
        self._locking = asyncio.create_task(asyncio.to_thread(self._take_profile))
        await asyncio.shield(self._locking)

    def _take_profile(self) -> None:
        try:
            self._profile.lock()
            removed = self._profile.clean_locks()
            freed = caches.trim(self._profile, self._config.cache_mb)
        except OSError as error:
            raise StartFailed(f"The profile cannot be used: {error}") from error
        for path in removed:
            logger.info("%s: removed the stale lock %s", self._account_id, path)
        if freed:
            logger.info("%s: removed %d MB of caches", self._account_id, freed)

    async def _end(self, life: asyncio.Task[None]) -> None:
        """Wait until the life ends or is to end, then close in order. Never fails."""
        stop = asyncio.create_task(self._stopping.wait())
        await _first(life, stop)
        stop.cancel()
        if life.done():
            self._fail(life.exception())
            self._look = can_be_seen_after(life.exception())
        elif self._unlink and self._interpreter.linked:
            await self._attempt("the logout", self._log_out())
        if self._look:
            await self._attempt("a picture of the page", self._take_picture())
        await _abandon(life)
        await self._close()

    async def _attempt(self, what: str, step: Awaitable[None]) -> None:
        """Take a step of the end. If it fails, the others are taken all the same."""
        try:
            await step
        except Exception:
            logger.exception("%s: %s failed", self._account_id, what)

    async def _log_out(self) -> None:
        with suppress(BrowserError):
            await self._open_page().logout(self._config.unlink_seconds)

    async def _take_picture(self) -> None:
        with suppress(BrowserError):
            self._picture = await self._open_page().screenshot(PICTURE_SECONDS)

    async def _close(self) -> None:
        if self._proof is not None:
            await _abandon(self._proof)
        if self._page is not None:
            self._page.close()
        if self._chromium is not None:
            closing = self._chromium.close(self._config.close_seconds)
            await self._attempt("closing the browser", closing)
            # Nobody else may find the profile free, or see it removed, before it is gone.
            self._chromium.kill()
            await self._chromium.exited
        await self._attempt("leaving the profile", self._leave_profile())

    async def _leave_profile(self) -> None:
        if self._locking is not None:
            with suppress(Exception):
                await self._locking
        if self._wipe:
            await asyncio.to_thread(self._remove_profile)
        await asyncio.to_thread(self._profile.unlock)

    def _remove_profile(self) -> None:
        try:
            self._profile.lock()
            self._profile.remove()
        except (ProfileLocked, OSError) as error:
            logger.warning("%s: the profile stays: %s", self._account_id, error)

    def _on_fact(self, fact: Fact) -> None:
        for report in self._interpreter.read(fact):
            match report:
                case Authenticated():
                    self._durable = not report.fresh
                    if report.fresh:
                        self._hearing.linked(_now())
                    self._tell(report)
                case Ready():
                    self._on_ready(report)
                case _:
                    self._tell(report)

    def _on_ready(self, report: Ready) -> None:
        ready = replace(report, missing_modules=self._open_page().lacking)
        if self._durable:
            self._tell(ready)
        else:
            self._hold_back(ready)
        # What came while the page was not ready may be in no event.
        self._look_now.set()

    def _hold_back(self, ready: Ready) -> None:
        """Report a fresh login as ready once it would survive a kill of the browser."""
        if self._proof is None or self._proof.done():
            self._proof = asyncio.create_task(self._prove_durable(ready))

    async def _prove_durable(self, ready: Ready) -> None:
        try:
            page, config = self._open_page(), self._config
            kept = await wait_kept(page, self._profile.path, config.durable_seconds)
            if not kept:
                logger.warning("%s: the login is not proven to be on the disk", self._account_id)
        except BrowserError as error:
            logger.warning("%s: the login could not be proven: %s", self._account_id, error)
        self._durable = True
        if self._interpreter.ready:
            self._tell(ready)

    def _fail(self, error: BaseException | None) -> None:
        failed = failure_of(error)
        if failed.failure is Failure.UNFORESEEN:
            logger.error("%s: an unforeseen error", self._account_id, exc_info=error)
        self._tell(failed)

    def _tell(self, report: Report) -> None:
        try:
            self._report(report)
        except Exception:
            logger.exception("%s: nobody took %s", self._account_id, type(report).__name__)


def _now() -> datetime:
    return datetime.now(UTC)


async def _first(*futures: asyncio.Future[Any]) -> None:
    """Wait until one of them is done."""
    await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)


async def _abandon(task: asyncio.Task[Any]) -> None:
    """End a task whose outcome nobody needs any more."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()
