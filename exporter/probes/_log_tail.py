"""Follows the files of one pattern through whatever is done to them, and hands each line on once."""

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from exporter.probes._log_count import Counts
from exporter.probes._log_match import Gone, Stranger, forget_old
from exporter.probes._log_names import Key, Listing, Seen, look
from exporter.probes._log_print import HEAD, restored
from exporter.probes._log_source import Damaged, Fifo, Plain, Rewritten
from exporter.probes._log_track import Track, compared, new_track, restored_track

POLL = 0.25
"""Seconds between two looks at the directories; more where a look takes long, so that it is a 20th of a core at most."""
LINGER, DELETED = 30.0, 5.0
"""Seconds without a change after which a rotated file, and a deleted one, is closed: writers reopen late."""


class Tail:
    """All its methods are called in one thread. `kept` is what `state` gave before a restart; None: there was none."""

    def __init__(
        self, pattern: str, rotated: str, counts: Counts, kept: Mapping[str, Any] | None, *, from_start: bool = False
    ) -> None:
        self.pattern = pattern
        self.rotated = rotated
        self.counts = counts
        self.last = 0.0
        """When the newest line came, in Unix time; 0 when none has."""
        self.unread = 0
        """Bytes that wait to be read, as of the last look."""
        self.live = 0
        self.error: OSError | None = None
        self._first = kept is None
        self._resuming = kept is not None
        self._from_start = from_start
        self._known: set[str] = set()
        self._tracks: dict[Key, Track] = {}
        self._gone: list[Gone] = []
        self._strangers: dict[Key, Stranger] = {}
        self._due = 0.0
        with suppress(ValueError, TypeError, KeyError):  # another version's
            self._restore(kept or {})

    def turn(self, on_time: Callable[[], bool]) -> bool:
        """Look, when it is time to, and read for as long as there is time; True when there is more to read."""
        now = time.monotonic()
        if now >= self._due:
            self._look(now)
            self._due = now + max(POLL, 20 * (time.monotonic() - now))
        left = [track for track in self._tracks.values() if track.source is not None]
        while left and on_time():
            left = [track for track in left if not on_time() or self._read(track, now)]
        for key, stranger in tuple(self._strangers.items()):
            if stranger.sought is not None and self._dares(lambda s=stranger: s.seek(self._gone, on_time), stranger.track):
                self._take(key, stranger, now)
        return bool(left) or not on_time()

    def pipes(self) -> list[int]:
        """Descriptors that become readable when there is something to read."""
        sources = (track.source for track in self._tracks.values())
        return [source.file for source in sources if isinstance(source, Fifo) and source.wakes]

    def damaged(self) -> str:
        """Which compressed file can't be read, and why; '' when all can."""
        strangers = (stranger.track for stranger in self._strangers.values())
        return next((track.damage for track in (*self._tracks.values(), *strangers) if track.damage), "")

    def state(self) -> dict[str, Any]:
        """What to go on from after a restart."""
        following = [track for track in self._tracks.values() if not isinstance(track.source, Fifo)]
        return {
            "last": self.last,
            "logs": sorted(self._known),
            "files": [track.as_list() for track in following],
            "gone": [[*one.place.as_list(), one.since] for one in self._gone],
        }

    def close(self) -> None:
        for track in (*self._tracks.values(), *(stranger.track for stranger in self._strangers.values())):
            track.close(track.stamp)

    def _restore(self, kept: Mapping[str, Any]) -> None:
        self.last = float(kept.get("last", 0.0))
        self._known = set(map(str, kept.get("logs", ())))
        self._gone = [Gone(restored(place), float(since)) for *place, since in kept.get("gone", ())]
        for each in kept.get("files", ()):
            track = restored_track(each)
            if track.gz and track.stamp is None:  # it was not read to its end
                self._gone.append(Gone(track.place, time.time()))
            else:
                self._tracks[track.key] = track

    def _look(self, now: float) -> None:
        self.error, self.unread = None, 0
        found = look(self.pattern, self.rotated, self._known)
        if found.error is not None and not found.live:
            self.error = found.error
        self._known = found.owners if len(found.owners) < 1000 else {one.path for one in found.live}
        self.live = len(found.live)
        for seen in found.live:
            self._note(seen, now, self._on_live)
        for owner, seen in found.rotated:
            self._note(seen, now, self._on_rotated, owner)
        self._miss(found, now)
        for key, stranger in tuple(self._strangers.items()):
            self._judge(key, stranger, found, now)
        forget_old(self._gone, time.time())
        self._first = self._resuming = False

    def _note(self, seen: Seen, now: float, work: Callable[..., None], *more: str) -> None:
        try:
            work(seen, now, *more)
        except FileNotFoundError:
            return  # renamed or deleted since
        except OSError as error:
            self.error = error
        track = self._tracks.get(seen.key)
        if track is not None and isinstance(track.source, Plain):
            self.unread += max(0, seen.size - track.source.at)

    def _on_live(self, seen: Seen, now: float) -> None:
        if (track := self._known_track(seen)) is not None:
            track.path, track.replaced = seen.path, False
            if track.source is None:
                track.stamp = None
                track.holds(seen)
            return
        if (stranger := self._strangers.pop(seen.key, None)) is not None:
            stranger.track.close()
        track = new_track(seen)
        track.grown = now
        moved = self._moved(seen, track) if self._resuming else None
        if moved is not None:
            track.go_on(moved)
        elif self._first and not self._from_start:
            track.go_to_end()
            self._heard(track)
        else:
            track.begin()
        self._tracks[seen.key] = track

    def _on_rotated(self, seen: Seen, now: float, owner: str) -> None:
        if (track := self._known_track(seen)) is not None:
            track.path = seen.path
            self._replace(track, now)
            return
        if seen.key in self._strangers:
            self._strangers[seen.key].track.path = seen.path
            return
        if seen.compressed and not seen.gz:
            return  # what it was is known by what it was before
        track = new_track(seen)
        self._replace(track, now)
        if not self._first:
            self._strangers[seen.key] = Stranger(track)
            return
        self._tracks[seen.key] = track
        if not (seen.matched and self._from_start):
            if isinstance(track.source, Plain):
                track.go_on(track.source.size())
            track.close(seen.stamp)

    def _known_track(self, seen: Seen) -> Track | None:
        """The track of a file, unless it holds something else by now: inodes are given again."""
        track = self._tracks.get(seen.key)
        if track is None or track.holds(seen):
            return track
        self._lose(track)
        return None

    def _moved(self, seen: Seen, track: Track) -> int | None:
        """Where to go on in a file that was read before the restart, on a device that has another number now."""
        for key, old in self._tracks.items():
            likely = key[1] == seen.key[1] or (old.path == seen.path and old.offset >= HEAD)
            if likely and old.source is None and isinstance(track.source, Plain):
                if compared(old.place, track.source) == "same":
                    del self._tracks[key]
                    return old.offset
        return None

    def _replace(self, track: Track, now: float) -> None:
        if not track.replaced:
            track.replaced, track.grown = True, now

    def _miss(self, found: Listing, now: float) -> None:
        """See to what is not there any more, and close what is replaced and does not change."""
        there = {seen.key: seen for seen in (*found.live, *(seen for _, seen in found.rotated))}
        for key, track in tuple(self._tracks.items()):
            seen = there.get(key)
            if seen is None:
                self._replace(track, now)
            if track.source is None:
                if seen is None:
                    self._lose(track)
            elif track.replaced and self._finished(track, now, deleted=seen is None):
                before = track.offset
                self.counts.take(track.finish())
                self._add_up(track, before)
                track.close(seen.stamp if seen else None)
                if seen is None:
                    self._lose(track)

    def _finished(self, track: Track, now: float, *, deleted: bool) -> bool:
        return track.source is not None and (
            track.source.ended or now - track.grown > (DELETED if deleted else LINGER)
        )

    def _lose(self, track: Track) -> None:
        """Its file is gone; its place may be found in another."""
        del self._tracks[track.key]
        if track.place.offset:
            self._gone.append(Gone(track.place, time.time()))

    def _judge(self, key: Key, stranger: Stranger, found: Listing, now: float) -> None:
        if stranger.sought is not None:
            return
        elder = []
        for other in self._strangers.values():
            if other is stranger:
                break
            elder.append(other)
        verdict = self._dares(
            lambda: stranger.judge(now, self._gone, self._tracks.values(), elder), stranger.track, "wait"
        )
        if verdict == "new":
            stranger.track.begin()
        if verdict != "wait":
            self._take(key, stranger, now)
        elif key not in {seen.key for _, seen in found.rotated} and now - stranger.since > DELETED:
            self._strangers.pop(key).track.close()  # a copy that is gone again

    def _take(self, key: Key, stranger: Stranger, now: float) -> None:
        """Read it from now on."""
        del self._strangers[key]
        stranger.track.grown = now
        self._tracks[key] = stranger.track

    def _dares(self, work: Callable[[], Any], track: Track, otherwise: Any = False) -> Any:
        try:
            return work()
        except Damaged as error:
            track.damage = f"{track.path}: {error}"
        except OSError as error:
            self.error = error
        return otherwise

    def _read(self, track: Track, now: float) -> bool:
        """Read a piece; whether there may be more."""
        before = track.offset
        try:
            lines = track.read(now)
        except Rewritten:
            self._rewritten(track)
            return False
        except Damaged as error:
            track.damage = f"{track.path}: {error}"
            return False
        except OSError as error:  # a file of a network may be read again when it is opened again
            self.error = error
            track.close()
            return False
        if lines is None:
            return False
        self._add_up(track, before)
        if lines:
            self.counts.take(lines)
            self._heard(track)
        return True

    def _add_up(self, track: Track, before: int) -> None:
        self.counts.bytes += max(0, track.offset - before)
        self.counts.truncated += track.truncated()

    def _rewritten(self, track: Track) -> None:
        """A log begins anew where it is. What was rotated and now holds something else may hold what is read already."""
        if track.place.offset:
            self._gone.append(Gone(track.place, time.time()))
        track.begin()
        if track.replaced:
            del self._tracks[track.key]
            self._strangers[track.key] = Stranger(track)

    def _heard(self, track: Track) -> None:
        changed = time.time()
        if not isinstance(track.source, Fifo) and track.source is not None:
            status = os.fstat(track.source.file)
            changed = min(changed, status.st_mtime) if status.st_size else 0.0
        self.last = max(self.last, changed)
