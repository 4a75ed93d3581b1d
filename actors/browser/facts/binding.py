"""The binding over which a page tells its facts: who may use it, and what comes of nonsense.

Chromium puts a binding into every frame and every context of a page. page.js takes it away from
whoever runs later; what comes from elsewhere than the main frame's own scripts, at the address that
was asked for, is not heard all the same.
"""

import logging
from collections.abc import Callable
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from pyppeteer.connection import CDPSession

from actors.browser.facts.bad_facts import BadFacts
from actors.browser.facts.pace import CHANGES, CHARACTERS, MESSAGES, Pace
from actors.browser.facts.schema import BadFact, Fact, parse

NAME = "waManagerTell"
FREE = frozenset({"handed_over", "progress"})
"""The facts that may be as many as they are: none changes an account, and none is kept."""
DEFAULT_PORTS = {"http": 80, "https": 443}

logger = logging.getLogger(__name__)


class Binding:
    """Hears one page. Everything runs on the loop's thread."""

    def __init__(
        self,
        origin: str,
        main_frame: Callable[[], str],
        told: Callable[[Fact], None],
        fail: Callable[[str], None],
    ) -> None:
        """Prepare it.

        Args:
            origin: Where the page is, from `origin_of`.
            main_frame: Gives the id of the page's main frame.
            told: Called with each fact.
            fail: Called once, with a reason, when the page tells too much that is none, or of too
                many changes. Nothing is heard from then on.
        """
        self._origin = origin
        self._main_frame = main_frame
        self._told = told
        self._fail = fail
        self._bad = BadFacts(monotonic)
        self._changes = Pace(CHANGES, monotonic)
        self._messages = Pace(MESSAGES, monotonic)
        self._characters = Pace(CHARACTERS, monotonic)
        self._context: int | None = None
        """The main frame's own context, as long as the page is where it should be."""
        self._deaf = False
        self._why = ""
        """What was wrong last."""

    async def listen(self, session: CDPSession) -> None:
        """Hear what a page tells from now on; before it is opened."""
        session.on("Runtime.executionContextCreated", self._on_context)
        session.on("Runtime.executionContextsCleared", self._on_cleared)
        # pyppeteer's own handler takes every binding's payload for one of its own.
        session.remove_all_listeners("Runtime.bindingCalled")
        session.on("Runtime.bindingCalled", self._on_called)
        await session.send("Runtime.addBinding", {"name": NAME})

    def close(self) -> None:
        """Hear nothing any more, and tell the log of what it was not told."""
        self._deaf = True
        self._log(self._bad.rest())

    def _on_context(self, event: dict[str, Any]) -> None:
        context = event["context"]
        about = context.get("auxData", {})
        if about.get("isDefault") and about.get("frameId") == self._main_frame():
            self._context = context["id"] if context.get("origin") == self._origin else None

    def _on_cleared(self, _: object) -> None:
        self._context = None

    def _on_called(self, event: dict[str, Any]) -> None:
        if self._deaf or event.get("name") != NAME:
            return
        if self._context is None or event.get("executionContextId") != self._context:
            self._refuse("it comes from elsewhere than the page's own scripts")
            return
        try:
            fact = parse(event.get("payload"))
        except BadFact as error:
            self._refuse(str(error))
            return
        if too_much := self._is_too_much(fact):
            self._deaf = True
            self._fail(f"it tells of more than {too_much} in a minute")
            return
        self._told(fact)

    def _is_too_much(self, fact: Fact) -> str | None:
        """Return what there is too much of with this fact; None if it may be."""
        if fact["fact"] in FREE:
            return None
        if fact["fact"] != "message":
            return None if self._changes.allows() else f"{CHANGES} changes"
        if not self._messages.allows():
            return f"{MESSAGES:,} messages"
        text = fact["text"]
        if text is not None and not self._characters.allows(len(text)):
            return f"{CHARACTERS:,} characters of messages"
        return None

    def _refuse(self, why: str) -> None:
        self._why = why
        self._log(self._bad.note())
        if self._bad.too_many:
            self._deaf = True
            self._fail(why)

    def _log(self, count: int) -> None:
        if count:
            logger.warning("its page told %d thing(s) that cannot be read: %s", count, self._why)


def origin_of(url: str) -> str:
    """Return the origin of an address as Chromium writes it: scheme, host, and port if it matters.

    It is no origin of a page, and equal to none, for what has no host: about:blank, an error page.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        host, port = host.encode("idna").decode(), parts.port
    except ValueError:
        return ""
    host = f"[{host}]" if ":" in host else host
    known = port is None or port == DEFAULT_PORTS.get(parts.scheme)
    return f"{parts.scheme}://{host}" if known else f"{parts.scheme}://{host}:{port}"
