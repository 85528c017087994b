"""The section on what is sent onward: to which back ends, how much of it, and how long it waits for them."""

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta

from exporter.config.sections import Section
from exporter.values import Duration, Ratio, Secret, Size

MEGABYTE = 10**6
SMALLEST_SPOOL, SMALLEST_BATCH = 64 * 1024, 1024
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
Kind = Literal["errors", "security", "business"]


class Waiting(Section, frozen=True):
    """The spool of one back end: what waits for it, on disk."""

    size: Annotated[Size, Meta(description="Of what waits for one back end.")] = 500 * MEGABYTE
    age: Annotated[Duration, Meta(description="What has waited so long is dropped.")] = 86_400.0
    full: Annotated[
        Literal["drop_oldest", "refuse"],
        Meta(description="When there is no room: drop_oldest, or refuse what comes with 429."),
    ] = "drop_oldest"

    def __post_init__(self) -> None:
        if self.size < SMALLEST_SPOOL:
            raise ValueError(f"size: expected {SMALLEST_SPOOL // 1024}KiB at least")
        if self.age <= 0:
            raise ValueError("age: expected more than 0s")


class Destination(Section, frozen=True):
    """A back end that takes one signal over OTLP. Each has a queue of its own."""

    endpoint: Annotated[
        str,
        Meta(
            description="URL of the back end; https for TLS. For http, /v1/traces, /v1/logs or /v1/metrics is added.",
            examples=["https://collector:4318"],
        ),
    ]
    protocol: Annotated[Literal["grpc", "http"], Meta(description="OTLP/gRPC or OTLP/HTTP with protobuf.")] = "http"
    name: Annotated[
        str, Meta(description="For the label backend and the spool's folder; by default its place in the list.")
    ] = ""
    headers: Annotated[dict[str, Secret], Meta(description="Sent with each request, such as authorization.")] = {}
    compression: Annotated[Literal["gzip", "zstd", "none"], Meta(description="zstd only over http.")] = "gzip"
    timeout: Annotated[Duration, Meta(description="Deadline of one request.")] = 10.0
    batch: Annotated[
        Size, Meta(description="Bytes that are sent in one request at most, unpacked, unless one came larger.")
    ] = MEGABYTE
    spool: Annotated[Waiting | None, Meta(description="Of this back end; by default as in forward.spool.")] = None
    ca_file: Annotated[str | None, Meta(description="Certificates to trust, PEM, in place of the system's.")] = None
    cert_file: Annotated[str | None, Meta(description="Client certificate, PEM.")] = None
    key_file: Annotated[str | None, Meta(description="Key of the client certificate, PEM.")] = None

    def __post_init__(self) -> None:
        try:
            url = urlsplit(self.endpoint)
            right = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
        except ValueError:
            right = False
        if not right:
            raise ValueError("endpoint: expected a URL such as http://collector:4318")
        if url.username is not None or url.password is not None:
            raise ValueError("endpoint: a user and a password belong into headers")
        if self.name and not _NAME.fullmatch(self.name):
            raise ValueError("name: expected up to 32 lower-case letters, digits, _ and -")
        if self.compression == "zstd" and self.protocol == "grpc":
            raise ValueError("compression: gRPC has gzip and none")
        if self.timeout <= 0:
            raise ValueError("timeout: expected more than 0s")
        if self.batch < SMALLEST_BATCH:
            raise ValueError(f"batch: expected {SMALLEST_BATCH}B at least")
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file go together")
        if url.scheme == "http" and (self.ca_file or self.cert_file):
            raise ValueError("ca_file and cert_file are for https")
        for name, value in self.headers.items():
            if not _HEADER.fullmatch(name):
                raise ValueError("headers: a name is letters, digits and -")
            if not value.reveal().isprintable() or not value.reveal().isascii():
                raise ValueError(f"headers.{name}: a value is printable ASCII, on one line")


class Forward(Section, frozen=True):
    """What is sent onward: what applications send over OTLP, the daemon's own spans, and errors and events as logs."""

    traces: Annotated[tuple[Destination, ...], Meta(description="Where spans go, the daemon's own among them.")] = ()
    logs: Annotated[tuple[Destination, ...], Meta(description="Where log records go.")] = ()
    metrics: Annotated[tuple[Destination, ...], Meta(description="Where applications' metrics go.")] = ()
    events: Annotated[
        tuple[Kind, ...],
        Meta(description="What of errors and events goes to `logs` too, whichever way it came in, as log records."),
    ] = ()
    sample_ratio: Annotated[
        Ratio, Meta(description="Share of the applications' traces that is forwarded, chosen by trace id.")
    ] = 1.0
    resource: Annotated[
        dict[str, str],
        Meta(
            description="Attributes added to resources that don't have them.",
            examples=[{"k8s.cluster.name": "eu-1"}],
        ),
    ] = {}
    spool: Annotated[Waiting, Meta(description="What waits for a back end that is away.")] = Waiting()
    trace_url: Annotated[
        str,
        Meta(
            description="Page of a trace, for links from errors; {trace_id} stands for its id.",
            examples=["https://grafana.example/explore?traceId={trace_id}"],
        ),
    ] = ""

    def __post_init__(self) -> None:
        if not 0 <= self.sample_ratio <= 1:
            raise ValueError("sample_ratio: expected 0 to 1")
        for signal in ("traces", "logs", "metrics"):
            names = [one.name or str(number) for number, one in enumerate(getattr(self, signal))]
            if len(set(names)) < len(names):
                raise ValueError(f"{signal}: two back ends have the same name")
            unnamed = [(one.endpoint, one.protocol) for one in getattr(self, signal) if not one.name]
            if len(set(unnamed)) < len(unnamed):
                raise ValueError(f"{signal}: two back ends have the same endpoint and need a name each")
        if self.events and not self.logs:
            raise ValueError("events: there is no back end in `logs` to send them to")
        if self.trace_url and not _is_template(self.trace_url):
            raise ValueError("trace_url: expected a URL with {trace_id} in it")


def _is_template(text: str) -> bool:
    try:
        url = urlsplit(text)
        return (
            url.scheme in ("http", "https")
            and bool(url.hostname)
            and "{trace_id}" in f"{url.path}?{url.query}#{url.fragment}"
        )
    except ValueError:
        return False
