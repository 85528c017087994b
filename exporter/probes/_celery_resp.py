"""Redis' protocol as a conversation: replies one after the other, arrays among them, and what is published.

RESP2 (redis.io, "Redis serialization protocol specification"). The kind redis asks once and leaves, by _resp.
"""

from exporter.probe import Down
from exporter.probes._celery_wire import MESSAGE, Wire
from exporter.probes._resp import Malformed, ReplyError

Simple = bytes | int | ReplyError | None
Reply = Simple | list[Simple]

ELEMENTS = 64
"""Of an array; the longest that is asked for has 4."""
_LINE = 4096


class Incomplete(Exception):  # noqa: N818 - more is to come
    """The next reply is not all there."""


class Replies(Wire):
    async def reply(self) -> Reply:
        """The next one. Raises Down."""
        while True:
            try:
                return self.take()
            except Incomplete:
                await self.more()

    def take(self) -> Reply:
        """The next one, if it is there. Raises Incomplete and Down."""
        if not self.rest:
            raise Incomplete
        try:
            reply, end = self._parse(0)
        except Malformed as error:
            raise Down("protocol", f"{self.where}: {error}") from None
        del self.rest[:end]
        return reply

    def _parse(self, at: int) -> tuple[Reply, int]:
        if self.rest[at : at + 1] != b"*":
            return self._simple(at)
        line, after = self._line(at)
        found: list[Simple] = []
        for _ in range(_number(line, ELEMENTS)):
            each, after = self._simple(after)
            found.append(each)
        return found, after

    def _simple(self, at: int) -> tuple[Simple, int]:
        kind = self.rest[at : at + 1]
        if kind not in b"+-:$":  # shows no more: it may be what was sent, sent back
            raise Malformed(f"no reply of Redis: it begins with {bytes(kind)!r}")
        line, after = self._line(at)
        if kind == b"$":
            return self._bulk(_number(line, MESSAGE), after)
        if kind == b"+":
            return line, after
        if kind == b"-":
            return ReplyError(line.decode(errors="replace")), after
        return _number(line, 1 << 63), after

    def _line(self, at: int) -> tuple[bytes, int]:
        """What follows the byte that says what it is, and where the next begins."""
        end = self.rest.find(b"\r\n", at, at + _LINE)
        if end < 0:
            if len(self.rest) - at >= _LINE:
                raise Malformed(f"a line of more than {_LINE} bytes")
            raise Incomplete
        return bytes(self.rest[at + 1 : end]), end + 2

    def _bulk(self, size: int, after: int) -> tuple[bytes | None, int]:
        if size < 0:
            return None, after
        end = after + size
        if len(self.rest) < end + 2:
            raise Incomplete
        if self.rest[end : end + 2] != b"\r\n":
            raise Malformed("a reply longer than it says")
        return bytes(self.rest[after:end]), end + 2


def _number(line: bytes, most: int) -> int:
    if len(line) > 20 or not line.removeprefix(b"-").isdigit():
        raise Malformed("no number where there should be one")
    if (number := int(line)) > most:
        raise Malformed(f"a reply of {number} parts, more than {most}")
    return number
