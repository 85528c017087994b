"""Which files are logs that are written, and which of their neighbours are what became of them: by name."""

# Looked at four times a second: a Path for each name would cost ten times what the text does.
# ruff: noqa: PTH116, PTH118, PTH119, PTH120, PTH207

import contextlib
import glob
import os
import re
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace

MOST = 200
"""Files of one pattern that are followed at once: each holds a descriptor."""
COMPRESSED = (".gz", ".bz2", ".xz", ".zst", ".Z", ".zip")
# app.log.1, app.log-20261122, app.log.2026-11-22_10-00-00, app.log.old
_BEHIND = re.compile(r"(.+?)[.\-_](?:\d[\d\-_.:T+]*|old|bak)")
# app-20261122.log, app.2026-11-22.0.log
_WITHIN = re.compile(r"(.+?)[.\-_]\d[\d\-_.:T]*(\.[A-Za-z]+)")

Key = tuple[int, int]
"""Device and inode."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A file as it stood when the directory was looked at."""

    path: str
    key: Key
    size: int
    changed: int
    """Its mtime in nanoseconds."""
    moved: float
    """When it was last renamed or written, in Unix time."""
    fifo: bool = False
    matched: bool = False
    """Whether the pattern itself gives it, and not its name beside a log's."""

    @property
    def gz(self) -> bool:
        return self.path.endswith(".gz")

    @property
    def compressed(self) -> bool:
        return self.path.endswith(COMPRESSED)

    @property
    def stamp(self) -> tuple[str, int, int]:
        """What differs when the same inode holds something else, or more."""
        return (".gz" if self.gz else "", self.size, self.changed)


@dataclass(slots=True)
class Listing:
    """What there is of one pattern. `live` are followed; `rotated` by the path of the log that they once were, '' for
    compressed ones that only the pattern tells of.
    """

    live: list[Seen] = field(default_factory=list)
    rotated: list[tuple[str, Seen]] = field(default_factory=list)
    left: list[Seen] = field(default_factory=list)
    """Files that are left out because there are more than MOST: those unchanged the longest."""
    odd: list[str] = field(default_factory=list)
    """Matches that are no files: directories, devices, sockets."""
    error: OSError | None = None
    owners: set[str] = field(default_factory=set)
    """Paths of the logs, those among them that are not there at the moment."""


def origins(name: str) -> Iterator[str]:
    """What a file of this name may have been called while it was written; nothing for a name that tells nothing."""
    bare = name
    for ending in COMPRESSED:
        if name.endswith(ending):
            bare = name.removesuffix(ending)
            yield bare
    if found := _BEHIND.fullmatch(bare):
        yield found[1]
    if found := _WITHIN.fullmatch(bare):
        yield found[1] + found[2]


def look(pattern: str, rotated: str, known: Collection[str]) -> Listing:
    """The files of a pattern; `known` are paths that were live before, whose rotated files are theirs still."""
    found = Listing()
    matches = [pattern] if not glob.has_magic(pattern) else sorted(glob.glob(pattern, recursive=True))
    live = {path for path in matches if not path.endswith(COMPRESSED)}
    owners = live | set(known)
    live = {path for path in live if _owner(path, owners) is None}
    seen: set[Key] = set()
    found.owners = owners = live | set(known)
    for path in sorted(live):
        if (one := _stat(path, found)) is not None and one.key not in seen:
            seen.add(one.key)
            found.live.append(one)
    if len(found.live) > MOST:
        found.live.sort(key=lambda one: one.changed)
        found.left, found.live = found.live[:-MOST], found.live[-MOST:]
    _neighbours(found, [path for path in matches if path not in live], owners, rotated, seen)
    if not matches or (not found.live and not glob.has_magic(pattern)):
        found.error = found.error or _why(pattern)
    return found


def _neighbours(found: Listing, matches: list[str], owners: set[str], rotated: str, seen: set[Key]) -> None:
    """Add what was rotated: beside the logs, where `rotated` says, and what the pattern itself matches."""
    paths: dict[str, str] = {}
    for folder in sorted({os.path.dirname(path) for path in owners}):
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if (owner := _owner(entry.path, owners)) is not None and entry.path not in owners:
                        paths[entry.path] = owner
        except FileNotFoundError:
            continue
        except OSError as error:
            found.error = found.error or error
    elsewhere = glob.glob(rotated, recursive=True) if rotated else []
    names = {os.path.basename(owner): owner for owner in owners}
    for path in (*matches, *elsewhere):
        if path not in paths:  # of one in another directory only its name tells what log it was
            bases = origins(os.path.basename(path))
            paths[path] = next((names[each] for each in bases if each in names), "")
    for path, owner in sorted(paths.items()):
        if (one := _stat(path, found, quietly=True)) is not None and one.key not in seen and not one.fifo:
            seen.add(one.key)
            found.rotated.append((owner, replace(one, matched=path in matches)))


def _owner(path: str, owners: Collection[str]) -> str | None:
    folder, name = os.path.split(path)
    return next((log for each in origins(name) if (log := os.path.join(folder, each)) in owners), None)


def _stat(path: str, found: Listing, *, quietly: bool = False) -> Seen | None:
    try:
        status = os.stat(path)
    except OSError as error:
        if not isinstance(error, FileNotFoundError):
            found.error = found.error or error
        return None
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISFIFO(status.st_mode)):
        if not quietly:
            found.odd.append(path)
        return None
    fifo = stat.S_ISFIFO(status.st_mode)
    return Seen(path, (status.st_dev, status.st_ino), status.st_size, status.st_mtime_ns, status.st_ctime, fifo)


def _why(pattern: str) -> OSError | None:
    """What forbids looking: glob itself passes over what it may not enter."""
    folder = pattern
    while glob.has_magic(folder):
        folder = os.path.dirname(folder)
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        try:
            if folder != pattern:
                os.scandir(folder).close()
            else:
                os.stat(folder)
        except OSError as error:
            if not isinstance(error, (FileNotFoundError, NotADirectoryError)):
                return error
    return None
