"""One call over a new HTTP/2 connection, by h2, whose loss, refusal or noise has its reason."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.probe import Down
from exporter.probes import _net

if TYPE_CHECKING:
    from h2.connection import H2Connection
    from h2.events import Event

REASONS: Mapping[str, str] = {
    "tls_required": "The server wants TLS, and was spoken to in the clear.",
    "protocol": "What answers does not keep to HTTP/2 or gRPC, or answers without end.",
    "not_grpc": "What answers speaks HTTP, but not gRPC: a proxy, or a web server.",
    "stream_reset": "The server broke off the call (RST_STREAM).",
    "goaway": "The server is leaving, or ended the connection (GOAWAY), before it answered.",
}
_FRAME, _HEADER = 16384, 9
_FRAMES, _MESSAGE = 1000, 4096


@dataclass(frozen=True, slots=True)
class Response:
    """What the stream held once it had ended: headers and trailers in one, and the messages' bytes."""

    headers: Mapping[str, str]
    body: bytes


class Call(asyncio.Protocol):
    """The connection, and the one stream on it."""

    def __init__(self, where: str) -> None:
        self.answer: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._where = where
        self._transport: asyncio.Transport | None = None
        self._h2: H2Connection | None = None
        self._rest = b""
        self._frames = 0
        self._headers: dict[str, str] = {}
        self._message = b""

    def ask(self, transport: asyncio.Transport, headers: list[tuple[str, str]], message: bytes) -> None:
        from h2.config import H2Configuration  # noqa: PLC0415 - 140 ms, for those only that have such a component
        from h2.connection import H2Connection  # noqa: PLC0415
        from h2.settings import SettingCodes, Settings  # noqa: PLC0415

        self._transport = transport
        self._h2 = H2Connection(H2Configuration(header_encoding=None))
        limits = {SettingCodes.ENABLE_PUSH: 0, SettingCodes.MAX_HEADER_LIST_SIZE: _FRAME}
        self._h2.local_settings = Settings(client=True, initial_values=limits)
        self._h2.initiate_connection()
        self._h2.send_headers(1, headers)
        self._h2.send_data(1, message, end_stream=True)
        self._flush()
        self.data_received(b"")

    def data_received(self, data: bytes) -> None:
        if self.answer.done():
            return
        self._rest += data
        if self._h2 is None:  # the server speaks first, which it may
            return
        try:
            while not self.answer.done() and (frame := self._next()):
                self._read(self._h2, frame)
        except Down as down:
            self._end(down)

    def connection_lost(self, exc: Exception | None) -> None:
        down = _net.failure(exc, self._where)
        if not self._frames and self._transport and self._transport.get_extra_info("ssl_object") is None:
            down.detail += " and said nothing: gRPC servers that want TLS do so"
        self._end(down)

    def _next(self) -> bytes:
        """One frame, or nothing yet: read together, h2 forgets those that came before a wrong one. Raises Down."""
        size = _HEADER + int.from_bytes(self._rest[:3], "big")
        if not self._frames and (foreign := _foreign(self._rest)):
            raise Down(foreign[0], f"{self._where} {foreign[1]}")
        if len(self._rest) < _HEADER:
            return b""
        if size > _HEADER + _FRAME:
            raise Down("protocol", f"{self._where}: a frame of {size - _HEADER} bytes")
        if len(self._rest) < size:
            return b""
        frame, self._rest = self._rest[:size], self._rest[size:]
        self._frames += 1
        if self._frames > _FRAMES:
            raise Down("protocol", f"{self._where}: more than {_FRAMES} frames")
        return frame

    def _read(self, connection: "H2Connection", frame: bytes) -> None:
        from h2.exceptions import ProtocolError  # noqa: PLC0415

        try:
            events = connection.receive_data(frame)
        except (ProtocolError, ValueError) as error:
            raise Down("protocol", f"{self._where}: HTTP/2: {str(error) or type(error).__name__}"[:200]) from None
        for event in events:
            self._happened(event)
        self._flush()

    def _happened(self, event: "Event") -> None:
        from h2 import events  # noqa: PLC0415

        match event:
            case events.ResponseReceived(headers=headers) | events.TrailersReceived(headers=headers):
                for name, value in headers or ():
                    self._headers[bytes(name).decode(errors="replace")] = bytes(value).decode(errors="replace")
            case events.DataReceived(data=data):
                self._message += data
                if len(self._message) > _MESSAGE:
                    raise Down("protocol", f"{self._where}: an answer of more than {_MESSAGE} bytes")
            case events.StreamReset(error_code=code):
                if not self.answer.done():  # it may be reset once it has ended
                    raise Down("stream_reset", f"{self._where} broke off the call, with {_error(code)}")
            case events.ConnectionTerminated(error_code=code):
                raise Down("goaway", f"{self._where} ended the connection, with {_error(code)}")
            case events.StreamEnded():
                self._end(Response(self._headers, self._message))

    def _end(self, outcome: Response | Down) -> None:
        if self.answer.done():
            return
        if isinstance(outcome, Down):
            self.answer.set_exception(outcome)
            self.answer.exception()  # nobody may be waiting for it yet, or any more
        else:
            self.answer.set_result(outcome)

    def _flush(self) -> None:
        if self._h2 is not None and self._transport is not None:
            self._transport.write(self._h2.data_to_send())


def _foreign(start: bytes) -> tuple[str, str] | None:
    """What answers, if its first bytes are no frame of HTTP/2: a reason and a detail."""
    if start.startswith(b"\x15\x03"):  # the head of a record of TLS that holds an alert
        return "tls_required", "answers in TLS, and was spoken to in the clear"
    if start.startswith(b"HTTP/"):
        return "not_grpc", "answers in HTTP/1"
    return None


def _error(code: object) -> str:
    return getattr(code, "name", None) or f"error {code}"
