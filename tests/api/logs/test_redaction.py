"""What is taken out of log lines, and what is left alone."""

import base64
import re
import secrets
import time
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from api.auth import ApiKey
from api.logs.redaction import HIDDEN, Redaction

COUNTRIES = (
    "20",
    "27",
    "30",
    "351",
    "353",
    "372",
    "420",
    "44",
    "49",
    "55",
    "852",
    "86",
    "91",
    "971",
)


def national(size: int) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=size, max_size=size)


# In full, 10 to 15 digits; those of country code 1 have 11.
phones = st.one_of(
    st.tuples(st.sampled_from(COUNTRIES), st.integers(8, 12).flatmap(national)).map("".join),
    national(10).map("1".__add__),
)
surroundings = st.text(
    st.characters(blacklist_categories=["Nd", "Nl", "No", "L", "Cs"], blacklist_characters="%."),
    max_size=20,
)


def grouped(phone: str) -> str:
    return f"+{phone[:2]} ({phone[2:4]}) {phone[4:7]}-{phone[7:]}"


WRITINGS = (
    "{}",
    "{}@c.us",
    "{}:12@s.whatsapp.net",
    "{}.0:12@s.whatsapp.net",
    "{}@lid",
    "true_{}@c.us_3EB0C431C26A1916E07A",
    "{}-1590000000@g.us",
    "false_120363041234567890@g.us_3EB0C431_{}@c.us",
    "+{}",
    "tel:{}",
    "phone={}",
    "to{}",
    "%2B{}",
    "chat%3A{}%40c.us",
    '{{"user": "{}"}}',
    "{{'user': {}}}",
    "PageError: no such number {}.",
    "x\\n{}\\n",
    "{0} {0} {0}",
    "{0},{0}",
)


def shown(text: str, phone: str) -> list[str]:
    """Return the parts of a phone's number, longer than its last four digits, that a text shows."""
    return [part for size in range(5, len(phone) + 1) if (part := phone[-size:]) in text]


@pytest.mark.parametrize("writing", WRITINGS)
@given(phone=phones, before=surroundings, after=surroundings)
def test_a_phone_number_never_survives(writing: str, phone: str, before: str, after: str) -> None:
    text = Redaction().redact(before + writing.format(phone) + after)
    assert shown(text, phone) == []
    assert phone[:6] not in text


@given(phone=phones, before=surroundings, after=surroundings)
def test_a_phone_number_as_people_write_it_never_survives(
    phone: str, before: str, after: str
) -> None:
    text = Redaction().redact(before + grouped(phone) + after)
    digits = re.sub(r"\D", "", text)
    assert shown(digits, phone) == []


def test_the_last_four_digits_stay() -> None:
    redaction = Redaction()
    assert redaction.redact("from 491700000001@c.us") == "from …0001@c.us"
    assert redaction.redact("+49 (0)170 / 000-0001, no") == "…0001, no"
    assert redaction.redact("491700000001:12@s.whatsapp.net") == "…0001:12@s.whatsapp.net"
    assert redaction.redact("true_491700000001@c.us_3EB0") == "true_…0001@c.us_3EB0"
    assert redaction.redact("00491700000001, 01700000001") == "…0001, …0001"


@given(number=st.integers(0, 999_999_999), before=surroundings)
def test_event_ids_pids_ports_and_sizes_survive(number: int, before: str) -> None:
    text = f"{before.replace('+', '')} {number} "
    assert str(number) in Redaction().redact(text)


@given(account=st.text("0123456789abcdef", min_size=16, max_size=16))
@example(account="4917000000010000")
@example(account="a491700000000001")
@example(account="491700000000001f")
def test_account_ids_survive(account: str) -> None:
    text = f"/data/profiles/{account}: {account}, {account}"
    assert Redaction().redact(text) == text


@given(moment=st.integers(1_000_000_000, 1_999_999_999), fraction=st.integers(0, 999))
def test_times_survive(moment: int, fraction: int) -> None:
    iso = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment))
    text = f"{moment} {moment}{fraction:03} {moment}.{fraction:03} {iso}.{fraction:03}Z {iso}+02:00"
    assert Redaction().redact(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "WhatsApp Web 2.3000.1017354219 lacks what wa-js looks for",
        "🚀 WhatsApp API Server running on http://localhost:5001",
        "📊 Resource Monitor:\n  - Active Clients: 3\n  - Memory Used: 450MB / 512MB",
        "cannot reach 192.168.100.200:65535",
        "[Errno 111] Connect call failed ('127.0.0.1', 5432)",
        "exited with code 21, code=1013, exit code: 0x000000ff",
        "205 MB, 0.30000000000000004 of a core, 0.9123456789 s",
        "550e8400-e29b-41d4-a716-44665544000a",
        "3EB0C431C26A1916E07A 3EB04317000000010012",
        "0003_last_restart",
        "wa-js is not the pinned one: "
        "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
        "The API key is in /data/api-key",
    ],
)
def test_what_is_no_secret_survives(text: str) -> None:
    assert Redaction().redact(text) == text


def key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def test_no_part_of_a_qr_code_survives() -> None:
    reference = f"2@{secrets.token_urlsafe(40)}"
    keys = [key() for _ in range(3)]
    code = ",".join((reference, *keys))
    for text in (
        code,
        f"https://wa.me/settings/linked_devices#{code}",
        quote(code, safe=""),
        f"QrShown(code={code!r}, number=1)",
        keys[0],
        f"adv={keys[2]}",
    ):
        found = Redaction().redact(text)
        assert reference[2:12] not in found
        assert not [each for each in keys if each[:12] in found or quote(each)[:12] in found]


@pytest.mark.parametrize("code", ["ABCD1234", "ABCD-1234", "12345678"])
@pytest.mark.parametrize(
    "text", ["code={}", "code='{}'", '{{"code": "{}"}}', "pairing code: {}", "Code: {}."]
)
def test_a_pairing_code_that_is_called_one_does_not_survive(text: str, code: str) -> None:
    assert code not in Redaction().redact(text.format(code))


@pytest.mark.parametrize("text", ["the code {} has expired", "its pairing code is {}"])
def test_a_pairing_code_as_people_write_it_does_not_survive_a_sentence(text: str) -> None:
    assert Redaction().redact(text.format("ABCD-1234")) == text.format("[hidden]")


@pytest.mark.parametrize(
    "text",
    [
        "postgres://wa:hunter22@db:5432/wa",
        "rediss://:hunter22@cache/0",
        "redis://:hun@hunter22@cache/0",
        "Authorization: Bearer hunter22",
        "'X-Api-Key': 'hunter22'",
        "x-api-key=hunter22",
        "GET /?key=hunter22 HTTP/1.1",
        "Cookie: wa_login=hunter22",
        "{'password': 'hunter22', 'user': 'wa'}",
        "password=hunter22",
        "bearer hunter22",
    ],
)
def test_what_is_called_a_secret_does_not_survive(text: str) -> None:
    assert "hunter22" not in Redaction().redact(text)


def test_the_dashboards_cookie_does_not_survive() -> None:
    cookie = ApiKey("some-key").cookie(1_800_000_000)
    assert Redaction().redact(f"sent {cookie}, twice") == f"sent {HIDDEN}, twice"


def test_what_a_database_repeats_of_a_row_does_not_survive() -> None:
    redaction = Redaction()
    refused = "duplicate key\nDETAIL:  Key (text)=(meet me at noon) already exists.\nHINT:  none"
    assert redaction.redact(refused) == f"duplicate key\nDETAIL: {HIDDEN}\nHINT:  none"
    query = "invalid input for query argument $5: 'meet me at noon' (expected str, got int)"
    assert "noon" not in redaction.redact(query)


@given(secret=st.text(st.characters(blacklist_categories=["Cs"]), min_size=4, max_size=40))
@example(secret="p@ss/w:rd '\"\\ %")
def test_a_known_secret_never_survives(secret: str) -> None:
    redaction = Redaction([secret])
    for form in (secret, quote(secret, safe=""), repr(secret)[1:-1]):
        assert redaction.redact(f"<{form}>") == f"<{HIDDEN}>"


def test_a_known_secret_is_hidden_as_a_word_of_its_own() -> None:
    redaction = Redaction(["postgres"])
    assert redaction.redact("postgres, postgresql") == f"{HIDDEN}, postgresql"


def test_a_secret_within_a_longer_one_hides_no_part_of_it_only() -> None:
    assert Redaction(["horse", "horse-battery"]).redact("horse-battery") == HIDDEN


@pytest.mark.parametrize(
    "text",
    [
        "1" * 300_000,
        "+1" * 150_000,
        "2@" * 150_000,
        "a " * 150_000,
        "password" + " " * 300_000,
        "://" * 100_000,
    ],
)
def test_a_huge_text_takes_little_time(text: str) -> None:
    started = time.monotonic()
    Redaction(["some secret"]).redact(text)
    assert time.monotonic() - started < 5
