"""An account's history over HTTP."""

from tests.api.told import Api


async def test_history_tells_what_happened_and_why(api: Api) -> None:
    account_id = await api.create()
    await api.link(account_id)
    await api.recorded()

    page = await (await api.get(f"/accounts/{account_id}/events")).json()

    causes = [event["data"]["cause"] for event in page["items"]]
    assert (causes[0], causes[-1]) == ("created", "ready")
    assert {"id", "seq", "type", "accountId", "at", "data"} == set(page["items"][0])
    assert page["next"] is None


async def test_history_is_of_one_account(api: Api) -> None:
    first, second = await api.create(), await api.create()
    await api.recorded()
    page = await (await api.get(f"/accounts/{second}/events")).json()
    assert {event["accountId"] for event in page["items"]} == {second} != {first}


async def test_history_comes_in_pages(api: Api) -> None:
    account_id = await api.create()
    await api.link(account_id)
    await api.recorded()
    path = f"/accounts/{account_id}/events"
    whole = (await (await api.get(path)).json())["items"]

    read, since = [], 0
    while since is not None:
        page = await (await api.get(path, params={"since": since, "limit": 2})).json()
        assert len(page["items"]) <= 2
        read += page["items"]
        since = page["next"]

    assert len(whole) > 2
    assert read == whole


async def test_history_holds_no_codes(api: Api) -> None:
    account_id = await api.create()
    await api.show_qr(account_id, "2@secret")
    await api.recorded()
    assert "2@secret" not in await (await api.get(f"/accounts/{account_id}/events")).text()


async def test_history_says_when_something_before_it_is_gone(api: Api) -> None:
    account_id = await api.create()
    await api.link(account_id)
    await api.recorded()
    oldest = await api.trim_log(keep=1)

    whole = await (await api.get(f"/accounts/{account_id}/events?since={oldest - 1}")).json()
    broken = await (await api.get(f"/accounts/{account_id}/events")).json()

    assert whole["items"] == broken["items"]
    assert (whole["gap"], broken["gap"]) == (False, True)
