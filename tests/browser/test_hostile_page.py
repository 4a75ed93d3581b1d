"""A page that lies, floods or leaves: what it says goes nowhere, and its account alone pays."""

import pytest

from actors.browser.facts.binding import origin_of
from actors.browser.facts.schema import TEXT
from actors.browser.reports import Failed, Failure, LoggedOut, MessageReceived, PairingCodeShown
from simulator.server import Simulator
from tests.browser.watched import PhoneOf, Start, WatchedRun

NUMBER, FRIEND = "491700000001", "491700000002"

FORGE = """(frame) => {
  document.body.append(frame);
  const seen = typeof frame.contentWindow.waManagerTell;
  frame.contentWindow.waManagerTell?.(JSON.stringify({ fact: "logout", reason: "forged" }));
  return seen;
}"""

FRAMES = {
    "blank": "document.createElement('iframe')",
    "with a document of its own": (
        "Object.assign(document.createElement('iframe'), { srcdoc: '<p>x</p>' })"
    ),
    "with an address": "Object.assign(document.createElement('iframe'), { src: '/' })",
    "in a sandbox": (
        "(() => { const frame = document.createElement('iframe');"
        " frame.sandbox = 'allow-scripts allow-same-origin'; return frame; })()"
    ),
    "of an object": (
        "Object.assign(document.createElement('object'),"
        " { data: 'about:blank', type: 'text/html' })"
    ),
}

MESSAGE = f"""(body) => ({{
  id: {{ fromMe: false, remote: "{FRIEND}@c.us", toString: () => `forged-${{Math.random()}}` }},
  from: "{FRIEND}@c.us", to: "{NUMBER}@c.us", type: "chat", t: Date.now() / 1000, body,
}})"""


async def connected(start: Start, phone: PhoneOf) -> WatchedRun:
    run = start()
    await run.ready_with(phone(NUMBER))
    return run


async def test_the_binding_cannot_be_had_back_through_a_frame(
    start: Start, phone: PhoneOf, simulator: Simulator
) -> None:
    run = await connected(start, phone)
    for what, frame in FRAMES.items():
        assert await run.evaluate(f"({FORGE})({frame})") == "undefined", what
    later = "new Promise((done) => setTimeout(() => done(typeof frames[0].waManagerTell), 200))"
    assert await run.evaluate(later) == "undefined"
    assert not [report for report in run.reports if isinstance(report, LoggedOut)]


async def test_what_a_frame_tells_is_not_heard_even_if_it_has_the_binding(
    start: Start, phone: PhoneOf
) -> None:
    run = await connected(start, phone)
    page = run.browser._page
    assert page is not None
    assert page._session is not None
    await run.evaluate("document.body.append(document.createElement('iframe')), 1")
    # As an error in what is injected, or in Chromium, would give it.
    await page._session.send("Runtime.removeBinding", {"name": "waManagerTell"})
    await page._session.send("Runtime.addBinding", {"name": "waManagerTell"})
    forged = '{ fact: "logout", reason: "forged" }'
    seen = await run.evaluate(
        f"frames[0].waManagerTell(JSON.stringify({forged})), typeof frames[0].waManagerTell"
    )
    assert seen == "function"
    await run.browser.ping()
    assert not [report for report in run.reports if isinstance(report, LoggedOut)]


async def test_a_page_cannot_put_other_words_into_the_mouth_of_ours(
    start: Start, phone: PhoneOf
) -> None:
    run = await connected(start, phone)
    forged = """JSON.stringify = () => '{"fact":"logout","reason":"forged"}', 1"""
    await run.evaluate(forged)
    await run.evaluate("WPP.emit('conn.link_code_change', 'ABCD-1234'), 1")
    await run.until(PairingCodeShown)
    assert not [report for report in run.reports if isinstance(report, LoggedOut)]


async def test_a_page_that_tells_nonsense_ends_as_broken_with_a_line_or_two_in_the_log(
    start: Start, phone: PhoneOf, caplog: pytest.LogCaptureFixture
) -> None:
    run = await connected(start, phone)
    await run.evaluate("for (let i = 0; i < 5000; i++) WPP.emit('conn.link_code_change', i), 1")
    failed = await run.until(Failed)
    assert failed.failure is Failure.PAGE_BROKEN
    assert failed.detail == ("The page is not to be believed: code of pairing_code is no text.")
    await run.task
    lines = [line for line in caplog.messages if "cannot be read" in line]
    assert lines == [
        "its page told 1 thing(s) that cannot be read: code of pairing_code is no text",
        "its page told 19 thing(s) that cannot be read: code of pairing_code is no text",
    ]


async def test_a_page_that_changes_without_end_ends_as_broken(start: Start, phone: PhoneOf) -> None:
    run = await connected(start, phone)
    flips = """
      let online = true;
      Object.defineProperty(WPP.whatsapp.NetworkStatus, "online", { get: () => online });
      for (let i = 0; i < 5000; i++) {
        online = !online;
        WPP.whatsapp.Socket.trigger("change:state");
      }"""
    await run.evaluate(f"{{ {flips} }}")
    failed = await run.until(Failed)
    assert failed.failure is Failure.PAGE_BROKEN
    assert "more than 600 changes in a minute" in failed.detail
    assert len(run.reports) < 700


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("'x'", "more than 20,000 messages"), ("'x'.repeat(65e3)", "more than 50,000,000 characters")],
)
async def test_a_page_that_tells_messages_without_end_ends_as_broken(
    start: Start, phone: PhoneOf, text: str, complaint: str
) -> None:
    run = await connected(start, phone)
    # In pieces, as the page is asked whether it answers meanwhile.
    flood = f"""
      const text = {text};
      const some = () => {{
        for (let i = 0; i < 200; i++) WPP.emit("chat.new_message", ({MESSAGE})(text));
        setTimeout(some);
      }};
      some();"""
    await run.evaluate(f"{{ {flood} }}")
    failed = await run.until(Failed)
    assert failed.failure is Failure.PAGE_BROKEN
    assert complaint in failed.detail


async def test_a_page_that_leaves_its_origin_ends_as_broken(
    start: Start, phone: PhoneOf, simulator: Simulator
) -> None:
    run = await connected(start, phone)
    elsewhere = simulator.url.replace("127.0.0.1", "localhost")
    assert elsewhere != simulator.url
    await run.evaluate(f"location.href = '{elsewhere}/', 1")
    failed = await run.until(Failed)
    assert failed.failure is Failure.PAGE_BROKEN
    assert failed.detail == f"The page left {simulator.url} for {elsewhere}."


async def test_a_message_of_any_length_is_kept_and_its_text_is_cut(
    start: Start, phone: PhoneOf
) -> None:
    run = await connected(start, phone)
    await run.evaluate(f"WPP.emit('chat.new_message', ({MESSAGE})('x'.repeat(150e6))), 1")
    message = await run.until(MessageReceived)
    assert (message.text, message.truncated) == ("x" * TEXT + "…", True)
    await run.browser.ping()


async def test_a_page_that_has_its_browser_tell_too_much_ends_as_broken(
    start: Start, phone: PhoneOf
) -> None:
    run = await connected(start, phone)
    await run.evaluate("setTimeout(() => console.log('x'.repeat(20e6))), 1")
    failed = await run.until(Failed)
    assert failed.failure is Failure.PAGE_BROKEN
    assert "more than 16,000,000 bytes" in failed.detail


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://web.whatsapp.com/", "https://web.whatsapp.com"),
        ("https://web.whatsapp.com:443/?x=1#y", "https://web.whatsapp.com"),
        ("HTTPS://user:word@Web.WhatsApp.com:8443/", "https://web.whatsapp.com:8443"),
        ("http://127.0.0.1:5050", "http://127.0.0.1:5050"),
        ("http://[::1]:5050/", "http://[::1]:5050"),
        ("https://bücher.example/", "https://xn--bcher-kva.example"),
    ],
)
def test_an_origin_is_written_as_chromium_does(url: str, origin: str) -> None:
    assert origin_of(url) == origin


@pytest.mark.parametrize("url", ["about:blank", "chrome-error://x/", "blob:https://a.b/", "data:,"])
def test_what_is_no_page_of_a_host_has_no_other_pages_origin(url: str) -> None:
    assert origin_of(url) not in ("https://a.b", "http://a.b")
