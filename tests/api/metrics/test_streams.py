"""Who follows the stream, and whom the server had to drop."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest
from prometheus_client import generate_latest

from api.metrics.metrics import METRICS
from api.metrics.streams import Drop
from api.settings import Settings
from store.errors import DatabaseAway
from store.events.event_log import Event
from tests.api.metrics.scrape import Scrape, scrape
from tests.api.told import Api
from tests.told import until

CLIENTS = "wa_stream_clients"
DROPS = "wa_stream_drops_total"


async def follow_to_the_end(api: Api) -> None:
    """Follow the stream in both ways until the server ends it."""
    async with api.ws_connect("/ws") as socket:
        while not (await socket.receive(timeout=10)).type.name.startswith("CLOS"):
            pass
    async with api.get("/events") as answer:
        await answer.read()


async def test_clients_are_counted_by_transport_while_they_are_there(api: Api) -> None:
    async with api.ws_connect("/ws"), api.ws_connect("/ws"), api.get("/events"):
        await until(lambda: api.streams == 3)
        shown = await scrape(api)
        assert shown.value(CLIENTS, transport="websocket") == 2
        assert shown.value(CLIENTS, transport="sse") == 1
    # Only a ping that fails shows that a client of server-sent events is gone.
    while (await scrape(api)).value(CLIENTS, transport="websocket"):
        pass
    assert (await scrape(api)).values(DROPS) == [0] * len(Drop)


async def test_clients_that_read_too_slowly_are_counted_as_dropped(
    start_api: Callable[[Settings], Awaitable[Api]], settings: Settings
) -> None:
    api = await start_api(settings.model_copy(update={"websocket_queue": 10}))
    async with api.ws_connect("/ws"), api.get("/events"):
        # More than fits into the queue, in one turn of the loop: no reader could keep up.
        for number in range(100):
            api.publish(Event("qr", "a", datetime.now(UTC), {"qr": str(number)}))
        await until(lambda: api.streams == 0)
        assert (await scrape(api)).value(DROPS, reason="too_slow") == 2


@pytest.mark.parametrize(
    ("error", "reason"), [(DatabaseAway(), "store_away"), (RuntimeError(), "failed")]
)
async def test_clients_that_an_error_drops_are_counted_by_its_kind(
    api: Api, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    async def newest_id() -> int:
        raise error

    monkeypatch.setattr("api.streams.frames.event_log.newest_id", newest_id)
    await follow_to_the_end(api)
    assert (await scrape(api)).value(DROPS, reason=reason) == 2


async def test_a_server_that_stops_drops_nobody(api: Api) -> None:
    metrics = api.part(METRICS)
    async with api.ws_connect("/ws"), api.get("/events"):
        await until(lambda: api.streams == 2)
        await api.server.close()
    shown = Scrape(generate_latest(metrics.registry).decode())
    assert shown.values(DROPS) == [0] * len(Drop)
