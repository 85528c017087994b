"""What logs are read from, each from where it was left: a file, a compressed one, a named pipe."""

import contextlib
import fcntl
import os
import zlib

from exporter.probes._log_print import HEAD, TAIL

CHUNK = 65536
_OPEN = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_PIPE = 1 << 20
"""Bytes that a pipe is asked to hold, the most that a user other than root gets: its writer waits when it is full."""


class Rewritten(Exception):  # noqa: N818 - says the fact
    """What was read before is not there any more: the file was truncated, or written anew."""


class Damaged(Exception):  # noqa: N818 - says the fact
    """A compressed file can't be read on."""


class Plain:
    """A file. Each read takes again the bytes before it: when they differ, the place is not what it was.

    The size alone would not tell, when a file is truncated and soon longer than before.
    """

    ended = False

    def __init__(self, path: str) -> None:
        self.file = os.open(path, _OPEN)
        self.at = 0
        self.last = b""
        """Up to TAIL bytes before `at`."""
        self.head = b""

    def seek(self, at: int) -> None:
        self.at = at
        self.last = os.pread(self.file, min(at, TAIL), max(0, at - TAIL))

    def begin(self) -> None:
        """To the first byte; past a hole, which is there when a writer goes on at its old place after a truncation."""
        at = 0
        with contextlib.suppress(OSError):  # ENXIO: nothing but a hole, or empty
            at = os.lseek(self.file, 0, os.SEEK_DATA)
        self.head = os.pread(self.file, HEAD, 0)
        self.seek(at)

    def read(self, most: int) -> bytes:
        """What comes next, b'' when there is nothing yet. Raises Rewritten, OSError."""
        before = len(self.last)
        data = os.pread(self.file, before + most, self.at - before)
        if not data.startswith(self.last):
            raise Rewritten
        if len(self.head) < HEAD or not before:  # before the first byte nothing tells that it is another log by now
            self.head = os.pread(self.file, HEAD, 0)
        if len(data) == before:
            return b""
        self.at += len(data) - before
        self.last = data[-TAIL:]
        return data[before:]

    def size(self) -> int:
        return os.fstat(self.file).st_size

    def close(self) -> None:
        os.close(self.file)


class Gz:
    """A compressed file, of one or more members (RFC 1952, section 2.2), read as it grows; `at` counts its content."""

    def __init__(self, path: str) -> None:
        self.file = os.open(path, _OPEN)
        self.begin()

    def begin(self) -> None:
        self.at = 0
        self.last = b""
        self.head = b""
        self.ended = False
        self._member = zlib.decompressobj(31)
        self._raw = b""
        self._taken = 0

    def read(self, most: int) -> bytes:
        """What comes next, b'' when there is nothing yet, or no more. Raises Damaged, OSError."""
        while True:
            raw = self._raw or self._more()
            try:
                data = self._member.decompress(raw, most)  # also of nothing: it may hold back what was beyond `most`
            except zlib.error as error:
                raise Damaged(str(error)) from None
            self._raw = self._member.unconsumed_tail
            if self._member.eof:
                self._raw = self._member.unused_data.lstrip(b"\0")
                self._member = zlib.decompressobj(31)
                self.ended = not (self._raw or self._more(peek=True))
            if data:
                self.at += len(data)
                self.last = (self.last + data)[-TAIL:]
                if len(self.head) < HEAD:
                    self.head = (self.head + data)[:HEAD]
            if data or not raw:
                return data

    def _more(self, *, peek: bool = False) -> bytes:
        raw = os.pread(self.file, CHUNK, self._taken)
        if not peek:
            self._taken += len(raw)
            self.ended = self.ended and not raw
        return raw

    def close(self) -> None:
        os.close(self.file)


class Fifo:
    """A named pipe. Nothing is kept of its place: what is read is gone from it."""

    ended = False
    head = b""
    last = b""

    def __init__(self, path: str) -> None:
        # As its writer too, where we may (Linux, fifo(7)): a pipe without writers counts as ready to be read for ever.
        try:
            self.file = os.open(path, _OPEN | os.O_RDWR)
            self.wakes = True
        except PermissionError:
            self.file = os.open(path, _OPEN)
            self.wakes = False
        self.at = 0
        with contextlib.suppress(OSError):  # it may be beyond what its user is given in all
            fcntl.fcntl(self.file, fcntl.F_SETPIPE_SZ, _PIPE)

    def read(self, most: int) -> bytes:
        try:
            data = os.read(self.file, most)
        except BlockingIOError:
            return b""
        self.at += len(data)
        return data

    def close(self) -> None:
        os.close(self.file)


Source = Plain | Gz | Fifo


def opened(path: str, *, fifo: bool = False) -> Source:
    """Raises OSError."""
    if fifo:
        return Fifo(path)
    return Gz(path) if path.endswith(".gz") else Plain(path)
