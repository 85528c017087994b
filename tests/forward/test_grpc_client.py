"""Against grpcio's own server, in the same loop: it speaks gRPC as collectors do, and answers as it is told."""

import asyncio
import gzip
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from exporter.forward.grpc_client import METHODS, GrpcClient
from exporter.forward.ports import SIGNALS, Reply
from exporter.values import Secret
from exporter.web.otlp_reply import Taken, details, response
from tests import certificates, hostile
from tests.forward.backends import Peer, until
from tests.servers import free_port


@dataclass
class Collector:
    """Answers each call by `answer`, which may abort it."""

    answer: Callable[[Any], Any] = lambda _: b""
    url: str = ""
    bodies: list[bytes] = field(default_factory=list)
    metadata: list[dict[str, Any]] = field(default_factory=list)
    methods: list[str] = field(default_factory=list)

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        self.methods.append(details.method)

        async def export(body: bytes, context: Any) -> bytes:
            self.bodies.append(body)
            self.metadata.append(dict(context.invocation_metadata()))
            made = self.answer(context)
            return made if isinstance(made, bytes) else await made

        return grpc.unary_unary_rpc_method_handler(export)


@asynccontextmanager
async def collector(
    answer: Callable[[Any], Any] = lambda _: b"", *, port: int = 0, tls: certificates.Pair | None = None, **options: Any
) -> AsyncIterator[Collector]:
    made = Collector(answer)
    server = grpc.aio.server(**options)
    server.add_generic_rpc_handlers((made,))
    if tls is None:
        port = server.add_insecure_port(f"127.0.0.1:{port}")
    else:
        pairs = [(tls.key.read_bytes(), tls.certificate.read_bytes())]
        asks = grpc.ssl_server_credentials(pairs, certificates.authority().read_bytes(), require_client_auth=True)
        port = server.add_secure_port(f"127.0.0.1:{port}", asks)
    made.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    await server.start()
    try:
        yield made
    finally:
        await server.stop(None)


@asynccontextmanager
async def client(endpoint: str, **about: Any) -> AsyncIterator[GrpcClient]:
    made = GrpcClient(Peer(endpoint, **about))
    try:
        yield made
    finally:
        await made.close()


def ask(answer: Callable[[Any], Any] = lambda _: b"", body: bytes = b"spans", **about: Any) -> tuple[Reply, Collector]:
    async def run() -> tuple[Reply, Collector]:
        async with collector(answer) as back, client(back.url, **about) as made:
            return await made.send(body), back

    return asyncio.run(run())


def refuses(code: grpc.StatusCode, message: str = "", *trailers: tuple[str, bytes]) -> Callable[[Any], Any]:
    return lambda context: context.abort(code, message, trailers)


@pytest.mark.parametrize("signal", SIGNALS)
def test_each_signal_has_its_method(signal: str) -> None:
    reply, back = ask(signal=signal)
    assert reply == Reply("taken", "OK")
    assert back.methods == [METHODS[signal]]  # type: ignore[index]


def test_a_request_has_the_metadata_that_is_configured_and_goes_through_no_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("http_proxy", "https_proxy", "grpc_proxy"):
        monkeypatch.setitem(os.environ, name, "http://127.0.0.1:1")
    reply, back = ask(headers={"Authorization": Secret("Bearer a\n"), "x-bin": Secret("b")})
    assert reply == Reply("taken", "OK")
    [metadata] = back.metadata
    assert metadata.pop("user-agent").startswith("stack-exporter/")
    assert metadata == {"authorization": "Bearer a", "x-bin": b"b"}


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_a_body_arrives_as_it_is_however_it_is_packed(compression: str) -> None:
    body = os.urandom(100_000) + bytes(2_000_000)
    reply, back = ask(body=body, compression=compression)
    assert (reply, back.bodies) == (Reply("taken", "OK"), [body])


def test_a_partial_success_is_read_also_when_it_is_compressed() -> None:
    body = response(Taken(7, "too old"), "traces", json=False)
    assert ask(lambda _: body)[0] == Reply("taken", "OK", partial=7, detail="too old")
    answers = [body, bytes(1_000_000)]

    async def run() -> Reply:
        async with (
            collector(lambda _: answers.pop(0), compression=grpc.Compression.Gzip) as back,
            client(back.url) as made,
        ):
            read = await made.send(b"")
            # A megabyte in a kilobyte is not unpacked beyond the limit.
            assert await made.send(b"") == Reply("taken", "OK")
            return read

    assert asyncio.run(run()) == Reply("taken", "OK", partial=7, detail="too old")


def test_what_is_taken_is_taken_whatever_the_reply_holds() -> None:
    for body in (b"\xff" * 50, gzip.compress(b"a" * 60_000_000)[:60_000], b"\x1f\x8bno"):
        assert ask(lambda _, body=body: body)[0] == Reply("taken", "OK")


def test_a_reply_beyond_the_limit_is_not_read_and_not_asked_for_again() -> None:
    reply, back = ask(lambda _: bytes(1_000_000))
    assert (reply[:2], len(back.bodies)) == (("rejected", "RESOURCE_EXHAUSTED"), 1)


def test_codes_and_retry_info_are_those_of_the_specification() -> None:
    status = ("grpc-status-details-bin", details(14, "busy", 7))
    assert ask(refuses(grpc.StatusCode.UNAVAILABLE, "busy", status))[0] == Reply(
        "later", "UNAVAILABLE", 7.0, detail="gRPC status UNAVAILABLE: busy"
    )
    assert ask(refuses(grpc.StatusCode.RESOURCE_EXHAUSTED, "", status))[0] == Reply(
        "later", "RESOURCE_EXHAUSTED", 7.0, detail="gRPC status RESOURCE_EXHAUSTED: busy"
    )
    headers = {"authorization": Secret("Bearer s3cr3t")}
    assert ask(refuses(grpc.StatusCode.UNAUTHENTICATED, "not s3cr3t"), headers=headers)[0] == Reply(
        "rejected", "UNAUTHENTICATED", detail="gRPC status UNAUTHENTICATED: not [REDACTED]"
    )


def test_the_deadline_holds_for_a_mute_back_end_and_for_one_that_is_no_grpc() -> None:
    assert ask(lambda _: asyncio.sleep(5), timeout=0.3)[0][:2] == ("later", "DEADLINE_EXCEEDED")

    async def run(port: int) -> Reply:
        async with client(f"http://127.0.0.1:{port}", timeout=0.3) as made:
            return await made.send(b"")

    with hostile.serving(hostile.mute, ask=False) as back:
        assert asyncio.run(run(back.port))[:2] == ("later", "DEADLINE_EXCEEDED")
    with hostile.serving(hostile.says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), ask=False) as back:
        assert asyncio.run(run(back.port)).result == "later"


def test_a_back_end_that_is_away_is_reached_with_the_first_request_after_it_is_back() -> None:
    port = free_port()

    async def run() -> tuple[Reply, Reply]:
        async with client(f"http://127.0.0.1:{port}") as made:
            for _ in range(5):
                away = await made.send(b"")
            async with collector(port=port):
                return away, await made.send(b"")

    away, back = asyncio.run(run())
    assert away[:2] == ("later", "UNAVAILABLE")
    assert "127.0.0.1" in away.detail
    assert back == Reply("taken", "OK")


def test_a_certificate_is_verified_and_files_are_read_again_after_a_failure(
    tmp_path: Path,
) -> None:
    ours, trusted = certificates.pair(), tmp_path / "ca.pem"

    async def run() -> list[Reply]:
        async with (
            collector(tls=ours) as back,
            client(back.url, ca_file=str(trusted), cert_file=str(ours.certificate), key_file=str(ours.key)) as made,
        ):
            replies = [await made.send(b"")]
            trusted.write_bytes(certificates.self_signed().certificate.read_bytes())
            replies.append(await made.send(b""))
            trusted.write_bytes(certificates.authority().read_bytes())
            return [*replies, await made.send(b"")]

    absent, wrong, right = asyncio.run(run())
    assert absent == Reply("later", "unreachable", detail=f"{trusted}: No such file or directory")
    assert wrong[:2] == ("later", "UNAVAILABLE")
    assert "CERTIFICATE_VERIFY_FAILED" in wrong.detail
    assert right == Reply("taken", "OK")


@pytest.mark.parametrize(("name", "value"), [("x-key", "gehe\u00efm"), ("x-key", "a\x01"), ("x+key", "a")])
def test_metadata_that_cannot_be_sent_is_told_without_its_value(name: str, value: str) -> None:
    reply, back = ask(headers={name: Secret(value)})
    said = f"the header {name!r} can't be sent: a sign in its name or its value is not allowed"
    assert (reply, back.methods) == (Reply("later", "unreachable", detail=said), [])


def test_a_send_that_is_cancelled_ends_at_the_back_end_too() -> None:
    ended: list[str] = []

    async def hang() -> bytes:
        try:
            await asyncio.sleep(5)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise
        return b""

    async def run() -> Reply:
        async with collector(lambda _: hang()) as back, client(back.url) as made:
            for body in (b"", bytes(100_000)):  # a large one begins in a thread
                sending = asyncio.ensure_future(made.send(body))
                await until(lambda body=body: body in back.bodies)  # type: ignore[misc]
                sending.cancel()
                await asyncio.wait({sending})
                assert sending.cancelled()
            await until(lambda: len(ended) == 2, within=3)
            sending = asyncio.ensure_future(made.send(b"never" * 10_000))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            sending.cancel()
            await asyncio.wait({sending})
            assert sending.cancelled()
            back.answer = lambda _: b""
            return await made.send(b"")

    assert asyncio.run(run()) == Reply("taken", "OK")
