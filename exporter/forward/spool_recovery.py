"""What a daemon finds in the folder of a spool when it starts: its segments, and whatever else is called so."""

import contextlib
import errno
import logging
import os
import stat
from collections.abc import Callable

from exporter.forward.ports import Lost
from exporter.forward.spool_folder import CORRUPT, FOREIGN, Folder
from exporter.forward.spool_format import FILE_HEAD, VERSION, file_head, head_at, name_of, version_of
from exporter.forward.spool_segment import Segment

log = logging.getLogger(__name__)
_NOT_OURS = {errno.ELOOP, errno.ENXIO, errno.EACCES, errno.EPERM}


class Recovery:
    """Never fails for what a file holds: that is set aside."""

    def __init__(self, folder: Folder, lost: Callable[[Lost, int], None], corrupt: Callable[[int], None]) -> None:
        self._folder = folder
        self._lost = lost
        self._corrupt = corrupt

    def segments(self, order: int, items: int) -> tuple[list[Segment], int]:
        """Those that have something not done, counted on from `order` and `items`; the last number. Raises OSError."""
        segments: list[Segment] = []
        found, cursor = self._folder.segments(), self._folder.cursor()
        last = cursor[0] if cursor is not None else 0
        done = cursor if cursor is not None and (*cursor[:2], name_of(*cursor[:2])) in found else None
        for number, key, name in found:
            if done is not None and number < done[0]:
                self._folder.remove(name)
                continue
            segment = Segment(number, key, order, items)
            if self._is_one(segment, done[2] if done is not None and (number, key) == done[:2] else 0):
                segments.append(segment)
                order, items, last = order + 1, segment.end.items, max(last, number)
        return segments, last

    def _is_one(self, segment: Segment, start: int) -> bool:
        """Whether something is to be read in it; what is not is gone from under its name then."""
        try:
            file = self._folder.open(segment.name, os.O_RDONLY)
        except FileNotFoundError:
            return False
        except OSError as error:
            return self._no(segment.name, FOREIGN if error.errno in _NOT_OURS else CORRUPT)
        try:
            return self._look(segment, file, start)
        except OSError as error:
            log.warning("a file of the spool can't be read", extra={"file": segment.name, "error": str(error)})
            return self._no(segment.name, CORRUPT)
        finally:
            os.close(file)

    def _look(self, segment: Segment, file: int, start: int) -> bool:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            return self._no(segment.name, FOREIGN)
        head, size = os.pread(file, FILE_HEAD, 0), found.st_size
        version = version_of(head)
        if version not in (None, VERSION):
            return self._no(segment.name, FOREIGN)
        segment.extent = size
        if not FILE_HEAD <= start <= size or (start < size and not self._begins(segment, file, start)):
            start = FILE_HEAD if version == VERSION else 0
        if start == size and size > 0:
            self._folder.remove(segment.name)
            return False
        segment.begin = segment.begin._replace(offset=start)
        damages = list(segment.survey(file, start))
        if size == 0 or (damages and damages[0].start == start and damages[0].end == size):
            if damages and damages[0].items:
                self._lost("corrupt", damages[0].items)
            ours = version == VERSION or start > 0 or file_head().startswith(head) or _blank(file, size)
            return self._no(segment.name, CORRUPT if ours else FOREIGN)
        for damage in damages:
            segment.holes[damage.start] = damage
            if self._folder.keep(segment, file, damage.start, damage.end):
                self._corrupt(1)
                self._lost("corrupt", damage.items or 0)
        return True

    @staticmethod
    def _begins(segment: Segment, file: int, offset: int) -> bool:
        return head_at(os.pread(file, 64, offset), 0, segment.key) is not None

    def _no(self, name: str, suffix: str) -> bool:
        self._corrupt(1)
        log.warning("what is no segment of the spool is set aside", extra={"file": name + suffix})
        with contextlib.suppress(OSError):
            self._folder.set_aside(name, suffix)
        return False


def _blank(file: int, size: int) -> bool:
    """Whether it is nothing but zeros, as a file system leaves it that lost its power."""
    return all(not os.pread(file, 1 << 20, at).strip(b"\0") for at in range(0, size, 1 << 20))
