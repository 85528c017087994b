"""A Redis server that says what a real one can't be made to say on demand."""

import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from tests import hostile


def fake(
    answer: hostile.Answer, scheme: str = "redis", **fields: Any
) -> Callable[[], AbstractContextManager[dict[str, Any]]]:
    """Answers what it is asked first by `answer`; gives the fields of a component that asks it."""

    @contextmanager
    def provoke() -> Iterator[dict[str, Any]]:
        def converse(connection: socket.socket, _: bytes) -> None:
            connection.recv(1 << 16)
            answer(connection, b"")
            if connection.fileno() >= 0:
                hostile.mute(connection, b"")

        with hostile.serving(converse, ask=False) as found:
            yield {"url": f"{scheme}://{found.address}", **fields}

    return provoke
