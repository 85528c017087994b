"""Follows log files in a thread, as the daemon does but faster, and tells what was counted."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from exporter.probe import Result
from exporter.probes import _log_book, _log_match, _log_tail, logs
from exporter.run import run_once
from tests.probing import Memory, component, out
from tests.servers.process import wait_until

FASTER = 20
"""How many times faster than in the daemon all waiting is."""


class Following:
    def __init__(self, memory: Memory, **fields: Any) -> None:
        self.memory = memory
        self.component = component("logs", **fields)
        self.loop = asyncio.new_event_loop()
        self.task: asyncio.Task[None] | None = None

    def counted(self, name: str = "lines_total") -> dict[tuple[str, ...], float]:
        """By labels after `component`; what is 0 is left out."""
        counts = dict(self.memory.counts)
        return {labels: n for (metric, labels), n in counts.items() if metric == f"stack_logs_{name}" and n}

    def total(self, name: str = "lines_total") -> float:
        return sum(self.counted(name).values())

    def wait(self, lines: int) -> None:
        """Until so many are counted, and then until no more can come."""
        wait_until(lambda: self.total() >= lines, 5, f"{lines} lines are counted; {self.total()} are")
        self.settle()
        assert self.total() == lines

    def settle(self) -> None:
        """For as long as it may take until what happened is seen, and understood."""
        threading.Event().wait(0.15)

    def looked(self) -> bool:
        tails = dict(self.component.probe._tails)
        return len(tails) == len(self.component.probe.files) and all(tail._due for tail in tails.values())

    def run(self) -> Result:
        future = asyncio.run_coroutine_threadsafe(run_once(self.component, self.memory, self.memory), self.loop)
        return future.result(5)

    def _main(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self.loop)
        self.task = self.loop.create_task(self.component.probe.watch(out(self.memory)))
        self.loop.call_soon(started.set)
        self.loop.run_until_complete(asyncio.gather(self.task, return_exceptions=True))


def lines(first: int, last: int) -> bytes:
    return b"".join(b"2026-11-22 10:00:%02d INFO line number %d\n" % (n % 60, n) for n in range(first, last))


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


@contextmanager
def following(
    path: Any = None, *, memory: Memory | None = None, files: Any = None, **fields: Any
) -> Iterator[Following]:
    """Files by name, or those of one path, with its other `fields`; the same `memory` twice is a restart."""
    it = Following(memory or Memory(), files=files or {"app": {"path": str(path), **fields}})
    faster = (
        mock.patch.object(_log_tail, "POLL", _log_tail.POLL / FASTER), mock.patch.object(logs, "POLL", logs.POLL / FASTER),
        mock.patch.object(_log_match, "SETTLED", _log_match.SETTLED / FASTER),
        mock.patch.object(_log_book, "DELETED", _log_book.DELETED / FASTER),
        mock.patch.object(_log_book, "LINGER", _log_book.LINGER / FASTER / 3),
    )  # fmt: skip
    for patch in faster:
        patch.start()
    started = threading.Event()
    thread = threading.Thread(target=it._main, args=(started,))
    thread.start()
    try:
        assert started.wait(5)
        wait_until(it.looked, 5, "all files were looked at")
        yield it
    finally:
        it.loop.call_soon_threadsafe(it.task.cancel)
        thread.join()
        it.loop.close()
        for patch in faster:
            patch.stop()
    assert it.task.cancelled(), it.task.exception()
