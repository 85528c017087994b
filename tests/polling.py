"""Asks a server again and again beside a test: every answer must be there, whatever is done to the server."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException

from tests.servers import Server


@dataclass
class Polled:
    """What came: status (or what was raised) and seconds of each request."""

    answers: list[tuple[int | str, float]] = field(default_factory=list)

    @property
    def bad(self) -> list[int | str]:
        return [status for status, _ in self.answers if status != 200]

    @property
    def slowest(self) -> float:
        return max(seconds for _, seconds in self.answers)


@contextmanager
def polling(server: Server, *paths: str, every: float = 0.05) -> Iterator[Polled]:
    """Ask for each of the paths in turn, on a connection of its own, until the block ends."""
    polled, ended = Polled(), threading.Event()

    def poll() -> None:
        while True:
            for path in paths:
                began = time.monotonic()
                try:
                    status: int | str = server.get(path, timeout=10).status
                except (OSError, HTTPException) as error:
                    status = repr(error)
                polled.answers.append((status, time.monotonic() - began))
                if ended.wait(every):
                    return

    thread = threading.Thread(target=poll)
    thread.start()
    try:
        yield polled
    finally:
        ended.set()
        thread.join()


def descriptors(server: Server) -> int:
    """How many files and sockets it has open."""
    return len(os.listdir(f"/proc/{server.pid}/fd"))
