"""A thread that does one thing after another, and is not waited for longer than was said."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from exporter.ingest.ports import Refusing

T = TypeVar("T")


class Claim:
    """Who decides about what is being done: the thread that ends it, or the caller who gives up."""

    __slots__ = ("_decided", "_lock")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._decided = False

    def take(self) -> bool:
        """Whether nobody has before."""
        with self._lock:
            taken, self._decided = not self._decided, True
            return taken


class Lane:
    """`sqlite3` blocks and a disk may hang: while it does, whatever comes is refused at once."""

    def __init__(self, thread: ThreadPoolExecutor) -> None:
        self._thread = thread
        self._left: Future[Any] | None = None
        """What was given up, and holds the thread."""

    @property
    def hangs(self) -> bool:
        return self._left is not None and not self._left.done()

    async def run(self, work: Callable[[Claim], T], seconds: float) -> T:
        """Raises Refusing when it takes too long; then `work` finds its claim taken."""
        if self.hangs:
            raise Refusing("slow", 2.0)
        claim = Claim()
        loop = asyncio.get_running_loop()
        try:
            doing = self._thread.submit(work, claim)
        except RuntimeError:  # the thread has been let go: the daemon ends
            raise Refusing("unavailable", 2.0) from None
        # `run_in_executor` and `wait` do the same by three more callbacks, 60 µs of every event that is kept.
        done: asyncio.Future[None] = loop.create_future()
        doing.add_done_callback(partial(_wake, loop, done))
        timer = loop.call_later(seconds, settle, done)
        try:
            await done
        except asyncio.CancelledError:
            claim.take()
            raise
        finally:
            timer.cancel()
        if doing.cancelled():
            raise Refusing("unavailable", 2.0)
        if doing.done():
            return doing.result()
        claim.take()
        self._left = doing
        raise Refusing("slow", 2.0)


def _wake(loop: asyncio.AbstractEventLoop, done: asyncio.Future[None], _: Future[Any]) -> None:
    """Called in the thread; when the loop has ended nobody waits."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(settle, done)


def settle(done: asyncio.Future[None]) -> None:
    """Wake who waits for it, if nobody has."""
    if not done.done():
        done.set_result(None)
