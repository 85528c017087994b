"""One response over HTTP/2 (RFC 9113), where a server chose it in the TLS handshake; without h2 it is not offered."""

import asyncio
import importlib.util
import time
from collections.abc import Iterable
from functools import cache
from typing import Any, cast

from exporter.blackbox.exchange import HEAD, Response
from exporter.blackbox.http_request import Hop

WINDOW = 1 << 20
"""Bytes of a body that may be on their way."""
_DROPPED = {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "host"}
"""What HTTP/2 has no use for (section 8.2.2)."""


@cache
def installed() -> bool:
    return importlib.util.find_spec("h2") is not None


class Exchange2(asyncio.Protocol):
    """Fills a Response by stream 1 of a connection."""

    def __init__(self, response: Response) -> None:
        from h2.config import H2Configuration  # noqa: PLC0415 - an optional driver
        from h2.connection import H2Connection  # noqa: PLC0415

        self.response = response
        self._h2: Any = H2Connection(H2Configuration(client_side=True, header_encoding=None))
        self._transport: asyncio.Transport | None = None
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._h2.initiate_connection()
        self._h2.update_settings({4: WINDOW})  # SETTINGS_INITIAL_WINDOW_SIZE
        self._h2.increment_flow_control_window(WINDOW)
        self._flush()

    def send(self, hop: Hop, headers: Iterable[tuple[str, str]], body: bytes) -> None:
        """Ask."""
        head = [(":method", hop.method), (":scheme", "https"), (":authority", hop.authority), (":path", hop.to.asked)]
        head += [(name.lower(), value) for name, value in headers if name.lower() not in _DROPPED]
        encoded = [(name.encode(), value.encode("utf-8", "surrogateescape")) for name, value in head]
        self._h2.send_headers(1, encoded, end_stream=not body)
        self._rest = body
        self._go_on()

    def data_received(self, data: bytes) -> None:
        from h2 import events, exceptions  # noqa: PLC0415

        response = self.response
        try:
            found = self._h2.receive_data(data)
        except exceptions.ProtocolError as error:
            response.fail(f"malformed HTTP/2: {error}"[:200])
            return
        for event in found:
            if isinstance(event, events.ResponseReceived):
                self._head(event.headers)
            elif isinstance(event, events.DataReceived):
                response.take(event.data)
                if event.flow_controlled_length:
                    self._h2.acknowledge_received_data(event.flow_controlled_length, 1)
            elif isinstance(event, events.StreamEnded):
                response.complete = True
                response.wake()
            elif isinstance(event, events.StreamReset | events.ConnectionTerminated):
                response.fail(f"HTTP/2: the server ended it with error {event.error_code}")
            elif isinstance(event, events.WindowUpdated | events.RemoteSettingsChanged):
                self._go_on()
        if not response.complete and not response.error:
            self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self.response.fail(str(exc) if exc is not None else "unexpected EOF")

    def _head(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        response = self.response
        response.began = response.began or time.monotonic()
        found = dict(headers)
        response.headers = [(name, value) for name, value in headers if not name.startswith(b":")]
        if sum(len(name) + len(value) for name, value in response.headers) > HEAD:
            response.fail(f"more than {HEAD} bytes of headers")
            return
        status = found.get(b":status", b"")
        if not status.isdigit():
            response.fail("malformed HTTP/2: no status")
            return
        response.status, response.version, response.headed = int(status), "HTTP/2.0", True
        response.wake()

    def _go_on(self) -> None:
        """Send of the body what the windows allow."""
        while self._rest:
            size = min(len(self._rest), self._h2.local_flow_control_window(1), self._h2.max_outbound_frame_size)
            if size <= 0:
                break
            part, self._rest = self._rest[:size], self._rest[size:]
            self._h2.send_data(1, part, end_stream=not self._rest)
        self._flush()

    def _flush(self) -> None:
        if self._transport is not None and (data := self._h2.data_to_send()):
            self._transport.write(data)
