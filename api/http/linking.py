"""The QR code of an account in the form that the client wants: PNG, SVG, text or JSON."""

import io
import re
from collections.abc import Callable
from enum import StrEnum

import segno
from aiohttp import web

from actors.browser.reports import QrShown
from api.app_keys import MANAGER
from api.http.accounts import find
from api.http.schemas import Qr, QrQuery
from api.problems import InvalidQuery, NotAcceptable, StatusConflict
from api.validation.complaints import unknown
from api.validation.request import read_query
from api.validation.suggestions import nearest

QUIET_ZONE = 4
"""Empty modules around the code; scanners rely on them (ISO/IEC 18004)."""

PARAMETERS = tuple(QrQuery.model_fields)


class Form(StrEnum):
    """What a code can be shown as. The value is its media type."""

    JSON = "application/json"
    PNG = "image/png"
    SVG = "image/svg+xml"
    TEXT = "text/plain"


async def show(request: web.Request) -> web.Response:
    """`GET /accounts/{id}/qr`: the code on the account's page; 409 when none is shown."""
    named = _format(request)
    form = Form[named.upper()] if named else choose(request.headers.get("Accept", "*/*"))
    # From memory alone, so that a phone can scan it also while the database is away.
    view = request.app[MANAGER].view(request.match_info["id"])
    if view is None or view.qr is None:
        account = await find(request)
        await request.app[MANAGER].must_own(account.id)
        only_pairing = view is not None and view.pairing is not None
        why = "only its pairing code is still valid" if only_pairing else "its page has none"
        raise StatusConflict(
            f"The account is {account.status} and shows no QR code: {why}.",
            members={"accountStatus": account.status},
        )
    return web.Response(
        body=render(view.qr, form),
        content_type=form,
        charset="utf-8" if form is Form.TEXT else None,
        # A code is a secret and soon stale.
        headers={"Cache-Control": "no-store", "Vary": "Accept"},
    )


def _format(request: web.Request) -> str | None:
    """Read which form the query names. Pages add parameters of their own to get past caches."""
    query = read_query(request, QrQuery)
    meant = [name for name in request.query if nearest(name, PARAMETERS)]
    if query.format is None and meant:
        errors = [{"field": meant[0], "message": unknown(meant[0], PARAMETERS, "parameter")}]
        raise InvalidQuery(errors=errors)
    return query.format


def choose(accept: str) -> Form:
    """Choose the form that an `Accept` header likes best; JSON among equals.

    Raises:
        NotAcceptable: If it likes none.
    """
    best = max(Form, key=lambda form: _quality(form, accept))
    if _quality(best, accept) <= 0:
        raise NotAcceptable(f"The forms are {', '.join(Form)}.")
    return best


def render(code: QrShown, form: Form) -> bytes:
    """Write a code in a form."""
    return _RENDERERS[form](code)


def _json(code: QrShown) -> bytes:
    return Qr.shown(code).model_dump_json(by_alias=True).encode()


def _png(code: QrShown) -> bytes:
    out = io.BytesIO()
    segno.make_qr(code.code).save(out, kind="png", scale=6, border=QUIET_ZONE)
    return out.getvalue()


def _svg(code: QrShown) -> bytes:
    out = io.BytesIO()
    segno.make_qr(code.code).save(out, kind="svg", light="#fff", omitsize=True, border=QUIET_ZONE)
    return out.getvalue()


def _text(code: QrShown) -> bytes:
    """Draw with half blocks, light on dark as terminals are."""
    out = io.StringIO()
    segno.make_qr(code.code).terminal(out, compact=True, border=QUIET_ZONE)
    return out.getvalue().encode()


_RENDERERS: dict[Form, Callable[[QrShown], bytes]] = {
    Form.JSON: _json,
    Form.PNG: _png,
    Form.SVG: _svg,
    Form.TEXT: _text,
}


def _quality(form: Form, accept: str) -> float:
    """Weigh a form by the most specific range that covers it (RFC 9110, 12.5.1)."""
    ranges = {}
    for part in accept.lower().split(","):
        media, *parameters = [piece.strip() for piece in part.split(";")]
        weight = next((p[2:] for p in parameters if p.startswith("q=")), "1")
        ranges[media] = float(weight) if re.fullmatch(r"[01](\.[0-9]{0,3})?", weight) else 0.0
    family = form.split("/")[0]
    return next((ranges[r] for r in (form, f"{family}/*", "*/*") if r in ranges), 0.0)
