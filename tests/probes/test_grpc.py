"""Every reason of grpc and what provokes it, on a real server where one does so, and what a call is made of."""

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
import uvloop

from exporter.probe import Result
from exporter.probes._grpc_health import status
from exporter.probes.grpc import GRPC
from tests import certificates, hostile, probing
from tests.fakes import rpc as fake
from tests.probing import component, readings
from tests.servers import Server
from tests.servers.rpc import rpc

pytestmark = pytest.mark.xdist_group("rpc")
Fields = contextlib.AbstractContextManager[dict[str, Any]]
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
TLS = {"ca_file": str(certificates.authority())}


@pytest.fixture(name="server", scope="module")
def its_server() -> Iterator[Server]:
    with rpc() as server:
        yield server


@contextlib.contextmanager
def at(address: str, **fields: Any) -> Iterator[dict[str, Any]]:
    yield {"address": address, **fields}


@contextlib.contextmanager
def named(answer: Callable[..., object]) -> Iterator[dict[str, Any]]:
    with hostile.resolver(answer):
        yield {"address": "orders.example:50051"}


@contextlib.contextmanager
def answers(answer: hostile.Answer, context: ssl.SSLContext | None = None, **fields: Any) -> Iterator[dict[str, Any]]:
    with hostile.serving(answer, tls=context, ask=False) as server:
        yield {"address": f"localhost:{server.port}", **fields}


def call(script: fake.Script, **fields: Any) -> Fields:
    return answers(fake.answers(script), **fields)


def over_tls(pair: certificates.Pair, answer: hostile.Answer = hostile.mute, **context: Any) -> Fields:
    return answers(answer, pair.context(**context), tls=TLS)


REASONS: dict[str, Callable[[Server], Fields]] = {
    "resolve": lambda _: named(hostile.resolves()),
    "nameserver": lambda _: named(hostile.no_name_server),
    "refused": lambda _: at(f"127.0.0.1:{hostile.unused()}"),
    "unreachable": lambda _: at("255.255.255.255:50051"),
    "reset": lambda _: answers(hostile.resets()),
    "closed": lambda _: answers(hostile.says()),
    "tls_required": lambda _: answers(hostile.says(b"\x15\x03\x01\x00\x02\x02\x46")),
    "no_alpn": lambda _: over_tls(certificates.pair()),
    "protocol": lambda _: call(fake.replies(b"\1\0\0\0\2\x08\x01")),
    "not_grpc": lambda _: call(fake.http("200")),
    "stream_reset": lambda _: call(fake.resets()),
    "goaway": lambda _: call(fake.leaves()),
    "not_serving": lambda server: at(server.url, service="stock"),
    "status_unknown": lambda server: at(server.url, service="ledger"),
    "service_unknown": lambda server: at(server.url, service="nobody"),
    "unimplemented": lambda _: call(fake.fails("12")),
    "auth": lambda _: call(fake.fails("16")),
    "permission": lambda _: call(fake.fails("7")),
    "unavailable": lambda _: call(fake.http("503")),
    "server_error": lambda _: call(fake.fails("13")),
    "tls_expired": lambda _: over_tls(certificates.expired()),
    "tls_not_yet_valid": lambda _: over_tls(certificates.not_yet_valid()),
    "tls_untrusted": lambda _: over_tls(certificates.self_signed()),
    "tls_hostname": lambda _: over_tls(certificates.wrong_host()),
    "tls_version": lambda _: over_tls(certificates.pair(), newest=ssl.TLSVersion.TLSv1),
    "tls_plaintext": lambda server: at(server.url, tls={}),
    "tls": lambda _: over_tls(certificates.pair(), client_ca=certificates.authority(), newest=ssl.TLSVersion.TLSv1_2),
}


def on(loop: str, *, timeout: float = 5.0, **fields: Any) -> Result:
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        return runner.run(probing.run("grpc", timeout=timeout, **fields))


def test_the_table_has_every_reason() -> None:
    assert set(REASONS) == set(GRPC.reasons)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("reason", REASONS)
def test_each_reason_is_provoked(reason: str, loop: str, server: Server) -> None:
    with REASONS[reason](server) as fields:
        result = on(loop, **fields)
    assert (result.outcome, result.reason) == ("unhealthy", reason), result.detail
    assert (bool(result.detail), readings(result)["stack_grpc_serving"]) == (True, 0.0)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("service", ["", "orders"])
def test_a_service_that_serves_is_healthy(server: Server, service: str, loop: str) -> None:
    result = on(loop, address=server.url, service=service)
    assert (result.outcome, [phase.name for phase in result.phases]) == ("healthy", ["connect", "call"]), result.detail
    assert readings(result) == {"stack_grpc_serving": 1.0, "stack_grpc_status_code": 0.0}


@pytest.mark.parametrize("loop", LOOPS)
def test_over_tls_the_certificate_shows(loop: str) -> None:
    pair = certificates.pair()
    with rpc(tls=pair) as server:
        result = on(loop, address=f"localhost:{server.port}", tls=TLS)
        plain = on(loop, address=server.url)
    found = readings(result)
    assert result.outcome == "healthy", result.detail
    assert found.pop("stack_grpc_certificate_remaining_seconds") == pytest.approx(
        pair.not_after - result.started, abs=5
    )
    assert found == {
        "stack_grpc_serving": 1.0,
        "stack_grpc_status_code": 0.0,
        "stack_grpc_certificate_not_before_timestamp_seconds": pair.not_before,
        "stack_grpc_certificate_not_after_timestamp_seconds": pair.not_after,
        "stack_grpc_certificate_verified": 1.0,
    }
    assert (plain.reason, "gRPC servers that want TLS do so" in plain.detail) == ("closed", True)


def test_a_real_server_without_a_health_service_is_told_from_one_that_knows_no_such_service(server: Server) -> None:
    with rpc(None) as bare:
        without = on("uvloop", address=bare.url)
    unknown = on("uvloop", address=server.url, service="nobody")
    assert (without.reason, readings(without)["stack_grpc_status_code"]) == ("unimplemented", 12.0)
    assert (unknown.reason, readings(unknown)["stack_grpc_status_code"]) == ("service_unknown", 5.0)


def test_a_token_goes_along_and_is_not_shown_when_the_server_repeats_it() -> None:
    def given(token: str) -> dict[str, Any]:
        return {"metadata": {"authorization": f"Bearer {token}"}}

    with rpc(token="correct-horse") as server:
        assert on("uvloop", address=server.url, **given("correct-horse")).outcome == "healthy"
        assert on("uvloop", address=server.url).reason == "auth"
        wrong = on("uvloop", address=server.url, **given("battery-staple"))
    assert (wrong.reason, wrong.detail.partition(": ")[2]) == ("permission", "PERMISSION_DENIED: not with [REDACTED]")


def test_a_call_is_made_as_grpc_has_it() -> None:
    heard: dict[str, Any] = {}
    with answers(fake.answers(fake.replies(), heard)) as fields:
        result = on("uvloop", **fields, service="ü" * 100, authority="orders.internal", metadata={"x-tenant": "shop"})
    assert result.outcome == "healthy", result.detail
    assert 5000 <= int(heard.pop("grpc-timeout").removesuffix("m")) <= 5100
    assert heard == {
        ":method": "POST",
        ":scheme": "http",
        ":path": "/grpc.health.v1.Health/Check",
        ":authority": "orders.internal",
        "te": "trailers",
        "content-type": "application/grpc",
        "user-agent": "stack-exporter",
        "x-tenant": "shop",
        "message": b"\0\0\0\0\xcb\x0a\xc8\x01" + ("ü" * 100).encode(),
    }


@pytest.mark.parametrize(
    "script,reason,detail",
    [
        (fake.fails("14", "no%20upstream%20%E2%82%AC%1b[31m"), "unavailable", "UNAVAILABLE: no upstream € [31m"),
        (fake.fails("8"), "unavailable", "RESOURCE_EXHAUSTED"),
        (fake.fails("99"), "server_error", "99"),
        (fake.http("404"), "unimplemented", "UNIMPLEMENTED: HTTP status 404"),
        (fake.http("401"), "auth", "UNAUTHENTICATED: HTTP status 401"),
        (fake.http("302"), "not_grpc", "HTTP status 302, and not as gRPC does"),
        (fake.leaves(11), "goaway", "ended the connection, with ENHANCE_YOUR_CALM"),
        (fake.leaves(0, 1), "goaway", "ended the connection, with NO_ERROR"),
        (fake.resets(99), "stream_reset", "broke off the call, with error 99"),
        (fake.replies(tail=(("x", "y"),)), "protocol", "without a grpc-status that is a number"),
        (fake.replies(tail=(("grpc-status", "x"),)), "protocol", "without a grpc-status that is a number"),
        (fake.replies(b""), "protocol", "a message that is compressed, cut, or not alone"),
        (fake.replies(b"\0\0\0\0\1\x08"), "protocol", "a message whose number has no end"),
        (fake.replies(b"x" * 5000), "protocol", "an answer of more than 4096 bytes"),
        (fake.writes(fake.frame(1, b"\xff\xff\xff", 4, 1)), "protocol", "HTTP/2"),
        (fake.writes(b"\xff" * 20), "protocol", "a frame of 16777215 bytes"),
        (fake.writes(fake.frame(6, b"p" * 8) * 2000), "protocol", "more than 1000 frames"),
        (fake.replies(b"\0\0\0\0\2\x08\x07"), "status_unknown", "the server is 7"),
        (fake.replies(b"\0\0\0\0\2\x08\x03"), "service_unknown", "the server is SERVICE_UNKNOWN"),
    ],
)
def test_an_answer_that_is_none_has_its_reason(script: fake.Script, reason: str, detail: str) -> None:
    with call(script) as fields:
        result = on("uvloop", **fields)
    assert (result.reason, detail in result.detail) == (reason, True), result.detail


def test_a_web_server_is_told_from_a_grpc_server() -> None:
    for said in (b"HTTP/1.1 400 Bad Request\r\n\r\n", b"HTTP/1.0 505 Version\r\n\r\n"):
        with answers(hostile.says(said)) as fields:
            result = on("uvloop", **fields)
        assert (result.reason, "answers in HTTP/1" in result.detail) == ("not_grpc", True)


@pytest.mark.parametrize("script", [lambda _: None, fake.writes(fake.frame(0, b"\0" * 5, 0, 1)[:12])])
def test_silence_after_the_request_is_a_timeout(script: fake.Script) -> None:
    with call(script) as fields:
        result = on("uvloop", timeout=0.3, **fields)
    assert (result.reason, 0.29 <= result.duration < 2.0) == ("timeout", True), result.detail


def test_silence_before_anything_is_a_timeout() -> None:
    with answers(hostile.mute) as fields:
        assert on("uvloop", timeout=0.3, **fields).reason == "timeout"
    with hostile.full() as port:
        assert on("uvloop", timeout=0.3, address=f"127.0.0.1:{port}").reason == "connect_timeout"


def test_fields_of_a_later_version_are_passed_over() -> None:
    assert status(b"\0\0\0\0\x10\x12\x02ab\x08\x01\x1d\0\0\0\0\x18\x96\x01\x20\x00") == 1
    assert status(b"\0\0\0\0\0") == 0


@pytest.mark.parametrize(
    "fields,message",
    [
        ({"address": "orders"}, "address: expected host:port"),
        ({"address": "http://u:hunter2@orders:1"}, "address: expected host:port"),
        ({"service": "a\nb"}, "service: expected"),
        ({"authority": "a b"}, "authority: expected host or host:port"),
        ({"metadata": {"X-Tenant": "a"}}, "'X-Tenant' is no name of metadata"),
        ({"metadata": {"grpc-timeout": "1S"}}, "is not to be set"),
        ({"metadata": {"te": "x"}}, "is not to be set"),
        ({"metadata": {"x": "hunter2\r\nx: y"}}, "'x': expected printable ASCII"),
    ],
)
def test_a_bad_configuration_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message) as refused:
        component("grpc", **{"address": "orders:50051", **fields})
    assert "hunter2" not in str(refused.value)
