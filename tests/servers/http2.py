"""An HTTP/2 server over TLS, of the h2 library: answers each request on a connection with the same."""

import contextlib
import socket
import ssl
from collections.abc import Iterator, Sequence

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded

from tests import hostile


@contextlib.contextmanager
def http2(
    context: ssl.SSLContext, headers: Sequence[tuple[str, str]], body: bytes = b"", *, reset: bool = False
) -> Iterator[hostile.Hostile]:
    """`requests` of what is yielded are the bodies; with `reset` it resets each stream after the headers."""
    context.set_alpn_protocols(["h2", "http/1.1"])

    def answer(connection: socket.socket, _: bytes) -> None:
        assert isinstance(connection, ssl.SSLSocket)
        if connection.selected_alpn_protocol() != "h2":
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
            return
        server = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        server.initiate_connection()
        connection.sendall(server.data_to_send())
        received = b""
        while data := connection.recv(65536):
            for event in server.receive_data(data):
                if isinstance(event, RequestReceived):
                    received += repr(sorted(event.headers)).encode()
                if isinstance(event, DataReceived):
                    received += event.data
                    server.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                if isinstance(event, StreamEnded):
                    running.requests.append(received)
                    server.send_headers(event.stream_id, headers, end_stream=not body and not reset)
                    if reset:
                        server.reset_stream(event.stream_id)
                    for at in range(0, len(body), 10_000):
                        server.send_data(event.stream_id, body[at : at + 10_000], end_stream=at + 10_000 >= len(body))
            connection.sendall(server.data_to_send())

    with hostile.serving(answer, tls=context, ask=False) as running:
        yield running
