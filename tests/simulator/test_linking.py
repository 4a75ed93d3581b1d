"""Which code links which page."""

import pytest

from simulator import linking
from simulator.linking import (
    CodeNotShown,
    Linking,
    MalformedCode,
    PublicKeys,
    WrongKeys,
    WrongPhone,
)

KEYS = PublicKeys("noise", "identity", "adv")
ALICE = "491700000001"


def qr(ref: str) -> str:
    return f"{ref},noise,identity,adv"


def test_the_code_that_a_page_shows_leads_to_it() -> None:
    codes = Linking[str]()
    ref, _ = codes.offer("page", KEYS, 2)
    codes.show("page", ref)

    assert codes.scan(qr(ref)) == "page"


def test_a_code_may_carry_more_than_wa_js_puts_into_it() -> None:
    codes = Linking[str]()
    (ref,) = codes.offer("page", KEYS, 1)
    codes.show("page", ref)

    assert codes.scan(f"{qr(ref)},1") == "page"


def test_a_code_that_is_not_shown_yet_links_nothing() -> None:
    codes = Linking[str]()
    _, second = codes.offer("page", KEYS, 2)

    with pytest.raises(CodeNotShown):
        codes.scan(qr(second))


def test_a_code_links_for_a_moment_after_the_next_one_replaced_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    codes = Linking[str]()
    first, second = codes.offer("page", KEYS, 2)
    codes.show("page", first)
    codes.show("page", second)
    assert codes.scan(qr(first)) == "page"

    monkeypatch.setattr(linking, "FORMER_CODE_SECONDS", 0.0)
    codes.show("page", first)
    codes.show("page", second)
    with pytest.raises(CodeNotShown):
        codes.scan(qr(first))


def test_a_page_that_has_gone_cannot_be_linked() -> None:
    codes = Linking[str]()
    (ref,) = codes.offer("page", KEYS, 1)
    codes.show("page", ref)
    pairing = codes.make_pairing_code("page", ALICE, 60)
    codes.withdraw("page")

    with pytest.raises(CodeNotShown):
        codes.scan(qr(ref))
    with pytest.raises(CodeNotShown):
        codes.enter(ALICE, pairing)


def test_a_code_with_other_keys_is_refused() -> None:
    codes = Linking[str]()
    (ref,) = codes.offer("page", KEYS, 1)
    codes.show("page", ref)

    with pytest.raises(WrongKeys):
        codes.scan(f"{ref},noise,somebody-else,adv")


@pytest.mark.parametrize("text", ["", "hello", "a,b,c", "a,,c,d"])
def test_what_is_no_qr_code_is_refused(text: str) -> None:
    with pytest.raises(MalformedCode):
        Linking[str]().scan(text)


def test_a_pairing_code_may_be_typed_in_any_case_and_with_a_dash() -> None:
    codes = Linking[str]()
    code = codes.make_pairing_code("page", ALICE, 60)

    assert codes.enter(ALICE, f"{code[:4]}-{code[4:]}".lower()) == "page"


def test_a_pairing_code_is_for_one_number() -> None:
    codes = Linking[str]()
    code = codes.make_pairing_code("page", ALICE, 60)

    with pytest.raises(WrongPhone):
        codes.enter("491700000002", code)


def test_a_new_pairing_code_replaces_the_former() -> None:
    codes = Linking[str]()
    former = codes.make_pairing_code("page", ALICE, 60)
    codes.make_pairing_code("page", ALICE, 60)

    with pytest.raises(CodeNotShown):
        codes.enter(ALICE, former)


def test_a_pairing_code_expires() -> None:
    codes = Linking[str]()
    code = codes.make_pairing_code("page", ALICE, -1)

    with pytest.raises(CodeNotShown):
        codes.enter(ALICE, code)


def test_a_pairing_code_has_eight_characters() -> None:
    with pytest.raises(MalformedCode):
        Linking[str]().enter(ALICE, "ABC")
