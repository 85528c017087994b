"""Memcached's text protocol as a client needs it to ask and leave: commands in one write, as many replies.

memcached's doc/protocol.txt, with its authentication by a first `set` (1.5.15 and newer, option -Y).
"""

import asyncio
import re

LIMIT = 1 << 17
"""Bytes of all replies together: stats has 3 kB."""
_LINE = 2048
_ERROR = re.compile(r"(?:ERROR|CLIENT_ERROR|SERVER_ERROR)(?: |$)")
# What it answers to all commands together: 1.6 says nothing to a login that fails before the next one comes.
_REFUSED = re.compile("authenticat|Too many open connections")
_VALUE = re.compile(rb"VALUE \S{1,250} \d{1,10} (\d{1,7})(?: \d{1,20})?")


class ReplyError(str):
    """An error as the server words it, such as `SERVER_ERROR out of memory storing object`."""

    __slots__ = ()


Reply = str | bytes | dict[str, str] | ReplyError | None
"""A line such as STORED, the value of a key (None when there is none), or what `stats` tells."""


class Malformed(Exception):  # noqa: N818 - it is the other side that errs
    """What came is no reply, or larger than any should be."""


def store(key: str, value: bytes, expiry: int) -> bytes:
    """`expiry` in seconds; what has a negative one is gone at once."""
    return b"set %b 0 %d %d\r\n%b\r\n" % (key.encode(), expiry, len(value), value)


class Replies(asyncio.Protocol):
    """Gathers a reply for each of some commands, by their first words.

    `ended` is done when they are there or no more come, for `malformed` or `lost`.
    """

    def __init__(self, commands: tuple[str, ...]) -> None:
        self._commands = commands
        self._held = b""
        self._at = 0
        self._room = LIMIT
        self._told: dict[str, str] = {}
        self._value: bytes | None = None
        self._refused = False
        self._due = -1  # bytes of a value that are to come
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.came: list[Reply] = []
        self.lost: Exception | None = None
        self.malformed = ""

    def data_received(self, data: bytes) -> None:
        if self.ended.done():
            return
        self._room -= len(data)
        self._held, self._at = self._held[self._at :] + data, 0
        try:
            while not self._done and self._step():
                pass
        except Malformed as error:
            self.malformed = str(error)
        if self._room < 0 and not self._done:
            self.malformed = f"replies of more than {LIMIT} bytes"
        if self._done or self.malformed:
            self.ended.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ended.done():
            self.lost = error
            self.ended.set_result(None)

    @property
    def _done(self) -> bool:
        return len(self.came) == len(self._commands) or self._refused

    def _step(self) -> bool:
        """Read a line, or a value; whether there was a whole one."""
        if self._due >= 0:
            end = self._at + self._due
            if len(self._held) < end + 2:
                return False
            if self._held[end : end + 2] != b"\r\n":
                raise Malformed("a value longer than it says")
            self._value, self._at, self._due = self._held[self._at : end], end + 2, -1
            return True
        end = self._held.find(b"\r\n", self._at, self._at + _LINE)
        if end < 0:
            if len(self._held) - self._at >= _LINE:
                raise Malformed(f"a line of more than {_LINE} bytes")
            return False
        line, self._at = self._held[self._at : end], end + 2
        self._take(line)
        return True

    def _take(self, line: bytes) -> None:
        command, text = self._commands[len(self.came)], line.decode(errors="replace")
        if _ERROR.match(text):
            self.came.append(ReplyError(text))
            self._refused = bool(_REFUSED.search(text))
        elif command == "stats":
            if text == "END":
                self.came.append(self._told)
                return
            word, _, rest = text.partition(" ")
            if word != "STAT":
                raise _foreign(text)
            name, _, value = rest.partition(" ")
            self._told[name] = value
        elif command == "get":
            if text == "END":
                self.came.append(self._value)
            elif self._value is None and (found := _VALUE.fullmatch(line)):
                self._due = int(found[1])
            else:
                raise _foreign(text)
        else:
            self.came.append(text)


def _foreign(text: str) -> Malformed:
    """Shows no more than one character: what answers may send back what it was sent, the password too."""
    return Malformed(f"no reply of memcached: it begins with {text[:1]!r}")
