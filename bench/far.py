"""A port behind which a service seems to be far away: a TCP proxy that holds everything up."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

PIECE = 1 << 16


@asynccontextmanager
async def far(port: int, milliseconds: float) -> AsyncIterator[int]:
    """Have a service on this machine be so far away that an answer takes this much longer.

    What was sent arrives in its order, and nothing waits for what was sent before: it is the
    distance that is imitated, not a slow line.

    Args:
        port: Where it is.
        milliseconds: For the way there and back together.

    Yields:
        The port behind which it is far away.
    """
    one_way = milliseconds / 2000
    journeys: set[asyncio.Task[None]] = set()
    writers: set[asyncio.StreamWriter] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", port)
        writers.update((writer, there_writer))
        for source, target in ((reader, there_writer), (there_reader, writer)):
            journey = asyncio.create_task(_carry(source, target, one_way))
            journeys.add(journey)
            journey.add_done_callback(journeys.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for journey in tuple(journeys):
            journey.cancel()
        for writer in writers:
            writer.close()
        ends = [writer.wait_closed() for writer in writers]
        await asyncio.gather(*journeys, *ends, return_exceptions=True)


async def _carry(
    source: asyncio.StreamReader, target: asyncio.StreamWriter, seconds: float
) -> None:
    """Carry what is read from one end to the other, each piece as long after it was sent."""
    loop = asyncio.get_running_loop()
    arrived = asyncio.Event()

    def arrive(piece: bytes) -> None:
        if piece:
            target.write(piece)
        else:
            target.close()
            arrived.set()

    with suppress(ConnectionError):
        while piece := await source.read(PIECE):
            loop.call_later(seconds, arrive, piece)
    loop.call_later(seconds, arrive, b"")
    await arrived.wait()
