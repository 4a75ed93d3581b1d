"""What is kept of what a browser says at its end."""

import pytest

from actors.browser.process.stderr import KEPT_BYTES, StderrTail

WARNING = "[1122/223857.809110:WARNING:base/files/file.cc:1655] no devices\n"
ERROR = "[4711:4712:1122/223859.000001:ERROR:process_singleton.cc:12] The profile is in use\n"
DBUS = '[4711:1122/223859.000001:ERROR:dbus/bus.cc:405] Failed to connect to the bus: "unix"\n'
GPU = "[1122/223857.809110:WARNING:media/gpu/vaapi/vaapi_wrapper.cc:1655] no devices\n"
BLUETOOTH = "[1122/223859.0:WARNING:device/bluetooth/dbus/bluez.cc:209] Floss is not available\n"
CONSOLE = '[1122/223857.920480:INFO:CONSOLE:1] "meet me\nat [5] noon\n", source: https://x (1)\n'


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_what_the_page_said_is_left_out_however_it_is_read(size: int) -> None:
    words, said = StderrTail(), (WARNING + CONSOLE + ERROR + CONSOLE).encode()
    for start in range(0, len(said), size):
        words.hear(said[start : start + size])
    assert words.text() == (WARNING + ERROR).strip()


def test_complaints_about_what_no_server_has_are_left_out() -> None:
    words = StderrTail()
    words.hear((DBUS + ERROR + BLUETOOTH + GPU).encode())
    assert words.text() == ERROR.strip()


def test_a_line_of_the_page_without_end_is_left_out_too() -> None:
    words = StderrTail()
    words.hear(CONSOLE.strip().encode())
    for _ in range(10):
        words.hear(b"secret" * 1000)
    assert words.text() == ""


def test_what_has_no_head_is_kept() -> None:
    words = StderrTail()
    words.hear(b"error while loading shared libraries: libnss3.so")
    assert words.text() == "error while loading shared libraries: libnss3.so"


def test_only_the_end_is_kept() -> None:
    words = StderrTail()
    for _ in range(10):
        words.hear(b"x" * KEPT_BYTES)
    words.hear(b"the reason")
    assert words.text().endswith("xthe reason")
    assert len(words.text()) == KEPT_BYTES


def test_bytes_that_are_no_text_harm_nobody() -> None:
    words = StderrTail()
    words.hear(b"\xff\xfe")
    assert words.text() == "\ufffd\ufffd"
