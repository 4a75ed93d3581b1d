"""How log lines look, readable or as JSON, one line each. Not what they say, nor where they go."""

import asyncio
import json
import logging
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Literal

from api.logs.handler import LogHandler
from api.logs.records import LONGEST, cut
from api.logs.redaction import Redaction
from common.log_context import LOGGED_ACCOUNT
from store.events.event_log import timestamp

LOOK_SECONDS = 1.0
"""How often it is looked whether lines are still written."""

LogFormat = Literal["text", "json"]

UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What would end a line, steer a terminal, turn text around, or not be UTF-8.

Who can put it into a log line could forge others.
"""


LONGEST_NAME = 100
"""How many characters of an account's name are written."""

NameOf = Callable[[str], str | None]
"""Gives what an account is called, by its id; in any thread."""


def set_up_logging(level: str, format_: LogFormat = "text", secrets: Iterable[str] = ()) -> None:
    """Send what the server logs from `level` upward to standard output.

    The libraries' own lines begin at WARNING: at DEBUG they would show what passes between the
    server, its browsers and its database, secrets included.

    Args:
        level: The least severe level that is written, for the server's own lines.
        format_: `text` for people, `json` for programs: an object on each line.
        secrets: What must not be in any line, beside what is recognised as a secret.
    """
    redaction = Redaction(secrets)
    handler = LogHandler(_standard_output())
    handler.setFormatter(_Json(redaction) if format_ == "json" else _Readable(redaction))
    handler.addFilter(_Context())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for package in ("actors", "api", "simulator", "store"):
        logging.getLogger(package).setLevel(level)
    # It tells of each try at a database that is away, with a traceback; the store tells of it once.
    logging.getLogger("asyncpg.pool").setLevel(logging.ERROR)


def hide(secret: str) -> None:
    """Keep a secret that came up after the start out of all lines."""
    for log_handler in _log_handlers():
        if isinstance(log_handler.formatter, _Formatter):
            log_handler.formatter.redaction.hide(secret)


def name_accounts(name_of: NameOf) -> None:
    """Have each line about an account carry the name that this gives."""
    for log_handler in _log_handlers():
        for each in log_handler.filters:
            if isinstance(each, _Context):
                each.name_of = name_of


def say(text: str) -> None:
    """Write a line for whoever started the server, as it is: it is no log line."""
    for log_handler in _log_handlers():
        log_handler.say(text)


class _Context(logging.Filter):
    """Notes which account a line is about, and what that is called now.

    Runs in the thread, and in the context, that logs; a formatter may run elsewhere and later.
    """

    def __init__(self) -> None:
        super().__init__()
        self.name_of: NameOf = lambda _: None

    def filter(self, record: logging.LogRecord) -> bool:
        """Note it; no line is left out."""
        account = getattr(record, "account", None) or LOGGED_ACCOUNT.get()
        if account is not None:
            record.account, record.account_name = account, self.name_of(account)
        return True


async def until_log_dies() -> None:
    """Look again and again whether lines are still written.

    Raises:
        RuntimeError: They are not.
    """
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        if not all(log_handler.writes for log_handler in _log_handlers()):
            raise RuntimeError("the thread that writes its lines has ended")


class _Formatter(logging.Formatter):
    """What both forms share."""

    def __init__(self, redaction: Redaction) -> None:
        super().__init__()
        self.redaction = redaction

    def _time(self, record: logging.LogRecord) -> str:
        return timestamp(datetime.fromtimestamp(record.created, UTC))

    def _account(self, record: logging.LogRecord) -> str | None:
        account: str | None = getattr(record, "account", None)
        return None if account is None else self._safe(account)

    def _name(self, record: logging.LogRecord) -> str | None:
        name = getattr(record, "account_name", None)
        if not name:
            return None
        name = self.redaction.redact_name(name)
        return name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}…"

    def _message(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        return self._safe(message.strip("\n"), getattr(record, "length", None))

    def _trace(self, record: logging.LogRecord) -> str:
        parts = []
        if trace := getattr(record, "trace", None):
            parts.append("".join(trace.format()).rstrip("\n"))
        if record.stack_info:
            parts.append(record.stack_info)
        return self._safe("\n".join(parts))

    def _safe(self, text: str, length: int | None = None) -> str:
        """Return a text without secrets, and no longer than is good to read.

        Args:
            text: What is to be said.
            length: How many characters it had before it was cut, if it was.
        """
        length = length or len(text)
        text = self.redaction.redact(cut(text))
        if length > LONGEST:
            return f"{text[:LONGEST]}… ({length} characters in all)"
        return text


class _Readable(_Formatter):
    """`time level logger  "name" account: message`, the time in UTC.

    The id is left out where the message has it as a word. A traceback follows, indented. A message
    has several lines only if whoever logs it says so, by `extra={"block": True}`.
    """

    def format(self, record: logging.LogRecord) -> str:
        message = self._about(record, self._message(record))
        lines = message.split("\n") if getattr(record, "block", False) else [message]
        lines += [f"  {line}" for line in self._trace(record).split("\n") if line]
        lines[0] = f"{self._time(record)} {record.levelname:7} {record.name}  {lines[0]}"
        return "\n".join(UNSAFE.sub(_visible, line) for line in lines)

    def _about(self, record: logging.LogRecord, message: str) -> str:
        """Say before a message which account it is about."""
        about, account, name = [], self._account(record), self._name(record)
        if name is not None:
            # In quotes, and with those in it escaped: a name cannot look like what follows it.
            about.append(json.dumps(name, ensure_ascii=False))
        if account is not None and not re.search(rf"(?<![\w/]){account}(?![\w/])", message):
            about.append(account)
        return f"{' '.join(about)}: {message}" if about else message


class _Json(_Formatter):
    """An object: time, level, logger, account, name, message, exception.

    The account and its name are there in lines about an account, the exception where there is one.
    """

    def format(self, record: logging.LogRecord) -> str:
        line = dict(self._members(record))
        return UNSAFE.sub(_as_json, json.dumps(line, ensure_ascii=False))

    def _members(self, record: logging.LogRecord) -> Iterator[tuple[str, str]]:
        yield "time", self._time(record)
        yield "level", record.levelname
        yield "logger", record.name
        if account := self._account(record):
            yield "account", account
        if name := self._name(record):
            yield "name", name
        yield "message", self._message(record)
        if trace := self._trace(record):
            yield "exception", trace


def _visible(character: re.Match[str]) -> str:
    return character[0].encode("unicode_escape").decode()


def _as_json(character: re.Match[str]) -> str:
    return f"\\u{ord(character[0]):04x}"


def _standard_output() -> int:
    # It is missing where a server is started without one; its number may be another file's then.
    if sys.stdout is None:
        return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    return sys.stdout.fileno()


def _log_handlers() -> list[LogHandler]:
    return [each for each in logging.getLogger().handlers if isinstance(each, LogHandler)]
