"""A thread that does one thing after another, and is not waited for longer than was said."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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
        self._left: asyncio.Future[Any] | None = None
        """What was given up, and holds the thread."""

    @property
    def hangs(self) -> bool:
        return self._left is not None and not self._left.done()

    async def run(self, work: Callable[[Claim], T], seconds: float) -> T:
        """Raises Refusing when it takes too long; then `work` finds its claim taken."""
        if self.hangs:
            raise Refusing("slow", 2.0)
        claim = Claim()
        try:
            doing = asyncio.get_running_loop().run_in_executor(self._thread, work, claim)
        except RuntimeError:  # the thread has been let go: the daemon ends
            raise Refusing("unavailable", 2.0) from None
        done, _ = await asyncio.wait({doing}, timeout=seconds)
        if done:
            return doing.result()
        claim.take()
        self._left = doing
        doing.add_done_callback(_forget)
        raise Refusing("slow", 2.0)


def _forget(doing: asyncio.Future[Any]) -> None:
    """Its error is nobody's any more."""
    if not doing.cancelled():
        doing.exception()
