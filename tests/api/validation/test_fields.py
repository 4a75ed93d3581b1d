"""Fields of requests: names and numbers as people paste them. Pure."""

import pytest
from pydantic import ValidationError

from api.http.schemas import NewAccount, PairingCodeRequest, TextMessage
from api.validation.complaints import complaint

NUMBERS = ["phone", "to"]


def read(field: str, value: str) -> str:
    match field:
        case "name":
            return NewAccount(name=value).name
        case "phone":
            return PairingCodeRequest(phone=value).phone
        case _:
            return TextMessage(to=value, text="Hello").to


def refusal(field: str, value: str) -> str:
    with pytest.raises(ValidationError) as refused:
        read(field, value)
    [error] = refused.value.errors()
    assert error["loc"] == (field,)
    return complaint(error)


@pytest.mark.parametrize(
    "name",
    [
        "\U0001fae9",  # Unicode 16; no Python before 3.14 knows it.
        "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",  # Scotland
        "\U0001f1e9\U0001f1ea Büro",
        "👨\u200d👩\u200d👧 مي\u200cخواهم",  # noqa: RUF001
        "\u200fשלום\u200e \u061c\u2067خدمة\u2069",  # noqa: RUF001
        "Donau\u00addampf\u00adschiff",
        "\u202aEmbedded\u202c",
        "\ue000 private, \U0010ffff none at all",
        "a\u00a0b\u2003c",
        "❤\ufe0f",
        "x" * 100,
    ],
)
def test_a_name_may_have_every_character_that_people_write(name: str) -> None:
    assert read("name", name) == name


def test_what_stands_around_a_name_is_no_part_of_it() -> None:
    assert read("name", " \tSupport\r\n") == "Support"


@pytest.mark.parametrize(
    "character",
    ["\0", "\n", "\t", "\x1b", "\x7f", "\x80", "\x9f", "\u202d", "\u202e"],
)
def test_a_name_has_no_control_characters_and_overrides_no_direction(character: str) -> None:
    message = refusal("name", f"a{character}b")
    assert f"U+{ord(character):04X}" in message


@pytest.mark.parametrize("half", [0xD800, 0xD83D, 0xDFFF])
def test_a_name_has_no_half_of_a_character(half: int) -> None:
    assert "halves of characters" in refusal("name", f"a{chr(half)}b")


@pytest.mark.parametrize("name", ["", "   ", "\u200b", "\u00ad\u2060 \u3000", "x" * 101])
def test_a_name_is_seen_and_has_100_characters_at_most(name: str) -> None:
    assert "1 to 100 characters" in refusal("name", name)


@pytest.mark.parametrize(
    "number",
    [
        "491701234567",
        "+49 170 1234567",
        "+49\u00a0170\u20091234567",
        "\u202a+49 170 1234567\u202c",
        "\u2066+49\u2069170\ufeff1234567\u200b",
        "+49-170-123-45-67",
        "+49\u2010170\u20111234567",
        "+49\u2013170\u20141234567",
        "+49\u2212170\u00ad1234567",
        "+49.170.1234567",
        "49\u00b7170\u30fb1234567",
        "(+49) 170/1234567",
        "\uff0b49\u3000\uff08170\uff09\uff0d1234567",
        "\t+49 170\r\n1234567 ",
    ],
)
@pytest.mark.parametrize("field", NUMBERS)
def test_a_number_loses_what_people_write_between_its_digits(field: str, number: str) -> None:
    assert read(field, number) == "491701234567"


@pytest.mark.parametrize(
    ("number", "why"),
    [
        ("0170 1234567", "not with 0,"),
        ("(0170) 1234567", "not with 0,"),
        ("+0170 1234567", "not with 0,"),
        ("0049 170 1234567", "not with 00,"),
        ("00 49 170 1234567", "not with 00,"),
        ("+49 (0) 170 1234567", "must not contain (0)"),
        ("+49\uff08\u200b0\u00a0\uff09170 1234567", "must not contain (0)"),
        ("٤٩١٧٠١٢٣٤٥٦٧", "the digits 0 to 9"),
        ("+\uff14\uff19\uff11\uff17\uff10 1234567", "the digits 0 to 9"),
        ("123456", "it has 6"),
        ("1234567890123456", "it has 16"),
        ("", "country code"),
        ("Support", "country code"),
        ("++491701234567", "country code"),
        ("49+1701234567", "country code"),
        ("491701234567 ext. 5", "country code"),
        ("4.9e11", "country code"),
    ],
)
@pytest.mark.parametrize("field", NUMBERS)
def test_what_is_no_number_that_can_be_dialled_from_abroad_is_refused(
    field: str, number: str, why: str
) -> None:
    assert why in refusal(field, number)


@pytest.mark.parametrize(
    ("given", "chat"),
    [
        ("491701234567@c.us", "491701234567@c.us"),
        (" 123456789012345@lid\n", "123456789012345@lid"),
    ],
)
def test_a_recipient_may_be_an_id(given: str, chat: str) -> None:
    assert read("to", given) == chat


@pytest.mark.parametrize(
    "given", ["@c.us", "0170@c.us", "491701234567@s.whatsapp.net", "status@broadcast", "a@b@c.us"]
)
def test_what_is_no_id_is_refused(given: str) -> None:
    assert "@c.us or @lid" in refusal("to", given)
