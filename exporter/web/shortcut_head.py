"""The heads of requests that are let past aiohttp's server: what its parser said of their bytes is kept.

An SDK sends the same head with every request but for the digits of its Content-Length. A head is known by its bytes
without them, so one that differs in a single other byte is read anew.
"""

import asyncio
from typing import Any, NamedTuple, cast

from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_parser import HttpRequestParser
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from exporter.web.refused import Refused
from exporter.web.required import check

PROBE, SENT = b"GET /probe?", (b"POST /v1/", b"POST /api/")
ENDS = b"\r\n\r\n"
LONGEST = 8_192
KNOWN = 500
LENGTH = b"\r\nContent-Length: "
_SMALL = LENGTH.lower()
_DIGITS = 9
_FOREIGN = ("Transfer-Encoding", "Upgrade", "Expect")


class Head(NamedTuple):
    """Of a request that passes `required.check`. Content-Length is in `size`, not among the headers."""

    method: str
    headers: CIMultiDictProxy[str]
    url: URL
    version: Any


class Found(NamedTuple):
    """A request's head and where its body begins. `key`: by which the head is known, or may be from now on."""

    head: Head
    key: bytes
    body: int
    size: int


class Heads:
    """Those of one listener."""

    def __init__(self) -> None:
        self._known: dict[bytes, Head] = {}

    def __len__(self) -> int:
        return len(self._known)

    def find(self, data: bytes) -> Found | None:
        """The request that these bytes begin with; None for what is not meant for us."""
        if data.startswith(SENT):
            return self._sent(data)
        if not data.startswith(PROBE) or not data.endswith(ENDS) or len(data) > LONGEST:
            return None
        head = self._known.get(data) or _read(data, None)
        return None if head is None else Found(head, data, len(data), 0)

    def keep(self, found: Found) -> None:
        """It was answered well: it may come again. What is refused, such as a wrong token, is not kept."""
        if found.key not in self._known:
            if len(self._known) >= KNOWN:
                self._known.clear()
            self._known[bytes(found.key)] = found.head

    def _sent(self, data: bytes) -> Found | None:
        end = data.find(ENDS, 0, LONGEST)
        if end < 0:
            return None
        begin = data.find(LENGTH, 0, end)
        if begin < 0 and (begin := data[:end].lower().find(_SMALL)) < 0:
            return None
        begin += len(LENGTH)
        stop = data.index(b"\r\n", begin)
        digits = data[begin:stop]
        if not digits.isdigit() or len(digits) > _DIGITS or not (size := int(digits)):
            return None
        end += len(ENDS)
        key = data[:begin] + data[stop:end]
        head = self._known.get(key) or _read(data[:end], digits.decode())
        return None if head is None else Found(head, key, end, size)


def _read(data: bytes, length: str | None) -> Head | None:
    """What aiohttp's parser makes of a head, which must name this length and end with its last byte."""
    loop = asyncio.get_running_loop()
    parser = HttpRequestParser(cast("Any", asyncio.Protocol()), loop, 2**16, auto_decompress=False)
    try:
        early = parser.feed_data(data[:-1])
        messages, upgraded, tail = parser.feed_data(data[-1:])
    except HttpProcessingError:
        return None
    if early[0] or len(messages) != 1 or upgraded or tail:
        return None
    message = messages[0][0]
    headers = message.headers
    if message.version < (1, 1) or message.should_close or any(name in headers for name in _FOREIGN):
        return None
    if headers.get("Connection", "keep-alive").lower() != "keep-alive":
        return None
    if (length is None and "Authorization" in headers) or headers.get("Content-Length") != length:
        return None
    try:
        check(headers, message.version)
    except Refused:
        return None
    kept = CIMultiDict(headers)
    kept.popall("Content-Length", None)
    return Head(message.method, CIMultiDictProxy(kept), message.url, message.version)
