"""What is a file that appeared beside a log: a copy of what was read, what became of it, or lines still unread?"""

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Literal

from exporter.probes._log_print import HEAD, Print
from exporter.probes._log_source import Gz, Plain
from exporter.probes._log_track import Track, compared, compared_gz

SETTLED = 1.0
"""Seconds without a change after which nobody is copying or compressing any more."""
EMPTY = 60.0
"""The same for a file that has no content yet."""
EXPIRY = 3600.0
"""Seconds for which the place in a log that is gone is known: its copy or compressed form comes soon, or never."""
MOST_GONE = 200

Verdict = Literal["wait", "new", "adopted"]


@dataclass(eq=False, slots=True)
class Gone:
    """A place in a log that was truncated, deleted or compressed. `since` in Unix time."""

    place: Print
    since: float


@dataclass(eq=False, slots=True)
class Stranger:
    """A rotated file that is not known. It is open, so that what nobody has read can't be deleted."""

    track: Track
    size: int = -1
    since: float = 0.0
    """When its size was first this one, on time.monotonic's clock."""
    sought: Gone | Track | None = None
    """What it is compared with: a compressed file is read up to a place to see what is before it."""
    refused: set[Gone | Track] = field(default_factory=set)
    """What it was compared with and is not."""
    kin: Track | None = None
    """What it is a copy of and what is still there: it is read when that is not any more, and from where that was."""
    _place: Print = field(default_factory=lambda: Print(0, (), ""))

    def judge(self, now: float, gone: list[Gone], others: Collection[Track]) -> Verdict:
        """What it is. "adopted": it goes on at a place, which is taken from `gone`. Raises Damaged, OSError."""
        source = self.track.source
        if not isinstance(source, Plain | Gz):
            return "wait"
        size = os.fstat(source.file).st_size
        if size != self.size:
            self.size, self.since = size, now
        if isinstance(source, Plain):
            verdict = self._plain(source, gone, others, settled=now - self.since >= SETTLED)
        else:
            verdict = self._gz(source, gone, others)
        if verdict is not None:
            return verdict
        return "new" if now - self.since >= (SETTLED if source.head or source.ended else EMPTY) else "wait"

    def _plain(self, source: Plain, gone: list[Gone], others: Collection[Track], *, settled: bool) -> Verdict | None:
        source.head = os.pread(source.file, HEAD, 0)
        for one in reversed(gone):
            found = compared(one.place, source)
            if found == "short" and not settled:
                return "wait"
            if found != "other":
                # A short one lacks what was written while it was made, and that is read.
                self.track.go_on(one.place.offset if found == "same" else source.size())
                gone.remove(one)
                return "adopted"
        return "wait" if any(compared(track.place, source) != "other" for track in others) else None

    def _gz(self, source: Gz, gone: list[Gone], others: Collection[Track]) -> Verdict | None:
        while len(source.head) < HEAD and source.read(HEAD):
            pass
        candidates: list[Gone | Track] = [*reversed(gone), *others]
        for one in candidates:
            found = "other" if one in self.refused else compared_gz(one.place, source)
            if one is self.kin or (found != "other" and isinstance(one, Track) and found != "maybe"):
                return "wait"
            if found != "other":
                self.sought, self._place = one, one.place
                source.begin()
                return "wait"
        return None

    def seek(self, gone: list[Gone], on_time: Callable[[], bool]) -> bool:
        """Read a compressed file up to the place that may be in it, while there is time; True when it is adopted."""
        source, sought, place = self.track.source, self.sought, self._place
        if sought is None or not isinstance(source, Gz):
            return False
        while source.at < place.offset:
            if not on_time():
                return False
            if not source.read(min(1 << 18, place.offset - source.at)):
                if not source.ended:
                    return False
                break
        self.sought = None
        # Of a copy from before the place all is read.
        same = place.follows(source.last) if source.at == place.offset else place.begins(source.head)
        if same and isinstance(sought, Gone) and sought in gone:
            self.track.go_on(source.at)
            gone.remove(sought)
            return True
        if same and isinstance(sought, Track):
            self.kin = sought
        else:
            self.refused.add(sought)
        source.begin()
        return False


def forget_old(gone: list[Gone], now: float) -> None:
    """Without what is older than EXPIRY, or beyond MOST_GONE; `now` in Unix time."""
    gone[:] = [one for one in gone if now - one.since < EXPIRY][-MOST_GONE:]
