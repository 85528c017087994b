"""A thread for blocking calls, at most one per component: a call that never returns stays alone with it.

Not asyncio.to_thread: its threads are joined at exit, and a hung mount would take one more with every run.
"""

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar, TypeVarTuple

from exporter.probe import Down

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

IDLE = 60.0
"""Seconds that a thread waits for more: starting one costs 135 µs of CPU, handing a call to a waiting one 26 µs."""
PATIENCE = 1.0
"""Seconds after which a call that nobody waits for any more counts as stuck."""
HUNG = "A call to the operating system does not come back: a hung mount or device. No further thread is spent on it."


class Lane:
    """The calls of one component, one after the other in one daemon thread. `call` is for the loop's side."""

    def __init__(self, idle: float = IDLE) -> None:
        self._idle = idle
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threaded = False
        self._running: _Job | None = None
        self._beat = 0.0

    async def call(self, deadline: float, what: str, function: Callable[[*Ts], T], *args: *Ts) -> T:
        """What `function` returns or raises; Down("hung") when it has not by shortly before `deadline`.

        `deadline` is on time.monotonic's clock, 0 for none; `what` says for people what the call does.
        """
        now = time.monotonic()
        running = self._running
        if running is not None and running.left and now - self._beat > PATIENCE:
            raise _hung(running.what, now - self._beat)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        job = _Job(what, lambda: function(*args), future)
        self._put(job)
        timer = loop.call_later(_leeway(deadline - now), self._expire, future, what, now) if deadline else None
        try:
            return await future
        finally:
            job.left = True
            if timer is not None:
                timer.cancel()

    def later(self, what: str, function: Callable[[], object]) -> None:
        """Have `function` called after all that waits; nobody hears what becomes of it."""
        self._put(_Job(what, function, None))

    def serve(self) -> None:
        """Run the calls that wait. A long call does this now and then, in its thread, so that it holds up no other."""
        self._beat = time.monotonic()
        with contextlib.suppress(queue.Empty):
            while True:
                self._execute(self._jobs.get_nowait())

    def _put(self, job: "_Job") -> None:
        with self._lock:
            self._jobs.put(job)
            start = not self._threaded
            self._threaded = True
        if start:
            threading.Thread(target=self._work, name=f"lane: {job.what}", daemon=True).start()

    def _expire(self, future: asyncio.Future[Any], what: str, since: float) -> None:
        if not future.done():
            running = self._running  # it may be another call that this one waits behind
            future.set_exception(_hung(running.what if running else what, time.monotonic() - since))

    def _work(self) -> None:
        while True:
            try:
                job = self._jobs.get(timeout=self._idle)
            except queue.Empty:
                with self._lock:
                    if self._jobs.empty():
                        self._threaded = False
                        return
                continue
            self._execute(job)

    def _execute(self, job: "_Job") -> None:
        if job.left:
            return
        before, self._running, self._beat = self._running, job, time.monotonic()
        result, error = None, None
        try:
            result = job.function()
        except BaseException as raised:  # noqa: BLE001 - it belongs to the one who waits, whatever it is
            error = raised
        self._running, self._beat = before, time.monotonic()
        if job.future is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
                job.future.get_loop().call_soon_threadsafe(_settle, job.future, result, error)


class _Job:
    __slots__ = ("function", "future", "left", "what")

    def __init__(self, what: str, function: Callable[[], Any], future: asyncio.Future[Any] | None) -> None:
        self.what = what
        self.function = function
        self.future = future
        self.left = False


def _settle(future: asyncio.Future[Any], result: object, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)


def _leeway(seconds: float) -> float:
    """Somewhat less than what remains, so that the answer is `hung` and not run_once's `timeout`."""
    return max(seconds * 0.9, seconds - 0.1)


def _hung(what: str, seconds: float) -> Down:
    return Down("hung", f"{what} has not come back for {seconds:.1f} s"[:200])
