"""Follows the files of one pattern through whatever is done to them, and hands each line on once."""

import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from exporter.probes._log_book import Book
from exporter.probes._log_count import Counts
from exporter.probes._log_source import Damaged, Fifo, Rewritten
from exporter.probes._log_track import Track

POLL = 0.25
"""Seconds between two looks at the directories; more where a look takes long: a 20th of a core is theirs at most."""


class Tail:
    """All its methods are called in one thread. `kept` is what `state` gave before a restart; None: there was none."""

    def __init__(
        self, pattern: str, rotated: str, counts: Counts, kept: Mapping[str, Any] | None, *, from_start: bool = False
    ) -> None:
        self.pattern = pattern
        self.counts = counts
        self.last = float((kept or {}).get("last", 0.0))
        """When the newest line came, in Unix time; 0 when none has."""
        self.book = Book(pattern, rotated, kept, self._end, from_start=from_start)
        self._due = 0.0

    def turn(self, on_time: Callable[[], bool]) -> bool:
        """Look, when it is time to, and read for as long as there is time; True when there is more to read."""
        now = time.monotonic()
        if now >= self._due:
            for track in self.book.look(now):
                self._heard(track)
            self._due = now + max(POLL, 20 * (time.monotonic() - now))
        left = [track for track in self.book.tracks.values() if track.source is not None]
        while left and on_time():
            left = [track for track in left if not on_time() or self._read(track, now)]
        self.book.seek(on_time, now)
        return bool(left) or not on_time()

    def pipes(self) -> list[int]:
        """Descriptors that become readable when there is something to read."""
        sources = (track.source for track in self.book.tracks.values())
        return [source.file for source in sources if isinstance(source, Fifo) and source.wakes]

    def state(self) -> dict[str, Any]:
        """What to go on from after a restart."""
        return {"last": self.last, **self.book.state()}

    def _read(self, track: Track, now: float) -> bool:
        """Read a piece; whether there may be more."""
        before = track.offset
        try:
            lines = track.read(now)
        except Rewritten:
            self.book.rewritten(track)
            return False
        except Damaged as error:
            track.damage = f"{track.path}: {error}"
            return False
        except OSError as error:  # a file of a network may be read again when it is opened again
            self.book.error = error
            track.close()
            return False
        if lines is None:
            return False
        if lines:
            self._heard(track)
        self._add(track, lines, before)
        return True

    def _end(self, track: Track) -> None:
        before = track.offset
        self._add(track, track.finish(), before)

    def _add(self, track: Track, lines: list[bytes], before: int) -> None:
        self.counts.take(lines)
        self.counts.bytes += max(0, track.offset - before)
        self.counts.truncated += track.truncated()

    def _heard(self, track: Track) -> None:
        """Note the time of its newest line."""
        source = track.source
        if source is None:
            return
        changed = time.time()
        if not isinstance(source, Fifo):
            changed = min(changed, os.fstat(source.file).st_mtime)
        self.last = max(self.last, changed)
