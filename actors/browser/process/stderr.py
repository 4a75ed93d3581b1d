"""What a browser wrote to its standard error last, without what says nothing about its end."""

import re

KEPT_BYTES = 4096
HEAD = re.compile(
    rb"\[(?:\d+:)*\d{4}/\d{6}\.\d+:[A-Z]+:(CONSOLE|dbus/|device/bluetooth/|media/gpu/)?"
)
"""How an entry begins: time, level, and where it comes from. Its further lines have no head."""


class StderrTail:
    """Evidence of why a browser ended.

    The headless shell copies the page's console there, at every level and whatever its flags say.
    WhatsApp Web tells its console about chats and messages, which are not to be kept. Nor are
    complaints about what only a desktop has, such as D-Bus: they look like a reason.
    """

    def __init__(self) -> None:
        self._kept = bytearray()
        self._rest = b""
        self._left_out = False

    def hear(self, data: bytes) -> None:
        """Take what was read, wherever it begins and ends."""
        *lines, rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._take(line + b"\n")
        if len(rest) > KEPT_BYTES:
            self._take(rest)
            rest = b""
        self._rest = rest

    def text(self) -> str:
        """Return the end of it."""
        rest, self._rest = self._rest, b""
        self._take(rest)
        return self._kept.decode(errors="replace").strip()

    def _take(self, piece: bytes) -> None:
        if head := HEAD.match(piece):
            self._left_out = head[1] is not None
        if not self._left_out:
            self._kept += piece
            del self._kept[:-KEPT_BYTES]
