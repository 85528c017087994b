"""Sends a batch through OpenTelemetry's OTLP exporters and says what became of it, which they only log."""

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from exporter.forward.ended import Ended, spans
from exporter.forward.target import Target

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace.export import SpanExporter

# OTLP's specification, "Failures": what a client may send again; all else is refused for good.
_RETRYABLE_STATUS = (429, 502, 503, 504)
_RETRYABLE_CODE = (
    "CANCELLED", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS",
)  # fmt: skip
_SDK_LOG = "opentelemetry"
_GRPC_LOG = "opentelemetry.exporter.otlp.proto.grpc.exporter"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a batch; `detail` is what the back end, or the way to it, answered."""

    result: Literal["exported", "rejected", "unreachable"]
    detail: str = ""


class Exporter:
    """Sends to one back end. `send` blocks and belongs to one thread; `close`, from another, ends its retrying."""

    def __init__(self, target: Target, attributes: Mapping[str, str]) -> None:
        self._target = target
        self._attributes = attributes
        self._exporter: SpanExporter | None = None
        self._resource: Resource | None = None
        self._closed = False

    def send(self, runs: Sequence[Ended]) -> Outcome:
        """Send them. Never raises."""
        heard = _listener()
        heard.answer = ""
        try:
            if self._exporter is None:
                self._open()
            assert self._exporter is not None  # noqa: S101 - for the type checker
            assert self._resource is not None  # noqa: S101
            done = self._exporter.export([span for run in runs for span in spans(run, self._resource)])
        except Exception as error:  # noqa: BLE001 - gRPC raises ValueError on a closed channel, TLS files may be missing
            return Outcome("unreachable", f"{type(error).__name__}: {error}"[:200])
        return outcome(heard.answer, succeeded=done.name == "SUCCESS")

    def close(self) -> None:
        """End what is under way. In a thread, because some versions wait in it for an export to end."""
        self._closed = True
        if self._exporter is not None:
            ending = threading.Thread(target=self._exporter.shutdown, name="spans: close", daemon=True)
            ending.start()
            ending.join(0.5)

    def _open(self) -> None:
        if self._closed:
            raise ConnectionAbortedError("closed")
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - 9 MB that only tracing needs
        from opentelemetry.sdk.version import __version__  # noqa: PLC0415

        sdk = {"name": "opentelemetry", "language": "python", "version": __version__}
        known = {f"telemetry.sdk.{key}": value for key, value in sdk.items()}
        # Not Resource.create: it reads the process's environment, and our caller has its own.
        self._resource = Resource({**known, **self._attributes})
        self._exporter = _grpc(self._target) if self._target.protocol == "grpc" else _http(self._target)


def outcome(answer: str, *, succeeded: bool) -> Outcome:
    """What an answer means: an HTTP status, a gRPC code, or the name of a connection's error."""
    if answer.isdigit():
        status = int(answer)
        if 200 <= status < 300:
            return Outcome("exported")
        # The SDK takes 3xx for a success and follows none.
        return Outcome("unreachable" if status in _RETRYABLE_STATUS else "rejected", f"HTTP status {status}")
    if succeeded:
        return Outcome("exported")
    if answer.isupper():
        return Outcome("unreachable" if answer in _RETRYABLE_CODE else "rejected", f"gRPC status {answer}")
    return Outcome("unreachable", answer or "no answer in time")


class _Listener(logging.Filter):
    """Finds gRPC's status code in what the SDK logs of a failure, for each thread, and lets nothing pass."""

    def __init__(self) -> None:
        super().__init__()
        self.heard = threading.local()

    def filter(self, record: logging.LogRecord) -> bool:
        for part in record.args if isinstance(record.args, tuple) else ():
            if type(part).__name__ == "StatusCode" and hasattr(part, "name"):
                self.heard.answer = str(part.name)
        return False


def _listener() -> threading.local:
    """What this thread's exports were answered. The SDK's log goes nowhere else: we count failures and log changes."""
    logger = logging.getLogger(_GRPC_LOG)
    for known in logger.filters:
        if isinstance(known, _Listener):
            return known.heard
    # urllib3 logs what it can't read of an answer, in which a back end may repeat the headers it was sent.
    for name in (_SDK_LOG, "urllib3"):
        every = logging.getLogger(name)
        every.addHandler(logging.NullHandler())
        every.propagate = False
    listener = _Listener()
    # Before the SDK's own filter, which takes away repeated failures.
    logger.filters.insert(0, listener)
    return listener.heard


def _http(target: Target) -> "SpanExporter":
    from opentelemetry.exporter.otlp.proto.http import Compression  # noqa: PLC0415
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415

    from exporter.forward.session import Session  # noqa: PLC0415

    _contents(target)  # raises for a file that is missing; requests would not say which
    # All that is left out, the SDK reads from the environment: no headers of one back end may reach another.
    return OTLPSpanExporter(
        endpoint=target.endpoint,
        timeout=target.timeout,
        compression=Compression.Gzip if target.gzip else Compression.NoCompression,
        session=Session(target, _listener),
    )


def _grpc(target: Target) -> "SpanExporter":
    import grpc  # type: ignore[import-untyped]  # noqa: PLC0415
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter  # noqa: PLC0415

    plain = target.endpoint.startswith("http://")
    return OTLPSpanExporter(
        endpoint=target.endpoint,
        insecure=plain,
        credentials=None if plain else grpc.ssl_channel_credentials(*_contents(target)),
        # Not empty, for then the SDK would send the headers of its environment variable.
        headers={name.lower(): value.reveal() for name, value in target.headers.items()} or ",",
        timeout=target.timeout,
        compression=grpc.Compression.Gzip if target.gzip else grpc.Compression.NoCompression,
    )


def _contents(target: Target) -> list[bytes | None]:
    """Of the files for TLS, as gRPC takes them: trusted certificates, key, own certificate. Raises OSError."""
    return [Path(name).read_bytes() if name else None for name in (target.ca_file, target.key_file, target.cert_file)]
