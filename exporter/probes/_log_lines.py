"""Cuts what is read of a log into lines, each of a bounded length."""

CAP = 65536
"""Bytes that are kept of a line; the rest of a longer one is passed over."""


class Cutter:
    """Holds what has no end yet."""

    __slots__ = ("_beyond", "_rest", "truncated")

    def __init__(self) -> None:
        self._rest = b""
        self._beyond = 0
        self.truncated = 0
        """Lines so far that were longer than CAP."""

    @property
    def pending(self) -> int:
        """Bytes fed that belong to no line yet."""
        return len(self._rest) + self._beyond

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that end in `data`, without their ends."""
        if not self.pending and data.startswith(b"\0"):
            data = data.lstrip(b"\0")  # the copy of a hole, as long as the log once was: no part of a line
        end = data.rfind(b"\n")
        if end < 0:
            self._hold(data)
            return []
        lines: list[bytes] = []
        begin = 0
        if self._beyond:
            lines.append(self._rest)
            self.truncated += 1
            begin = data.find(b"\n") + 1
            self._rest, self._beyond = b"", 0
        if begin <= end:
            block = self._rest + data[begin:end]
            more = block.split(b"\n")
            if len(block) > CAP:
                self.truncated += sum(len(line) > CAP for line in more)
                more = [line[:CAP] for line in more]
            lines += more
            self._rest = b""
        self._hold(data[end + 1 :])
        return lines

    def finish(self) -> list[bytes]:
        """What is left, as the line that it is when nothing follows any more."""
        if not self.pending:
            return []
        line, self.truncated = self._rest, self.truncated + bool(self._beyond)
        self._rest, self._beyond = b"", 0
        return [line]

    def _hold(self, data: bytes) -> None:
        if self._beyond:
            self._beyond += len(data)
            return
        self._rest += data
        if len(self._rest) > CAP:
            self._beyond = len(self._rest) - CAP
            self._rest = self._rest[:CAP]
