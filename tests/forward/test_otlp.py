import logging
import os
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest
import trustme
from opentelemetry.exporter.otlp.proto.grpc import exporter as sdk
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

from exporter.forward import otlp
from exporter.forward.ended import Ended
from exporter.forward.otlp import Exporter, Outcome, outcome
from exporter.forward.target import Target
from exporter.values import Secret
from tests.forward.sink import Sink, sink
from tests.servers import free_port

RUN = Ended("api", "http", 1_700_000_000.0, 0.5, "healthy", "", "", (), f"00-{1:032x}-{2:016x}-01")


@dataclass
class Service(trace_service_pb2_grpc.TraceServiceServicer):
    """A gRPC back end that answers with `code`; a collector refuses nothing when told."""

    code: grpc.StatusCode = grpc.StatusCode.OK
    metadata: list[dict[str, str]] = field(default_factory=list)
    spans: int = 0

    def Export(self, request: trace_service_pb2.ExportTraceServiceRequest, context: grpc.ServicerContext) -> object:
        self.metadata.append(dict(context.invocation_metadata()))
        self.spans += sum(len(scope.spans) for group in request.resource_spans for scope in group.scope_spans)
        if self.code is not grpc.StatusCode.OK:
            context.abort(self.code, "no")
        return trace_service_pb2.ExportTraceServiceResponse()


@contextmanager
def service(credentials: grpc.ServerCredentials | None = None) -> Iterator[tuple[Service, str]]:
    answering, port = Service(), free_port()
    server = grpc.server(ThreadPoolExecutor(2))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(answering, server)
    address = f"127.0.0.1:{port}"
    if credentials:
        server.add_secure_port(address, credentials)
    else:
        server.add_insecure_port(address)
    server.start()
    try:
        yield answering, f"{'https' if credentials else 'http'}://{address}"
    finally:
        server.stop(None).wait()


def send(target: Target) -> Outcome:
    exporter = Exporter(target, {"service.name": "it"})
    try:
        return exporter.send([RUN])
    finally:
        exporter.close()


@pytest.fixture
def _foreign(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Credentials that belong to something else than our back end."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b\n")
    netrc.chmod(0o600)
    monkeypatch.setitem(os.environ, "NETRC", str(netrc))
    monkeypatch.setitem(os.environ, "OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20foreign,x-other=1")
    monkeypatch.setitem(os.environ, "OTEL_EXPORTER_OTLP_TRACES_HEADERS", "authorization=Bearer%20foreign,x-other=1")
    monkeypatch.setitem(os.environ, "OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")


@pytest.mark.usefixtures("_foreign")
@pytest.mark.parametrize("headers", [{}, {"authorization": Secret("Bearer ours")}])
def test_only_the_headers_of_a_back_end_reach_it(headers: dict[str, Secret]) -> None:
    with sink() as back:
        assert send(Target(back.url + "/v1/traces", headers=headers)) == Outcome("exported")
    with service() as (answering, url):
        assert send(Target(url, "grpc", headers)) == Outcome("exported")
    for (got,) in (back.headers, answering.metadata):
        assert got.get("authorization") == (headers["authorization"].reveal() if headers else None)
        assert "x-other" not in got
        assert "content-encoding" not in got


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_a_body_can_be_compressed(protocol: str) -> None:
    if protocol == "http":
        with sink() as back:
            assert send(Target(back.url + "/v1/traces", gzip=True)) == Outcome("exported")
        assert (back.headers[0]["content-encoding"], len(back.spans)) == ("gzip", 1)
    else:
        with service() as (answering, url):
            assert send(Target(url, "grpc", gzip=True)) == Outcome("exported")
        assert answering.spans == 1


@pytest.mark.parametrize(
    ("code", "result"),
    [
        ("UNAUTHENTICATED", "rejected"),
        ("PERMISSION_DENIED", "rejected"),
        ("INVALID_ARGUMENT", "rejected"),
        ("UNIMPLEMENTED", "rejected"),
        ("UNAVAILABLE", "unreachable"),
        ("RESOURCE_EXHAUSTED", "unreachable"),
    ],
)
def test_a_grpc_code_tells_whether_to_send_again(code: str, result: str) -> None:
    for known in [known for known in sdk.logger.filters if isinstance(known, otlp._Listener)]:
        sdk.logger.removeFilter(known)  # as when the SDK was imported first
    with service() as (answering, url):
        answering.code = grpc.StatusCode[code]
        assert send(Target(url, "grpc", timeout=0.3)) == Outcome(result, f"gRPC status {code}")


@pytest.mark.parametrize(
    ("answer", "succeeded", "expected"),
    [
        ("200", True, Outcome("exported")),
        ("307", True, Outcome("rejected", "HTTP status 307")),
        ("429", False, Outcome("unreachable", "HTTP status 429")),
        ("", True, Outcome("exported")),
        ("", False, Outcome("unreachable", "no answer in time")),
        ("ConnectionRefusedError", False, Outcome("unreachable", "ConnectionRefusedError")),
    ],
)
def test_an_answer_becomes_an_outcome(answer: str, succeeded: bool, expected: Outcome) -> None:
    assert outcome(answer, succeeded=succeeded) == expected


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_the_sdk_logs_nothing_of_its_failures(protocol: str) -> None:
    records: list[logging.LogRecord] = []
    handler = logging.Handler(logging.DEBUG)
    handler.emit = records.append
    logging.getLogger().addHandler(handler)
    try:
        assert send(Target(f"http://127.0.0.1:{free_port()}", protocol, timeout=0.3)).result == "unreachable"
    finally:
        logging.getLogger().removeHandler(handler)
    assert [record.name for record in records] == []


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def files(authority: trustme.CA, tmp_path: Path) -> dict[str, str]:
    client = authority.issue_cert("client.test")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    client.private_key_pem.write_to_path(tmp_path / "key.pem")
    client.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    return {f"{name}_file": str(tmp_path / f"{name}.pem") for name in ("ca", "cert", "key")}


def test_grpc_over_tls_with_a_client_certificate(authority: trustme.CA, files: dict[str, str]) -> None:
    issued = authority.issue_cert("127.0.0.1")
    pair = (issued.private_key_pem.bytes(), issued.cert_chain_pems[0].bytes())
    credentials = grpc.ssl_server_credentials([pair], authority.cert_pem.bytes(), require_client_auth=True)
    with service(credentials) as (answering, url):
        assert send(Target(url, "grpc", timeout=2.0, **files)) == Outcome("exported")
        assert send(Target(url, "grpc", timeout=0.3)).result == "unreachable"
    assert answering.spans == 1


def test_http_over_tls_with_a_client_certificate(
    authority: trustme.CA, files: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import requests.certs

    monkeypatch.setitem(os.environ, "REQUESTS_CA_BUNDLE", requests.certs.where())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    with sink(tls=context) as back:
        assert send(Target(back.url + "/v1/traces", **files)) == Outcome("exported")
        answer = send(Target(back.url + "/v1/traces", timeout=0.3))
    assert answer == Outcome("unreachable", "SSLCertVerificationError")
    assert len(back.spans) == 1


def test_files_that_are_missing_are_told_and_raise_nothing() -> None:
    for protocol in ("http", "grpc"):
        answer = send(Target(f"https://127.0.0.1:{free_port()}", protocol, timeout=0.3, ca_file="/nowhere/ca.pem"))
        assert answer.result == "unreachable"
        assert "Error" in answer.detail
        assert "/nowhere/ca.pem" in answer.detail


def test_a_closed_exporter_raises_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with sink() as back:
        exporter = Exporter(Target(back.url), {})
        exporter.close()
        assert exporter.send([RUN]).result == "unreachable"
        assert isinstance(back, Sink)
        assert not back.paths
