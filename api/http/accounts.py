"""Accounts over HTTP: create, list, show, rename, delete, and the four commands."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from actors.account.view import View
from actors.deletion import DEVICE_STAYS
from actors.errors import UnknownAccount
from api.app_keys import MANAGER
from api.http.schemas import (
    Account,
    Accounts,
    AccountsQuery,
    Deleted,
    DeleteQuery,
    NewAccount,
    NoQuery,
    Restart,
    respond,
)
from api.problems import MalformedRequest
from api.validation.bodies import receive
from api.validation.request import read_body, read_query
from store import accounts
from store.accounts import AccountRow

NO_DEVICE = "It had no linked device."
LOGGED_OUT = "No phone lists its device any more."


async def create(request: web.Request) -> web.Response:
    """`POST /accounts` `{name}`: create an account, which then waits for its first connect."""
    body = await read_body(request, NewAccount)
    row = await request.app[MANAGER].create(body.name)
    return respond(_account(request, row), 201, {"Location": f"/accounts/{row.id}"})


async def index(request: web.Request) -> web.Response:
    """`GET /accounts?after=&limit=`: the accounts in the order of their creation."""
    query = read_query(request, AccountsQuery)
    page = await accounts.list_page(query.after, query.limit)
    return respond(Accounts(items=[_account(request, row) for row in page.items], next=page.next))


async def show(request: web.Request) -> web.Response:
    """`GET /accounts/{id}`: one account."""
    read_query(request, NoQuery)
    return respond(await find(request))


async def rename(request: web.Request) -> web.Response:
    """`PATCH /accounts/{id}` `{name}`: give the account another name."""
    body = await read_body(request, NewAccount)
    row = await request.app[MANAGER].rename(request.match_info["id"], body.name)
    return respond(_account(request, row))


async def delete(request: web.Request) -> web.Response:
    """`DELETE /accounts/{id}?logout=`: answered when browser and profile are gone.

    The account is forgotten here, and the phone not touched. With `logout=true` the page logs out
    first; where it cannot, or WhatsApp was not told, the account stays and the answer says so.
    """
    query = read_query(request, DeleteQuery)
    if (await receive(request, request.client_max_size)).strip() not in (b"", b"{}"):
        raise MalformedRequest("A deletion has no body. To log out first, add ?logout=true.")
    account_id = request.match_info["id"]
    listed = await request.app[MANAGER].delete(account_id, logout=query.logout)
    become = DEVICE_STAYS if listed else LOGGED_OUT if query.logout else NO_DEVICE
    message = f"The account is forgotten here. {become}"
    return respond(Deleted(id=account_id, still_listed=listed, message=message))


async def connect(request: web.Request) -> web.Response:
    """`POST /accounts/{id}/connect`: answered at once; the browser starts in the background."""
    return await _command(request, request.app[MANAGER].connect)


async def disconnect(request: web.Request) -> web.Response:
    """`POST /accounts/{id}/disconnect`: go offline; the device stays linked."""
    return await _command(request, request.app[MANAGER].disconnect)


async def restart(request: web.Request) -> web.Response:
    """`POST /accounts/{id}/restart`: connect with a fresh browser."""
    return await _command(request, request.app[MANAGER].restart)


async def logout(request: web.Request) -> web.Response:
    """`POST /accounts/{id}/logout`: unlink this device from the phone."""
    return await _command(request, request.app[MANAGER].logout)


async def screenshot(request: web.Request) -> web.Response:
    """`GET /accounts/{id}/screenshot`: what the account's page shows, as PNG."""
    image = await request.app[MANAGER].screenshot(request.match_info["id"])
    return web.Response(body=image, content_type="image/png")


async def find(request: web.Request) -> Account:
    """Find the account that the request's path names, as it is now.

    Raises:
        UnknownAccount: If there is none.
    """
    row = await accounts.get(request.match_info["id"])
    if row is None:
        raise UnknownAccount
    return _account(request, row)


def present(row: AccountRow, view: View | None) -> Account:
    """Show an account: what is kept of it, and where it stands right now if that is known.

    The view is ahead of the row by the moment that writing takes, or by more while the database
    is away.
    """
    now = view or row
    return Account(
        id=row.id,
        name=row.name,
        phone=now.phone,
        desired=row.desired,
        status=now.status,
        cause=now.cause,
        detail=None if now.detail is None else dict(now.detail),
        since=now.since,
        restarts=row.restarts,
        last_restart=_last_restart(row),
        created_at=row.created_at,
    )


def _last_restart(row: AccountRow) -> Restart | None:
    if row.restart_cause is None or row.restarted_at is None:
        return None
    return Restart(cause=row.restart_cause, at=row.restarted_at)


def _account(request: web.Request, row: AccountRow) -> Account:
    return present(row, request.app[MANAGER].view(row.id))


async def _command(
    request: web.Request, command: Callable[[str], Awaitable[AccountRow]]
) -> web.Response:
    read_query(request, NoQuery)
    row = await command(request.match_info["id"])
    return respond(_account(request, row), 202)
