"""Who follows the stream of events, and why the server ended what it would rather have kept up."""

from contextlib import AbstractContextManager
from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Gauge


class Transport(StrEnum):
    """How a stream travels."""

    WEBSOCKET = "websocket"
    SSE = "sse"
    """Server-sent events."""


class Drop(StrEnum):
    """Why the server ended a stream. That it goes away itself is no reason to be counted."""

    TOO_SLOW = "too_slow"
    """The client read too slowly."""
    STORE_AWAY = "store_away"
    """The database did not answer when the log was needed."""
    FAILED = "failed"
    """An error nobody foresaw; the server's log has it."""


class StreamInstruments:
    """Counts streams. Used on the loop."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._clients = Gauge(
            "wa_stream_clients",
            "Clients that follow the stream, by transport.",
            ["transport"],
            registry=registry,
        )
        self._drops = Counter(
            "wa_stream_drops",
            "Streams that the server ended for this reason.",
            ["reason"],
            registry=registry,
        )
        for transport in Transport:
            self._clients.labels(transport)
        for reason in Drop:
            self._drops.labels(reason)

    def client(self, transport: Transport) -> AbstractContextManager[None]:
        """Count a client for as long as the context lasts."""
        return self._clients.labels(transport).track_inprogress()

    def dropped(self, reason: Drop) -> None:
        """Count a stream that the server ends."""
        self._drops.labels(reason).inc()
