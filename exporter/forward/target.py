"""The back ends and what share of traces they get: from the configuration, else from OpenTelemetry's variables."""

import logging
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Literal
from urllib.parse import unquote, urlsplit

from exporter.config.onward import MEGABYTE, Destination, Forward, Waiting
from exporter.config.sections import Tracing
from exporter.forward.ports import SIGNALS, Signal
from exporter.values import Secret

log = logging.getLogger(__name__)

TIMEOUT = 10.0
"""Seconds for one request, the specification's default."""
_LOOPBACK = ("localhost", "127.0.0.1", "::1", "0.0.0.0", "::")


@dataclass(frozen=True, slots=True)
class Target:
    """One back end for one signal. `endpoint` is whole: for HTTP with its path."""

    endpoint: str
    protocol: Literal["grpc", "http"] = "http"
    headers: Mapping[str, Secret] = field(default_factory=dict)
    timeout: float = TIMEOUT
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    compression: Literal["gzip", "zstd", "none"] = "none"
    signal: Signal = "traces"
    name: str = "0"
    """For the label: the configured one, else its place in the list."""
    named: bool = False
    """Whether it is the configured one."""
    batch: int = MEGABYTE
    waiting: Waiting = field(default_factory=Waiting)

    @property
    def address(self) -> str:
        """Host and port, for people; never a user or a query, which may be secret."""
        return urlsplit(self.endpoint).netloc.rpartition("@")[2]

    @property
    def folder(self) -> str:
        """Of its spool. Without a name the endpoint's, so that a list in another order sends nothing to another."""
        if self.named:
            return f"{self.signal}-{self.name}"
        known_by = blake2b(f"{self.protocol} {self.endpoint}".encode(), digest_size=6)
        return f"{self.signal}-{known_by.hexdigest()}"

    def is_one_of(self, ports: Collection[int]) -> bool:
        """Whether it is this machine under one of these ports, where the daemon itself may listen."""
        url = urlsplit(self.endpoint)
        port = url.port or (443 if url.scheme == "https" else 80)
        return port in ports and (url.hostname in _LOOPBACK or str(url.hostname).startswith("127."))


def targets(forward: Forward, environ: Mapping[str, str], own: Collection[int] = ()) -> list[Target]:
    """All back ends: those configured; where none takes traces, the one of the environment, if there is any.

    `own`: ports of the daemon itself, which the application's variables name when it shares its environment.
    """
    found = [
        _configured(destination, signal, number, forward.spool)
        for signal in SIGNALS
        for number, destination in enumerate(getattr(forward, signal))
    ]
    if not forward.traces and (standard := _standard(environ, forward.spool)):
        if standard.is_one_of(own):
            log.info("OTEL_EXPORTER_OTLP_ENDPOINT names this daemon; nothing is forwarded to it")
        else:
            found.append(standard)
    return found


def told(found: Collection[Target], sample_ratio: float = 1.0) -> str:
    """Where what goes, in a line for people; empty when nothing goes anywhere."""
    said = []
    for signal in SIGNALS:
        to = [f"{each.address} ({each.protocol})" for each in found if each.signal == signal]
        share = f"{sample_ratio:.4g} of the " if signal == "traces" and sample_ratio < 1 else ""
        said += [f"{share}{signal} to {' and '.join(to)}"] if to else []
    return "; ".join(said)


def circles(forward: Forward, own: Collection[int]) -> Iterator[tuple[Signal, int]]:
    """Configured back ends that are the daemon itself, which would send to itself for ever: signal and place."""
    for signal in SIGNALS:
        for number, destination in enumerate(getattr(forward, signal)):
            if _configured(destination, signal, number, forward.spool).is_one_of(own):
                yield signal, number


def ratio(tracing: Tracing, environ: Mapping[str, str]) -> float:
    """The share of good runs that are traced: the configured one, else that of OTEL_TRACES_SAMPLER."""
    if tracing != Tracing():
        return float(tracing.ratio)
    sampler = environ.get("OTEL_TRACES_SAMPLER", "").strip().lower().removeprefix("parentbased_")
    if sampler == "always_off":
        return 0.0
    if sampler == "traceidratio":
        text = environ.get("OTEL_TRACES_SAMPLER_ARG", "1.0")
        try:
            if 0 <= (found := float(text)) <= 1:
                return found
        except ValueError:
            pass
        log.warning("OTEL_TRACES_SAMPLER_ARG is not a number from 0 to 1 and is taken as 1")
    elif sampler not in ("", "always_on"):
        log.warning("OTEL_TRACES_SAMPLER names a sampler that is not supported; all runs are traced")
    return 1.0


def _configured(destination: Destination, signal: Signal, number: int, waiting: Waiting) -> Target:
    endpoint = destination.endpoint
    if destination.protocol == "http":
        url = urlsplit(endpoint)
        if not url.path.endswith(f"/v1/{signal}"):
            endpoint = url._replace(path=f"{url.path.rstrip('/')}/v1/{signal}").geturl()
    return Target(
        endpoint,
        destination.protocol,
        destination.headers,
        float(destination.timeout),
        destination.ca_file,
        destination.cert_file,
        destination.key_file,
        destination.compression,
        signal,
        destination.name or str(number),
        bool(destination.name),
        int(destination.batch),
        destination.spool or waiting,
    )


def _standard(environ: Mapping[str, str], waiting: Waiting) -> Target | None:
    """What OTEL_EXPORTER_OTLP_TRACES_… or, failing that, OTEL_EXPORTER_OTLP_… say."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None

    def read(name: str) -> str:
        return (
            environ.get(f"OTEL_EXPORTER_OTLP_TRACES_{name}") or environ.get(f"OTEL_EXPORTER_OTLP_{name}", "")
        ).strip()

    endpoint = read("ENDPOINT")
    exporters = {name.strip() for name in environ.get("OTEL_TRACES_EXPORTER", "otlp").split(",")}
    if not endpoint or "otlp" not in exporters | ({"otlp"} if exporters == {""} else set()):
        return None
    protocol: Literal["grpc", "http"] = "grpc" if read("PROTOCOL") == "grpc" else "http"
    if read("PROTOCOL") not in ("", "grpc", "http/protobuf"):
        log.warning("OTEL_EXPORTER_OTLP_PROTOCOL is neither grpc nor http/protobuf and is taken as http/protobuf")
    if "://" not in endpoint:
        plain = protocol == "http" or read("INSECURE").lower() == "true"
        endpoint = f"{'http' if plain else 'https'}://{endpoint}"
    if protocol == "http" and not environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "").strip():
        # The general endpoint is a base, the one for traces is used as it stands.
        endpoint = endpoint.rstrip("/") + "/v1/traces"
    try:
        right = bool(urlsplit(endpoint).hostname) and urlsplit(endpoint).port != 0
    except ValueError:
        right = False
    if not right:
        log.warning("OTEL_EXPORTER_OTLP_ENDPOINT is not a URL; no spans are sent")
        return None
    return Target(
        endpoint,
        protocol,
        _headers(read("HEADERS")),
        _timeout(read("TIMEOUT")),
        read("CERTIFICATE") or None,
        read("CLIENT_CERTIFICATE") or None,
        read("CLIENT_KEY") or None,
        "gzip" if read("COMPRESSION").lower() == "gzip" else "none",
        waiting=waiting,
    )


def attributes(text: str) -> dict[str, str]:
    """`key=value,…`, percent-encoded, as in OTEL_RESOURCE_ATTRIBUTES; what is not such a pair is left out."""
    pairs = (pair.partition("=") for pair in text.split(","))
    return {key.strip(): unquote(value.strip()) for key, equals, value in pairs if equals and key.strip()}


def _headers(text: str) -> dict[str, Secret]:
    return {unquote(name).lower(): Secret(value) for name, value in attributes(text).items()}


def _timeout(text: str) -> float:
    """Seconds. The specification counts milliseconds, OpenTelemetry for Python seconds: 10000 and 10 mean the same."""
    try:
        number = float(text) if text else TIMEOUT
    except ValueError:
        number = -1.0
    if not 0 < number < float("inf"):
        log.warning("OTEL_EXPORTER_OTLP_TIMEOUT is not a number of milliseconds and is taken as 10 s")
        return TIMEOUT
    return min(number if number <= 60 else number / 1000, 60.0)
