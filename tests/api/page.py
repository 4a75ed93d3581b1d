"""The dashboard, open in a real browser."""

import json
from pathlib import Path
from typing import Any

from actors.browser.process.executable import find_chromium
from tests.simulator.libraries import Library

SCRIPT = Path(__file__).with_name("browser.mjs")


class Page(Library):
    """The page, open in a browser."""

    def __init__(self, url: str) -> None:
        super().__init__(SCRIPT, find_chromium().path, url)

    async def until(self, expression: str) -> Any:
        """Wait until an expression is true of the page, and give its value."""
        return await self.do(expression=expression)

    async def submit(self, form: str, value: str) -> None:
        """Fill a form that has one field, once it is there, and send it."""
        found = f"document.querySelector('#{form}:not([hidden])')"
        await self.until(
            "((form, value) => { if (!form) return false;"
            " form.querySelector('input').value = value; form.requestSubmit();"
            f" return true; }})({found}, {json.dumps(value)})"
        )

    async def shows(self, text: str) -> None:
        """Wait until the page shows a text."""
        await self.until(f"document.body.innerText.includes({json.dumps(text)})")

    async def press(self, command: str) -> None:
        """Press a button of the first account, once that is possible."""
        await self.until(
            f"(button => {{ button?.click(); return Boolean(button); }})"
            f"(document.querySelector('[data-command={command}]:enabled'))"
        )

    async def offers(self, *commands: str) -> None:
        """Wait until just these buttons of the first account can be pressed."""
        enabled = "[...document.querySelectorAll('[data-command]:enabled')]"
        await self.until(
            f"String({enabled}.map(b => b.dataset.command)) === '{','.join(commands)}'"
        )

    async def answers(self, decision: str) -> None:
        """Have every question of the page answered with true or false, and keep what it asked."""
        await self.until(f"window.confirm = text => {{ window.asked = text; return {decision}; }}")
