"""Hundreds of HTTP targets on one port that never answer, told apart by their paths; counts the connections to each."""

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Mutes:
    port: int = 0
    open: Counter[str] = field(default_factory=Counter)
    """Connections by path, now."""
    most: Counter[str] = field(default_factory=Counter)
    """The most there were at once."""
    most_of_all: int = 0

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}/{path}"

    async def hold(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
            self.open[path] += 1
            self.most[path] = max(self.most[path], self.open[path])
            self.most_of_all = max(self.most_of_all, self.open.total())
            try:
                await reader.read()
            finally:
                self.open[path] -= 1
        writer.close()


@contextmanager
def mutes() -> Iterator[Mutes]:
    made, loop, ready = Mutes(), asyncio.new_event_loop(), threading.Event()
    ended: asyncio.Future[None] = loop.create_future()

    async def serve() -> None:
        server = await asyncio.start_server(made.hold, "127.0.0.1", 0, backlog=1024)
        made.port = server.sockets[0].getsockname()[1]
        ready.set()
        await ended
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0.05)

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    ready.wait(5)
    try:
        yield made
    finally:
        loop.call_soon_threadsafe(ended.set_result, None)
        thread.join()
        loop.close()
