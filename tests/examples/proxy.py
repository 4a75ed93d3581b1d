"""A network that loses connections: what stands between a client and its server in tests."""

import asyncio
from typing import Self


class Proxy:
    """Passes connections on to a port of this machine, for as long as it is told to."""

    def __init__(self, port: int) -> None:
        self.port = port
        """Where new connections go."""
        self.cuts: list[int] = []
        """After how many bytes of answers each of the next connections is lost."""
        self.connections = 0
        self._frozen: set[asyncio.Task[None]] = set()
        self._pipes: dict[asyncio.Task[None], tuple[asyncio.StreamWriter, ...]] = {}
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def cut(self) -> None:
        """Lose all connections."""
        for writers in self._pipes.values():
            for writer in writers:
                writer.transport.abort()

    def freeze(self) -> None:
        """Pass nothing more on over the connections there are, and close none."""
        self._frozen.update(self._pipes)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        tasks = set(self._pipes)
        self.cut()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        budget = self.cuts.pop(0) if self.cuts else None
        try:
            answers, questions = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            writer.transport.abort()
            return
        up = asyncio.create_task(self._pass(reader, questions, None))
        down = asyncio.create_task(self._pass(answers, writer, budget))
        for task in (up, down):
            self._pipes[task] = (writer, questions)
            task.add_done_callback(self._pipes.pop)
        await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
        for end in (writer, questions):
            end.transport.abort()

    async def _pass(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, budget: int | None
    ) -> None:
        this = asyncio.current_task()
        try:
            while data := await source.read(65536):
                while this in self._frozen:
                    await asyncio.sleep(0.01)
                target.write(data[:budget])
                await target.drain()
                if budget is not None:
                    budget -= len(data)
                    if budget <= 0:
                        return
        except ConnectionError:
            return
