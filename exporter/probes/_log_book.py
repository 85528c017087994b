"""Keeps book of the files of one pattern: which is which, whatever is done to them, and where each is to be read on."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from exporter.probes._log_match import Gone, Stranger, Verdict, forget_old
from exporter.probes._log_names import Key, Listing, Seen, look
from exporter.probes._log_print import HEAD, restored
from exporter.probes._log_source import Damaged, Fifo, Plain
from exporter.probes._log_track import Track, compared, new_track, restored_track

LINGER, DELETED = 30.0, 5.0
"""Seconds without a change after which a rotated file, and a deleted one, is closed: writers reopen late."""
_MOST_KNOWN = 1000

State = Mapping[str, Any]
End = Callable[[Track], None]


class Book:
    """`kept` is what `state` gave before a restart, or nothing; `end` counts what a file has left when it is closed."""

    def __init__(self, pattern: str, rotated: str, kept: State | None, end: End, *, from_start: bool) -> None:
        self.tracks: dict[Key, Track] = {}
        self.strangers: dict[Key, Stranger] = {}
        self.gone: list[Gone] = []
        self.known: set[str] = set()
        """Paths of the logs so far."""
        self.error: OSError | None = None
        self.unread = 0
        """Bytes that wait to be read, as of the last look."""
        self._pattern = pattern
        self._rotated = rotated
        self._first = kept is None or kept.get("path") != pattern
        self._resuming = kept is not None
        self._from_start = from_start
        self._end = end
        with suppress(ValueError, TypeError, KeyError):  # another version's
            self._restore(kept or {})

    def look(self, now: float) -> list[Track]:
        """See what is there now; the logs that are followed from their end, of which nothing is to be read yet."""
        self.error, self.unread = None, 0
        found = look(self._pattern, self._rotated, self.known)
        if found.error is not None and not found.live:
            self.error = found.error
        self.known = found.owners if len(found.owners) < _MOST_KNOWN else {one.path for one in found.live}
        before = set(self.tracks)
        for seen in found.live:
            self._note(seen, now, self._on_live)
        for _, seen in found.rotated:
            self._note(seen, now, self._on_rotated)
        for seen in found.left:
            self._note(seen, now, self._on_left)
        self._miss(found, now)
        rotated = {seen.key for _, seen in found.rotated}
        for key, stranger in tuple(self.strangers.items()):
            if self._judge(key, stranger, now, there=key in rotated) == "new":
                break  # of what is read from here on another may be a copy: that is judged when it is under way
        forget_old(self.gone, time.time())
        passed = [track for key, track in self.tracks.items() if self._first and key not in before]
        self._first = self._resuming = False
        return passed

    def seek(self, on_time: Callable[[], bool], now: float) -> None:
        """Look for known places in compressed files."""
        for key, stranger in tuple(self.strangers.items()):
            if stranger.sought is not None:
                try:
                    if stranger.seek(self.gone, on_time):
                        self._take(key, stranger, now)
                except (Damaged, OSError) as error:
                    self._fault(stranger.track, error)

    def rewritten(self, track: Track) -> None:
        """A log begins anew where it is; a rotated file that does may hold what is read already."""
        self._remember(track)
        track.begin()
        if track.replaced:
            del self.tracks[track.key]
            self.strangers[track.key] = Stranger(track)

    def state(self) -> dict[str, Any]:
        """What to go on from after a restart."""
        following = [track for track in self.tracks.values() if not isinstance(track.source, Fifo)]
        return {
            "path": self._pattern,
            "logs": sorted(self.known),
            "files": [track.as_list() for track in following],
            "gone": [[*one.place.as_list(), one.since] for one in self.gone],
        }

    def damaged(self) -> str:
        """Which compressed file can't be read, and why; '' when all can."""
        strangers = (stranger.track for stranger in self.strangers.values())
        return next((track.damage for track in (*self.tracks.values(), *strangers) if track.damage), "")

    def close(self) -> None:
        for track in (*self.tracks.values(), *(stranger.track for stranger in self.strangers.values())):
            track.close(track.stamp)

    def _restore(self, kept: State) -> None:
        self.known = set(map(str, kept.get("logs", ())))
        self.gone = [Gone(restored(place), float(since)) for *place, since in kept.get("gone", ())]
        for each in kept.get("files", ()):
            track = restored_track(each)
            if track.gz and track.stamp is None:  # it was not read to its end
                self._remember(track)
            else:
                self.tracks[track.key] = track

    def _note(self, seen: Seen, now: float, work: Callable[[Seen, float], None]) -> None:
        try:
            work(seen, now)
        except FileNotFoundError:
            return  # renamed or deleted since
        except OSError as error:
            self.error = error
        track = self.tracks.get(seen.key)
        if track is not None and isinstance(track.source, Plain):
            self.unread += max(0, seen.size - track.source.at)

    def _on_live(self, seen: Seen, now: float) -> None:
        if (track := self._known_track(seen)) is not None:
            track.path, track.replaced = seen.path, False
            if track.source is None:
                track.stamp = None
                track.holds(seen)
            return
        if (stranger := self.strangers.pop(seen.key, None)) is not None:
            stranger.track.close()
        track = new_track(seen)
        track.grown = now
        moved = self._moved(seen, track) if self._resuming else None
        if moved is not None:
            track.go_on(moved)
        elif self._first and not self._from_start:
            track.go_to_end()
        else:
            track.begin()
        self.tracks[seen.key] = track

    def _on_rotated(self, seen: Seen, now: float) -> None:
        if (track := self._known_track(seen)) is not None:
            track.path = seen.path
            track.replace(now)
            return
        if seen.key in self.strangers:
            self.strangers[seen.key].track.path = seen.path
            return
        if seen.compressed and not seen.gz:
            return  # what it was is known by what it was before
        track = new_track(seen)
        track.replace(now)
        if not self._first:
            self.strangers[seen.key] = Stranger(track)
            return
        if seen.matched and self._from_start:
            self.tracks[seen.key] = track
        else:
            self._pass_over(track, seen)

    def _on_left(self, seen: Seen, now: float) -> None:
        """One file too many is read on when it changes."""
        if (track := self._known_track(seen)) is not None:
            track.replace(now)
        elif self._first and not self._from_start and not seen.fifo:
            self._pass_over(new_track(seen), seen)

    def _pass_over(self, track: Track, seen: Seen) -> None:
        self.tracks[seen.key] = track
        if isinstance(track.source, Plain):
            track.go_on(track.source.size())
        track.close(seen.stamp)

    def _known_track(self, seen: Seen) -> Track | None:
        """The track of a file, unless it holds something else by now: inodes are given again."""
        track = self.tracks.get(seen.key)
        if track is None or track.holds(seen):
            return track
        self._lose(track)
        return None

    def _moved(self, seen: Seen, track: Track) -> int | None:
        """Where to go on in a file that was read before the restart, on a device that has another number now."""
        source = track.source
        for key, old in self.tracks.items():
            likely = key[1] == seen.key[1] or (old.path == seen.path and old.offset >= HEAD)
            if likely and old.source is None and isinstance(source, Plain) and compared(old.place, source) == "same":
                del self.tracks[key]
                return old.offset
        return None

    def _miss(self, found: Listing, now: float) -> None:
        """See to what is not there any more, and close what is replaced and does not change."""
        there = {seen.key: seen for seen in (*found.live, *found.left, *(seen for _, seen in found.rotated))}
        for key, track in tuple(self.tracks.items()):
            seen = there.get(key)
            if seen is None:
                track.replace(now)
            if track.finished(now, DELETED if seen is None else LINGER):
                self._end(track)
                track.close(seen.stamp if seen else None)
            if track.source is None and seen is None:
                self._lose(track)

    def _lose(self, track: Track) -> None:
        """Its file is gone; its place may be found in another."""
        del self.tracks[track.key]
        self._remember(track)

    def _remember(self, track: Track) -> None:
        if track.place.offset and not isinstance(track.source, Fifo):
            self.gone.append(Gone(track.place, time.time()))

    def _judge(self, key: Key, stranger: Stranger, now: float, *, there: bool) -> Verdict:
        verdict: Verdict = "wait"
        if stranger.sought is not None:
            return verdict
        try:
            verdict = stranger.judge(now, self.gone, self.tracks.values())
        except (Damaged, OSError) as error:
            self._fault(stranger.track, error)
        if verdict == "new":
            stranger.track.begin()
        if verdict != "wait":
            self._take(key, stranger, now)
        elif not there and now - stranger.since > DELETED:
            self.strangers.pop(key).track.close()  # a copy that is gone again
        return verdict

    def _take(self, key: Key, stranger: Stranger, now: float) -> None:
        """Read it from now on."""
        del self.strangers[key]
        stranger.track.grown = now
        self.tracks[key] = stranger.track

    def _fault(self, track: Track, error: Damaged | OSError) -> None:
        if isinstance(error, Damaged):
            track.damage = f"{track.path}: {error}"
        else:
            self.error = error
