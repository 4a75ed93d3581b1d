"""Who a message is to and from, where WhatsApp knows people by other ids than their numbers."""

import pytest

from tests.harness import Phones, ServerProcess

NUMBER, OTHER = "491700000001", "491700000002"

pytestmark = pytest.mark.sqlite


@pytest.mark.parametrize(
    ("dialled", "canonical"),
    [
        ("5511987654321", "551187654321@c.us"),
        ("525512345678", "5215512345678@c.us"),
        ("541123456789", "5491123456789@c.us"),
    ],
)
async def test_a_text_goes_to_the_id_that_whatsapp_has_for_a_number(
    server: ServerProcess, phones: Phones, dialled: str, canonical: str
) -> None:
    account_id = await server.create()
    await phones.link(server, account_id, NUMBER)
    path, body = f"/accounts/{account_id}/messages", {"to": dialled, "text": "Hello"}
    sent = await server.call("POST", path, body, expect=201)
    assert sent["to"] == canonical
    assert canonical in sent["id"]
    inbox = await phones.call("GET", f"phones/{dialled}/inbox")
    assert [message["body"] for message in inbox["items"]] == ["Hello"]


async def test_a_sender_under_a_lid_has_the_number_that_the_page_knows_or_explicitly_none(
    server: ServerProcess, phones: Phones
) -> None:
    account_id = await server.create()
    await phones.link(server, account_id, NUMBER)
    messages = f"/accounts/{account_id}/messages"
    async with server.listen("?types=message") as listener:
        for lid in ("unknown", "known", None):
            text = {"from": OTHER, "body": str(lid), "lid": lid}
            await phones.call("POST", f"phones/{NUMBER}/messages", text)
        heard = [await listener.until(lambda event: event["type"] == "message") for _ in range(3)]
    told = {event["data"]["text"]: event["data"] for event in heard}
    lid = told["unknown"]["from"]
    assert lid.endswith("@lid")
    assert OTHER not in lid
    assert told["unknown"]["fromPhone"] is None
    assert (told["known"]["from"], told["known"]["fromPhone"]) == (lid, OTHER)
    assert (told["None"]["from"], told["None"]["fromPhone"]) == (f"{OTHER}@c.us", OTHER)

    sent = await server.call("POST", messages, {"to": lid, "text": "Who is it?"}, expect=201)
    assert sent["to"] == lid
    inbox = await phones.call("GET", f"phones/{OTHER}/inbox")
    assert [message["body"] for message in inbox["items"]] == ["Who is it?"]

    nobody = {"to": "299999999999999@lid", "text": "Hello"}
    refused = await server.call("POST", messages, nobody, expect=422)
    assert refused["errors"][0]["field"] == "to"
