"""A gRPC server, by h2, that does to a call what real ones do only on their worst day."""

import socket
from collections.abc import Callable, Sequence
from typing import Any

from h2.config import H2Configuration
from h2.connection import ConnectionState, H2Connection
from h2.events import ConnectionTerminated, DataReceived, RequestReceived, StreamEnded

from tests import hostile

Headers = Sequence[tuple[str, str]]
Script = Callable[[H2Connection], bytes | None]
"""What to do with stream 1, once its request is there; bytes are sent after what h2 has to send."""
OK: Headers = ((":status", "200"), ("content-type", "application/grpc"))
SERVING = b"\0\0\0\0\2\x08\x01"


def answers(script: Script, heard: dict[str, Any] | None = None) -> hostile.Answer:
    """`heard` gets the request: its headers by name, and its message as "message"."""

    def answer(connection: socket.socket, _: bytes) -> None:
        server = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        server.initiate_connection()
        connection.sendall(server.data_to_send())
        request: dict[str, Any] = {"message": b""}
        while data := connection.recv(65536):
            if server.state_machine.state is ConnectionState.CLOSED:  # it has left, and listens no more
                continue
            for event in server.receive_data(data):
                match event:
                    case RequestReceived(headers=headers):
                        request |= dict(headers or ())
                    case DataReceived(data=part):
                        request["message"] += part
                    case ConnectionTerminated():
                        return
                    case StreamEnded():
                        if heard is not None:
                            heard.update(request)
                        after = script(server) or b""
                        connection.sendall(server.data_to_send() + after)
            connection.sendall(server.data_to_send())

    return answer


def replies(message: bytes = SERVING, *, head: Headers = OK, tail: Headers = (("grpc-status", "0"),)) -> Script:
    """An answer in good order: headers, a message, trailers."""

    def script(server: H2Connection) -> None:
        server.send_headers(1, head)
        if message:
            server.send_data(1, message)
        server.send_headers(1, tail, end_stream=True)

    return script


def fails(code: str, message: str = "", **more: str) -> Script:
    """Trailers alone, as gRPC has it for a call that fails at once."""

    def script(server: H2Connection) -> None:
        said = [("grpc-message", message)] if message else []
        server.send_headers(1, [*OK, ("grpc-status", code), *said, *more.items()], end_stream=True)

    return script


def http(status: str) -> Script:
    """What a proxy says in HTTP/2 when it has no gRPC server behind it."""

    def script(server: H2Connection) -> None:
        server.send_headers(1, [(":status", status), ("content-type", "text/html")])
        server.send_data(1, b"<h1>Sorry</h1>", end_stream=True)

    return script


def resets(code: int = 7) -> Script:
    """RST_STREAM; 7 is REFUSED_STREAM."""
    return lambda server: server.reset_stream(1, code)


def leaves(code: int = 0, last: int = 0) -> Script:
    """GOAWAY; the last stream that it still serves is `last`."""
    return lambda server: server.close_connection(code, last_stream_id=last)


def writes(data: bytes) -> Script:
    """Frames, or anything, that h2 would not send."""
    return lambda _: data


def frame(type_: int, payload: bytes = b"", flags: int = 0, stream: int = 0) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([type_, flags]) + stream.to_bytes(4, "big") + payload
