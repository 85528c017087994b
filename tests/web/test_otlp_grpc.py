"""OTLP/gRPC: the same as over HTTP, with gRPC's codes and RetryInfo where a client may send again."""

import asyncio
import gzip
import socket
from typing import Any

import grpc
import grpc.aio
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from exporter.ingest.ports import Refusing
from exporter.web.auth import Guard
from exporter.web.call import Room
from exporter.web.grpc_server import SIGNALS, GrpcServer, _remote
from exporter.web.otlp import Otlp
from tests.ingest.otlp_made import logs, raised, span, traces
from tests.web.otlp_desk import Desk, desk

pytestmark = pytest.mark.xdist_group("grpc-server")

GET = {"http.request.method": "GET", "http.response.status_code": 200, "http.route": "/orders/{id}"}
ONE = traces(span(2, GET))
MIXED = traces(span(2, GET), span(2, GET, trace_id=b"abc"))
FAILING = traces(span(2, GET, events=[raised("E", "m")]))
PATHS = {signal: path for path, signal in SIGNALS.items()}
TOKEN = "a-right-token"


async def call(here: Desk, body: bytes, *metadata: tuple[str, str], signal: Any = "traces", **options: Any) -> bytes:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{here.grpc.port}") as channel:
        return await channel.unary_unary(PATHS[signal])(body, metadata=metadata, timeout=10, **options)


async def refused(here: Desk, body: bytes, *metadata: tuple[str, str], **options: Any) -> tuple[str, float | None]:
    """Code, and the seconds of RetryInfo if there is one."""
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call(here, body, *metadata, **options)
    found = error.value
    details = dict(found.trailing_metadata() or ()).get("grpc-status-details-bin")
    if details is None:
        return found.code().name, None
    status = Status.FromString(details)
    assert (status.code, status.message) == (found.code().value[0], found.details())
    retry = RetryInfo()
    for detail in status.details:
        assert detail.Unpack(retry)
    return found.code().name, retry.retry_delay.seconds if status.details else None


async def test_each_signal_is_taken_and_what_is_rejected_is_said() -> None:
    async with desk() as here:
        assert await call(here, ONE) == b""
        assert ExportTraceServiceResponse.FromString(await call(here, MIXED)).partial_success.rejected_spans == 1
        assert await call(here, logs(LogRecord()), signal="logs") == b""
        assert await call(here, b"", signal="metrics") == b""
        assert here.counts() == {"accepted": 3, "invalid": 1}
        assert here.figures("stack_exporter_grpc_requests_total") == {
            ("traces", "ok"): 2, ("logs", "ok"): 1, ("metrics", "ok"): 1,
        }  # fmt: skip


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate])
async def test_a_message_may_be_compressed(compression: grpc.Compression) -> None:
    many = traces(*[span(2, GET)] * 50)
    async with desk() as here:
        assert await call(here, many, compression=compression) == b""
        assert here.counts() == {"accepted": 50}


async def test_what_is_malformed_is_an_invalid_argument() -> None:
    async with desk() as here:
        for body in (b"\xff\xff", ONE[:-1], b"\x1f\x8bnothing at all", gzip.compress(ONE)[:-3], b"\x78\x9c"):
            assert await refused(here, body) == ("INVALID_ARGUMENT", None)
        assert (await refused(here, b"\n\x00" * 200_000)) == ("RESOURCE_EXHAUSTED", None)
        assert here.counts() == {"invalid": 3}


async def test_a_bomb_and_a_message_too_large_exhaust_nothing() -> None:
    async with desk() as here:
        bomb = bytes(17 * 1024 * 1024)
        assert await refused(here, bomb, compression=grpc.Compression.Gzip) == ("RESOURCE_EXHAUSTED", None)
        assert await refused(here, bomb) == ("RESOURCE_EXHAUSTED", None)
        assert await call(here, ONE) == b""


async def test_the_token_comes_in_the_metadata() -> None:
    async with desk(tokens=[TOKEN]) as here:
        assert await refused(here, ONE) == ("UNAUTHENTICATED", None)
        assert await refused(here, ONE, ("authorization", "Bearer a-wrong-token")) == ("UNAUTHENTICATED", None)
        assert await call(here, ONE, ("authorization", f"Bearer {TOKEN}")) == b""
        twice = [("authorization", f"Bearer {TOKEN}")] * 2
        assert await refused(here, ONE, *twice) == ("INVALID_ARGUMENT", None)


async def test_without_a_token_whoever_asks_a_proxy_on_this_machine_may_not() -> None:
    async with desk() as here:
        assert await refused(here, ONE, ("x-forwarded-for", "203.0.113.9")) == ("PERMISSION_DENIED", None)


async def test_a_client_is_told_when_to_send_again() -> None:
    async with desk(bytes_per_second=1) as here:
        here.ledger.refusing = Refusing("full", 7.0)
        assert await refused(here, FAILING) == ("RESOURCE_EXHAUSTED", 8)
        here.ledger.refusing = None
        assert await call(here, traces(*[span(2, {"x": "y" * 60_000})] * 260)) == b""
        code, seconds = await refused(here, ONE * 8_000)
        assert code == "RESOURCE_EXHAUSTED"
        assert seconds
        here.use(intake=None)
        assert await refused(here, ONE) == ("UNAVAILABLE", 1)


async def test_another_method_is_not_implemented() -> None:
    async with desk() as here, grpc.aio.insecure_channel(f"127.0.0.1:{here.grpc.port}") as channel:
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await channel.unary_unary("/opentelemetry.proto.collector.profiles.v1.Profiles/Export")(b"", timeout=10)
        assert error.value.code() == grpc.StatusCode.UNIMPLEMENTED


async def test_a_port_that_is_taken_is_an_error_that_names_it() -> None:
    async with desk() as here:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            server = GrpcServer(address, Otlp(), lambda: here.services, Guard(here.services.state.tallies), Room())
            with pytest.raises(OSError, match=address):
                await server.start()
            await server.stop(0)


async def test_what_is_under_way_ends_before_the_server_does() -> None:
    many = traces(*[span(2, GET)] * 20_000)
    async with desk() as here:
        await call(here, ONE)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{here.grpc.port}") as channel:
            pending = channel.unary_unary(PATHS["traces"])(many, timeout=10)
            while not here.grpc._room.taken:  # noqa: SLF001
                await asyncio.sleep(0.005)
            await here.grpc.stop(5)
            assert await pending == b""
        assert here.counts() == {"accepted": 20_001}
        assert here.grpc._room.taken == 0  # noqa: SLF001


PEERS = {
    "ipv4:127.0.0.1:49278": "127.0.0.1",
    "ipv6:%5B::1%5D:49278": "::1",
    "ipv6:[::ffff:10.0.0.1]:5": "10.0.0.1",
    "unix:": "",
}


@pytest.mark.parametrize("peer", PEERS)
def test_the_senders_address_is_read_from(peer: str) -> None:
    assert _remote(peer) == PEERS[peer]
