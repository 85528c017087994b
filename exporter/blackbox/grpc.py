"""The prober `grpc`: calls the standard health service."""

import asyncio
import time
from urllib.parse import urlsplit

from exporter.blackbox import tls
from exporter.blackbox.address import choose
from exporter.blackbox.connection import connected, failed
from exporter.blackbox.family import DNS_LOOKUP_TIME, gauge
from exporter.blackbox.run import Run, host_and_port
from exporter.probe import Down
from exporter.probes import _address
from exporter.probes._grpc_call import Call
from exporter.probes._grpc_health import ALPN, CODES, STATUSES, Answer, Check, ask

DURATION = gauge("probe_grpc_duration_seconds", "Duration of gRPC request by phase", "phase")
SSL = gauge("probe_grpc_ssl", "Indicates if SSL was used for the connection")
CODE = gauge("probe_grpc_status_code", "Response gRPC status code")
STATUS = gauge("probe_grpc_healthcheck_response", "Response HealthCheck response", "serving_status")

_CODES = {"protocol": "INTERNAL", "not_grpc": "UNKNOWN"}
"""What Go's client makes of an answer that is none; of a connection that fails it makes UNAVAILABLE."""


async def probe(run: Run) -> bool:
    settings = run.module.grpc
    run.set(DURATION, 0.0, "resolve")
    run.register(SSL, CODE)
    host, port = _target(run)
    address = await choose(run, host, settings)
    run.set(DURATION, run.values[DNS_LOOKUP_TIME, ()], "resolve")
    began, code, answer = time.monotonic(), CODES.index("UNAVAILABLE"), None
    try:
        answer = await _called(run, host, port or ("443" if settings.tls else "80"), address)
        code = answer.code
    except Down as down:
        code = CODES.index(_CODES.get(down.reason, "UNAVAILABLE"))
        run.error("can't connect grpc server:", err=down.detail)
    except TimeoutError:
        code = CODES.index("DEADLINE_EXCEEDED")
        raise
    finally:
        run.set(DURATION, time.monotonic() - began, "check")
        run.set(CODE, code)
        for number, name in enumerate(STATUSES):
            run.set(STATUS, float(answer is not None and answer.status == number), name)
    if answer is not None and (answer.code or answer.status != STATUSES.index("SERVING")):
        run.error("can't connect grpc server:", code=answer.name, err=answer.message, status=answer.status)
        return False
    return answer is not None


def _target(run: Run) -> tuple[str, str]:
    """Host and port of the target, a URL or what stands at its beginning. Raises Failed."""
    target = run.target if run.target.startswith(("http://", "https://")) else f"http://{run.target}"
    try:
        authority = urlsplit(target).netloc.rpartition("@")[2]
    except ValueError as error:
        run.fail("Could not parse target URL", err=error)
    try:
        return host_and_port(authority)
    except ValueError:
        return authority, ""


async def _called(run: Run, host: str, port: str, address: str) -> Answer:
    """Raises Down, Failed, TimeoutError."""
    settings = run.module.grpc
    if not (port.isascii() and port.isdigit() and int(port) < 65536):
        run.fail("did not connect", err=f"{port!r} is not a port")
    where = _address.joined(host, int(port))
    metadata = [(name.lower(), each.reveal()) for name, values in settings.metadata.items() for each in values]
    try:
        sock = await connected(address, int(port), None, run.deadline)
    except OSError as error:
        raise failed(error, "can't connect grpc server:") from None
    transport, call = await asyncio.get_running_loop().create_connection(lambda: Call(where), sock=sock)
    try:
        if settings.tls:
            transport = await tls.handshake(run, transport, call, settings.tls_config, host, ALPN)
        async with asyncio.timeout_at(run.deadline):
            asked = Check(settings.service, metadata=tuple(metadata))
            answer = await ask(transport, call, asked, where, run.deadline)
        if settings.tls and not answer.code:  # who was spoken to Go's client tells of good calls alone
            run.set(SSL, 1.0)
            tls.show(run, transport, tls.GRPC)
        return answer
    finally:
        transport.abort()
