"""A back end that keeps every span it takes in over OTLP/HTTP, and answers as it is told."""

import gzip
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.servers import free_port


@dataclass(frozen=True)
class Span:
    trace_id: str
    span_id: str
    parent: str
    name: str
    start: int
    end: int
    attributes: dict[str, Any]
    status: int
    message: str
    resource: dict[str, Any]


@dataclass
class Sink:
    url: str
    status: int = 200
    headers: list[dict[str, str]] = field(default_factory=list)
    """Of each request, names in lower case."""
    paths: list[str] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    bodies: list[tuple[str, bytes]] = field(default_factory=list)
    """Path and body, unpacked, of each request that was answered by 200."""
    released: threading.Event = field(default_factory=threading.Event)
    """Unset, requests get no answer."""

    def take(self, body: bytes) -> None:
        for group in ExportTraceServiceRequest.FromString(body).resource_spans:
            resource = plain(group.resource.attributes)
            for span in (span for scope in group.scope_spans for span in scope.spans):
                self.spans.append(
                    Span(
                        span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex(), span.name,
                        span.start_time_unix_nano, span.end_time_unix_nano, plain(span.attributes),
                        span.status.code, span.status.message, resource,
                    )
                )  # fmt: skip

    @property
    def whole(self) -> dict[str, Any]:
        """Every span as it came, by its id: the message and the attributes of its resource."""
        requests = [ExportTraceServiceRequest.FromString(body) for path, body in self.bodies if path == "/v1/traces"]
        groups = [group for request in requests for group in request.resource_spans]
        return {
            span.span_id.hex(): (span, plain(group.resource.attributes))
            for group in groups
            for scope in group.scope_spans
            for span in scope.spans
        }

    @property
    def roots(self) -> list[Span]:
        return [span for span in self.spans if not span.parent]


def plain(attributes: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in attributes}


@contextmanager
def sink(port: int = 0, *, tls: ssl.SSLContext | None = None) -> Iterator[Sink]:
    port = port or free_port()
    made = Sink(f"{'https' if tls else 'http'}://127.0.0.1:{port}")
    made.released.set()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            made.headers.append({name.lower(): value for name, value in self.headers.items()})
            made.paths.append(self.path)
            made.released.wait(20)
            if made.status == 200:
                body = gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body
                made.bodies.append((self.path, body))
                if self.path.endswith("/v1/traces"):
                    made.take(body)
            self.send_response(made.status)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *args: Any) -> None:
            pass

    server = Quiet(("127.0.0.1", port), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=lambda: server.serve_forever(0.05), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
