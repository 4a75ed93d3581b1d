"""Wrong keys: they are logged, and slow down. The right key is never slowed down.

So nobody can lock the owner out, also where a reverse proxy makes all clients look alike.
"""

import asyncio
import ipaddress
import logging
import math
import time
from collections import OrderedDict
from dataclasses import dataclass

from aiohttp import web

from api.logs.limited import LimitedLog
from api.problems import TooManyAttempts, Unauthorized

FREE = 10
"""So many wrong keys from one address are answered at once."""
SECONDS = 1.0
"""Time between two answers to the ones after them."""
LONGEST_SECONDS = 10.0
"""How long such an answer waits at most; what would wait longer is turned away."""
FORGET_SECONDS = 600.0
"""After this time without a wrong key, an address starts anew."""
ADDRESSES = 1_000
"""So many addresses are remembered, the latest ones."""

logger = logging.getLogger(__name__)


@dataclass
class _Address:
    wrong: int = 0
    last: float = 0.0
    """When the last wrong key came."""
    next: float = 0.0
    """When the next answer may be given."""


class Attempts:
    """How many wrong keys came from where, and how long their answers wait. Does not wait."""

    def __init__(self) -> None:
        """Begin without any."""
        self._addresses: OrderedDict[str, _Address] = OrderedDict()

    def wrong(self, address: str, now: float) -> float:
        """Note a wrong key.

        Args:
            address: Whom it came from.
            now: The time, in seconds by a clock that never steps.

        Returns:
            How many seconds its answer must wait. More than `LONGEST_SECONDS` is too long: the
            attempt is to be turned away, and has taken no turn.
        """
        seen = self._addresses.pop(address, None)
        if seen is None or now - seen.last > FORGET_SECONDS:
            seen = _Address()
        self._addresses[address] = seen
        if len(self._addresses) > ADDRESSES:
            self._addresses.popitem(last=False)
        seen.wrong += 1
        seen.last = now
        if seen.wrong <= FREE:
            return 0.0
        turn = max(now, seen.next) + SECONDS
        if turn - now <= LONGEST_SECONDS:
            seen.next = turn
        return turn - now


class Guard:
    """Answers wrong keys. Runs on the loop."""

    def __init__(self) -> None:
        """Begin without any."""
        self._attempts = Attempts()
        self._log = LimitedLog(logger, logging.WARNING, "Wrong API key")

    async def refuse(self, request: web.Request) -> Unauthorized | TooManyAttempts:
        """Log a wrong key, wait as long as its sender has to, and return what to tell it."""
        sender = _network(request.remote)
        self._log.tell(sender, f"{request.method} {request.path}{_named_by_proxy(request)}")
        wait = self._attempts.wrong(sender, time.monotonic())
        if wait > LONGEST_SECONDS:
            return TooManyAttempts(retry_after=math.ceil(wait))
        await asyncio.sleep(wait)
        return Unauthorized("This is not the server's API key.")


GUARD = web.AppKey("GUARD", Guard)


def _named_by_proxy(request: web.Request) -> str:
    """Return for whom a proxy says that it sent a request. Anybody can say so: it is only shown."""
    forwarded = request.headers.get("X-Forwarded-For", "")[:100]
    return f" (for {forwarded})" if forwarded else ""


def _network(address: str | None) -> str:
    """Return what one client can choose its addresses from: with IPv6, a /64."""
    try:
        found = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return str(address)
    if found.version == 4:
        return str(found)
    return str(ipaddress.ip_network((found, 64), strict=False))
