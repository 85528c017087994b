"""Which log records only repeat another? One that comes again and again is written once, then counted."""

import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from exporter.log.line import extras, message

WINDOW = 10.0
"""Seconds between two lines of the same. asyncio wrote 78 tracebacks in 0.1 s when file descriptors ran out."""
ASKED = {"exporter.app": 1.0}
"""By logger: a shorter window, for answers to what a person does and then waits to see, such as a reload."""
_KNOWN = 500
_CHANGING = re.compile(r"0x[0-9a-fA-F]+|\d+")

Key = tuple[object, ...]


@dataclass(slots=True)
class Seen:
    """A line that was written: until when its like are only counted, the newest of them, and how many."""

    until: float
    newest: logging.LogRecord | None = None
    count: int = 0


class Repeats:
    """What was written lately. The clock is an argument."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._seen: dict[Key, Seen] = {}

    def again(self, record: logging.LogRecord) -> bool:
        """Whether its like was written within the window; then it is counted."""
        key = identity(record)
        seen = self._seen.get(key)
        if seen is not None:
            seen.newest = _bare(record)
            seen.count += 1
            return True
        self._seen[key] = Seen(self._clock() + ASKED.get(record.name, WINDOW))
        return False

    def due(self, *, now: bool = False) -> Iterator[tuple[logging.LogRecord, int]]:
        """Newest record and count of each window that has ended, or of all; the oldest end when there are many."""
        at = self._clock()
        excess = len(self._seen) - _KNOWN
        for place, (key, seen) in enumerate(list(self._seen.items())):
            ended = seen.until <= at
            if now or ended or place < excess:
                del self._seen[key]
                if seen.newest is not None:
                    if ended:  # a new window, so that what goes on repeating has one line in each
                        self._seen[key] = Seen(at + ASKED.get(seen.newest.name, WINDOW))
                    yield seen.newest, seen.count

    def pending(self) -> bool:
        """Whether there are counts to tell."""
        return any(seen.count for seen in self._seen.values())


def _bare(record: logging.LogRecord) -> logging.LogRecord:
    """A copy that keeps no frame alive, and with it sockets and whole results."""
    said = {"msg": message(record), "args": None, "exc_info": None, "exc_text": None}
    return logging.makeLogRecord({**vars(record), **said})


def identity(record: logging.LogRecord) -> Key:
    """Equal for records that say the same: ours when all of it is equal, others' when no more than numbers differ."""
    kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else ""
    shown = message(record)
    if not record.name.startswith("exporter"):
        return record.name, record.levelno, kind, _CHANGING.sub("#", shown[:200].partition("\n")[0])
    more = {key: value for key, value in extras(record).items() if key not in ("request_id", "trace_id")}
    return record.name, record.levelno, kind, shown, str(more)
