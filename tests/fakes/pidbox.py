"""Names of workers without processes behind them, on a real Redis: no machine of ours runs five hundred."""

import base64
import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Answer = Callable[[str, int], Any]


@contextmanager
def workers(port: int, count: int, answer: Answer, *, content_type: str = "application/json") -> Iterator[None]:
    """`answer` is given the method and the worker's number; bytes go as they are, anything else as the worker's reply."""
    with contextlib.ExitStack() as stack:
        ears = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(count)]
        for ear in ears:
            ear.sendall(b"SUBSCRIBE /0.celery.pidbox\r\n")
            ear.recv(1024)
        mouth = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        thread = threading.Thread(target=_serve, args=(ears[0], mouth, count, answer, content_type), daemon=True)
        thread.start()
        try:
            yield
        finally:
            ears[0].shutdown(socket.SHUT_RDWR)
            thread.join(10)


def _serve(ear: socket.socket, mouth: socket.socket, count: int, answer: Answer, content_type: str) -> None:
    with ear.makefile("rb") as said:
        while said.readline():  # *3
            _, _, message = (said.read(int(said.readline()[1:]) + 2)[:-2] for _ in range(3))
            asked = json.loads(base64.b64decode(json.loads(message)["body"]))
            head = {
                "headers": {"ticket": asked["ticket"], "clock": 1},
                "content-type": content_type,
                "content-encoding": "utf-8",
                "properties": {"body_encoding": "base64"},
            }
            replies = []
            for number in range(count):
                found = answer(asked["method"], number)
                body = found if isinstance(found, bytes) else json.dumps({f"w{number}@test": found}).encode()
                replies.append(json.dumps({"body": base64.b64encode(body).decode(), **head}).encode())
            words = [b"LPUSH", f"{asked['reply_to']['routing_key']}.{asked['reply_to']['exchange']}".encode(), *replies]
            mouth.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words))
            mouth.recv(1024)
