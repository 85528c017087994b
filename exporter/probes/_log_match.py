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
    refused: set[Gone] = field(default_factory=set)
    """Places that it was read up to and that are not in it."""
    sought: Gone | None = None

    def judge(self, now: float, gone: list[Gone], others: Collection[Track], elder: Collection["Stranger"]) -> Verdict:
        """What it is. "adopted": it goes on at a place, which is taken from `gone`. Raises Damaged, OSError."""
        source = self.track.source
        if not isinstance(source, Plain | Gz):
            return "wait"
        size = os.fstat(source.file).st_size
        if size != self.size:
            self.size, self.since = size, now
        settled = now - self.since >= SETTLED
        if isinstance(source, Plain):
            source.head = os.pread(source.file, HEAD, 0)
            verdict = self._plain(source, gone, settled=settled)
        else:
            verdict = self._gz(source, gone)
        if verdict is not None:
            return verdict
        kin = compare(source)
        # Of what is still there under another name it is a copy, made or in the making.
        if any(kin(track.place) != "other" for track in others) or any(_alike(source.head, e) for e in elder):
            return "wait"
        return "new" if now - self.since >= (SETTLED if source.head or source.ended else EMPTY) else "wait"

    def _plain(self, source: Plain, gone: list[Gone], *, settled: bool) -> Verdict | None:
        for one in reversed(gone):
            found = compared(one.place, source)
            if found == "short" and not settled:
                return "wait"
            if found != "other":
                # A short one lacks what was written while it was made, and that is read.
                self.track.go_on(one.place.offset if found == "same" else source.size())
                gone.remove(one)
                return "adopted"
        return None

    def _gz(self, source: Gz, gone: list[Gone]) -> Verdict | None:
        if self.sought is None:
            while len(source.head) < HEAD and source.read(HEAD):
                pass
            for one in reversed(gone):
                if one not in self.refused and compared_gz(one.place, source) != "other":
                    self.sought = one
                    source.begin()
                    break
            else:
                return None
        return "wait"

    def seek(self, gone: list[Gone], on_time: Callable[[], bool]) -> bool:
        """Read a compressed file up to the place that may be in it, while there is time; True when it is adopted."""
        source, sought = self.track.source, self.sought
        if sought is None or not isinstance(source, Gz):
            return False
        if sought not in gone:
            self._refuse(source, sought)
            return False
        at = sought.place.offset
        while source.at < at:
            if not on_time():
                return False
            if not source.read(min(1 << 18, at - source.at)):
                if not source.ended:
                    return False
                if sought.place.begins(source.head):
                    break  # a copy from before that place: all of it is read
                self._refuse(source, sought)
                return False
        if source.at == at and not sought.place.follows(source.last):
            self._refuse(source, sought)
            return False
        self.track.go_on(source.at)
        gone.remove(sought)
        return True

    def _refuse(self, source: Gz, sought: Gone) -> None:
        self.refused.add(sought)
        self.sought = None
        source.begin()


def compare(source: Plain | Gz) -> Callable[[Print], str]:
    """How a file relates to places."""
    if isinstance(source, Plain):
        return lambda place: compared(place, source)
    return lambda place: compared_gz(place, source)


def _alike(head: bytes, other: Stranger) -> bool:
    """Whether two strangers begin alike, so that the younger waits for what becomes of the elder."""
    theirs = other.track.source.head if other.track.source is not None else b""
    shared = min(len(head), len(theirs))
    return shared >= 64 and head[:shared] == theirs[:shared]


def forget_old(gone: list[Gone], now: float) -> None:
    """Without what is older than EXPIRY, or beyond MOST_GONE; `now` in Unix time."""
    gone[:] = [one for one in gone if now - one.since < EXPIRY][-MOST_GONE:]
