"""A spool for tests, with what it told, and its files."""

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from exporter.config.onward import Waiting
from exporter.forward.spool import Spool

KILO = 1024


def looped(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """A test that runs in a loop of its own."""

    @functools.wraps(test)
    def run(*args: object, **kwargs: object) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


class Told:
    """What the spool counted; and the time, which stands still."""

    def __init__(self) -> None:
        self.lost: list[tuple[str, int]] = []
        self.corrupt = 0
        self.now = 1000.0

    def add(self, count: int) -> None:
        self.corrupt += count

    def of(self, reason: str) -> int:
        return sum(items for why, items in self.lost if why == reason)


@contextlib.asynccontextmanager
async def spool(folder: Path, told: Told | None = None, **limits: object) -> AsyncIterator[Spool]:
    told = told or Told()
    queue = Spool(
        folder, Waiting(**limits), lambda reason, items: told.lost.append((reason, items)), told.add, lambda: told.now
    )
    queue.open()
    try:
        yield queue
    finally:
        await queue.close(5)


async def drained(queue: Spool, most: int = 10**6) -> list[tuple[bytes, int]]:
    """All that waits in it, dealt with."""
    found = []
    while queue.items:
        records = await queue.some(most)
        found += [(record.body, record.items) for record in records]
        await queue.done(len(records))
    return found


def segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.spool"))
