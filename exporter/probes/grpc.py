"""Does a gRPC server say, by the standard health service, that it is serving?"""

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, ClassVar

from msgspec import Meta

from exporter.metric import gauge
from exporter.probe import Down, Probe, Readings, Signal
from exporter.probes import _address, _grpc_health, _net, _tls
from exporter.probes._grpc_health import STATUSES, Answer, Check, check
from exporter.probes._tls import TLS
from exporter.redact import quoted
from exporter.values import Secret

SERVING = gauge("stack_grpc_serving", "Whether the service says that it is serving: 1 or 0.", "component")
CODE = gauge("stack_grpc_status_code", "Status code of the health check's answer; 0 is OK.", "component")
NOT_BEFORE = gauge(
    "stack_grpc_certificate_not_before_timestamp_seconds", "From when on the certificate is valid.", "component"
)
NOT_AFTER = gauge("stack_grpc_certificate_not_after_timestamp_seconds", "When the certificate expires.", "component")
REMAINING = gauge(
    "stack_grpc_certificate_remaining_seconds", "Time until the certificate expires; negative after.", "component"
)
VERIFIED = gauge("stack_grpc_certificate_verified", "Whether the certificate was verified: 1 or 0.", "component")

_NAME = re.compile(r"[0-9a-z_.-]+")
_VALUE = re.compile(r"[\x20-\x7e]*")
_RESERVED = ("te", "content-type", "user-agent", "traceparent")
_CODES = {
    "NOT_FOUND": "service_unknown",
    "PERMISSION_DENIED": "permission",
    "RESOURCE_EXHAUSTED": "unavailable",
    "UNAUTHENTICATED": "auth",
    "UNAVAILABLE": "unavailable",
    "UNIMPLEMENTED": "unimplemented",
}
_STATUSES = {"NOT_SERVING": "not_serving", "SERVICE_UNKNOWN": "service_unknown"}


class GRPC(Probe, kw_only=True, frozen=True):
    """Calls grpc.health.v1.Health/Check, on a new connection each time."""

    reasons: ClassVar[Mapping[str, str]] = {
        **_net.REASONS,
        **_tls.REASONS,
        **_grpc_health.REASONS,
        "not_serving": "The service says that it is not serving.",
        "status_unknown": "The service says neither that it is serving nor that it is not.",
        "service_unknown": "The server does not know the service.",
        "unimplemented": "The server has no health service (grpc.health.v1).",
        "auth": "The server does not know who we are: a token is missing, or wrong.",
        "permission": "The server does not let us ask.",
        "unavailable": "The server, or a proxy before it, can't answer now (UNAVAILABLE, RESOURCE_EXHAUSTED).",
        "server_error": "The call failed with another status, which the detail names.",
    }
    signals: ClassVar[tuple[Signal, ...]] = (_tls.expiry(REMAINING),)
    drivers: ClassVar[tuple[str, ...]] = ("h2",)

    address: Annotated[str, Meta(description="Where to connect: host:port, [::1]:port.", examples=["orders:50051"])]
    service: Annotated[str, Meta(description="The service to ask about; without it the whole server.")] = ""
    tls: Annotated[TLS | None, Meta(description="Do TLS; tls: {} verifies by the system's authorities.")] = None
    authority: Annotated[str, Meta(description="The host to ask for (:authority), if it is not the address.")] = ""
    metadata: Annotated[dict[str, Secret], Meta(description="Metadata to send with the call, such as a token.")] = {}  # noqa: RUF012 - msgspec copies it

    def __post_init__(self) -> None:
        try:
            _address.parse(self.address)
        except ValueError as error:
            raise ValueError(f"address: {error}") from None
        if len(self.service) > 200 or not self.service.isprintable():
            raise ValueError("service: expected at most 200 letters, dots and signs")
        if self.authority and not re.fullmatch(r"[\w.:\[\]-]+", self.authority, re.ASCII):
            raise ValueError("authority: expected host or host:port")
        for name, value in self.metadata.items():
            if not _NAME.fullmatch(name) or name.startswith("grpc-") or name in _RESERVED:
                raise ValueError(f"metadata: {name[:60]!r} is no name of metadata, in lower case, or is not to be set")
            if not _VALUE.fullmatch(value.reveal()) or value.reveal() != value.reveal().strip():
                raise ValueError(f"metadata: {name[:60]!r}: expected printable ASCII without spaces around it")

    async def run(self, out: Readings) -> None:
        show = _tls.dates(out, NOT_AFTER, REMAINING, NOT_BEFORE, VERIFIED)

        out.set(SERVING, 0)
        answer = await check(out, *self._where, self._asked, tls=self.tls, show=show)
        out.set(CODE, answer.code)
        if answer.code:
            raise self._refused(answer)
        if answer.status != STATUSES.index("SERVING"):
            status = answer.status or 0
            name = STATUSES[status] if status < len(STATUSES) else str(status)
            asked = f"service {self.service}" if self.service else "the server"
            raise Down(_STATUSES.get(name, "status_unknown"), f"{self.address}: {asked} is {name}")
        out.set(SERVING, 1)

    def _refused(self, answer: Answer) -> Down:
        said = quoted(answer.message, self, 120)
        detail = f"{self.address}: {answer.name}" + (f": {said}" if said else "")
        return Down(_CODES.get(answer.name, "server_error"), detail)

    @cached_property
    def _where(self) -> tuple[str, int]:
        return _address.parse(self.address)

    @cached_property
    def _asked(self) -> Check:
        metadata = tuple((name, value.reveal()) for name, value in self.metadata.items())
        return Check(self.service, self.authority, metadata)
