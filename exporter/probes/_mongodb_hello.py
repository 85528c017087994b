"""Does what answers speak MongoDB's protocol? One `hello`, of whose reply the head is read.

PyMongo can't tell: what comes while it still writes it takes for a closed connection.
"""

import asyncio
import struct

from exporter.probe import Down
from exporter.probes._net import failure

_LARGEST = 1 << 20
"""Bytes of the reply. Those of sets of 50 members have some 10 kB."""
_OP_MSG = 2013
_HEAD = struct.Struct("<iiii")  # length, id, id of the request, kind: "MongoDB Wire Protocol" in MongoDB's manual

_BODY = b"\x10hello\0\1\0\0\0" + b"\x02$db\0\6\0\0\0admin\0" + b"\0"
_SECTION = struct.pack("<iB", 0, 0) + struct.pack("<i", len(_BODY) + 4) + _BODY
HELLO = _HEAD.pack(_HEAD.size + len(_SECTION), 1, 0, _OP_MSG) + _SECTION


class Hello(asyncio.Protocol):
    """Await `ended`, which raises Down."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._head = b""
        self._left = 0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        if self.ended.done():
            return
        if not self._left:
            self._head += data
            if len(self._head) < _HEAD.size:
                return
            length, _, _, kind = _HEAD.unpack_from(self._head)
            if kind != _OP_MSG or not _HEAD.size < length <= _LARGEST:
                # Not what it begins with: it may be what it was sent.
                self._end(Down("protocol", f"{self._where}: the answer to hello is no message of MongoDB's"))
                return
            self._left, data = length, self._head
        self._left -= len(data)
        if self._left <= 0:
            self._end(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self._end(failure(exc, self._where))

    def _end(self, down: Down | None) -> None:
        if down is None:
            self.ended.set_result(None)
        else:
            self.ended.set_exception(down)
            self.ended.exception()  # seen, whether or not somebody still waits
