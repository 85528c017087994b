"""A mongod that answers with the documents it is given: what secantusdb does not have, and states it can't be in.

OP_MSG and, for the first hello, OP_QUERY ("MongoDB Wire Protocol" in MongoDB's manual).
"""

import json
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bson
from bson import json_util

from tests import hostile
from tests.hostile import Hostile

FOLDER = Path(__file__).parent.parent / "fixtures" / "mongodb"
HELLO = {
    "ok": 1.0,
    "isWritablePrimary": True,
    "maxBsonObjectSize": 16 << 20,
    "maxMessageSizeBytes": 48000000,
    "maxWriteBatchSize": 100000,
    "minWireVersion": 0,
    "maxWireVersion": 21,
}
MEMBER = {**HELLO, "setName": "rs0", "hosts": ["127.0.0.1:27017"], "me": "127.0.0.1:27017"}
Answers = dict[str, Any]


def document(name: str) -> dict[str, Any]:
    """One of tests/fixtures/mongodb."""
    found: dict[str, Any] = json_util.loads((FOLDER / f"{name}.json").read_text())
    return found


def status(**sections: Any) -> dict[str, Any]:
    """A real serverStatus, with some sections replaced."""
    return {**json.loads((FOLDER / "serverStatus.json").read_text()), **sections}


def reply(body: dict[str, Any], to: int, *, old: bool = False) -> bytes:
    """A message; `old` is OP_REPLY, which answers OP_QUERY."""
    raw = bson.encode(body)
    head = struct.pack("<iqii", 8, 0, 0, 1) if old else struct.pack("<iB", 0, 0)
    return struct.pack("<iiii", 16 + len(head) + len(raw), 1, to, 1 if old else 2013) + head + raw


def speaks(answers: Answers, after: Callable[[socket.socket], None] | None = None) -> hostile.Answer:
    """Answers each command by its name; one it has no answer for by CommandNotFound, or by `after`."""

    def converse(connection: socket.socket, _: bytes) -> None:
        stream = connection.makefile("rb")
        with stream:
            while head := stream.read(16):
                length, number, _to, code = struct.unpack("<iiii", head)
                raw = stream.read(length - 16)
                old = code == 2004
                asked = bson.decode(raw[raw.index(b"\0", 4) + 9 :] if old else raw[5:])
                name = next(iter(asked))
                name = "hello" if name.lower() == "ismaster" else name
                answer = answers.get(name)
                if answer is None and after is not None:
                    after(connection)
                    return
                missing = {"ok": 0.0, "code": 59, "codeName": "CommandNotFound", "errmsg": f"no such command: {name}"}
                connection.sendall(answer if isinstance(answer, bytes) else reply(answer or missing, number, old=old))

    return converse


@contextmanager
def mongod(
    answers: Answers | None = None, after: Callable[[socket.socket], None] | None = None, **more: Any
) -> Iterator[Hostile]:
    """One that runs; what is not given is a real server's. `more` are answers by command too."""
    known = {"hello": HELLO, "serverStatus": status(), "endSessions": {"ok": 1.0}}
    with hostile.serving(speaks({**known, **(answers or {}), **more}, after), ask=False) as running:
        yield running
