"""Messages and linking by code over HTTP: what is asked of a running account's page."""

from aiohttp import web

from api.app_keys import MANAGER
from api.http.schemas import PairingCode, PairingCodeRequest, Sent, TextMessage, respond
from api.validation.request import read_body


async def send(request: web.Request) -> web.Response:
    """`POST /accounts/{id}/messages` `{to, text}`: send a text, answered when WhatsApp took it."""
    body = await read_body(request, TextMessage)
    sent = await request.app[MANAGER].send_text(request.match_info["id"], body.to, body.text)
    return respond(Sent(id=sent.message_id, to=sent.to, ack=sent.ack), 201)


async def pairing_code(request: web.Request) -> web.Response:
    """`POST /accounts/{id}/pairing-code` `{phone}`: a code to type on the phone."""
    body = await read_body(request, PairingCodeRequest)
    shown = await request.app[MANAGER].pairing_code(request.match_info["id"], body.phone)
    return respond(PairingCode.shown(shown))
