"""Real back ends take what the clients send: rotel, and our own ingest, over both protocols."""

import asyncio
from collections.abc import Iterator

import pytest

from exporter.forward.clients import client
from exporter.forward.ports import Reply
from exporter.values import Secret
from tests import servers
from tests.forward.backends import Peer, until
from tests.ingest import otlp_made
from tests.servers.telemetry import Rotel
from tests.web.otlp_desk import desk

WAYS = (("http", "none"), ("http", "gzip"), ("http", "zstd"), ("grpc", "none"), ("grpc", "gzip"))
OK = {"http": "200", "grpc": "OK"}


@pytest.fixture(scope="module")
def collector() -> Iterator[Rotel]:
    with servers.rotel() as server:
        yield server


async def send(peer: Peer, *bodies: bytes) -> list[Reply]:
    made = client(peer)  # type: ignore[arg-type]
    try:
        return [await made.send(body) for body in bodies]
    finally:
        await made.close()


def spans(name: str) -> bytes:
    return otlp_made.traces(*(otlp_made.span(name=f"{name} {number}") for number in range(100)))


@pytest.mark.parametrize(("protocol", "compression"), [way for way in WAYS if way[1] != "zstd"])
def test_a_collector_takes_all_that_is_joined(collector: Rotel, protocol: str, compression: str) -> None:
    endpoint = f"{collector.url}/v1/traces" if protocol == "http" else f"http://127.0.0.1:{collector.grpc_port}"
    name = f"{protocol} {compression}"

    async def go() -> list[Reply]:
        peer = Peer(endpoint, protocol=protocol, compression=compression)
        replies = await send(peer, spans(f"{name} a") + spans(f"{name} b"), spans(f"{name} c"))
        await until(lambda: f"{name} c 99" in collector.log)
        return replies

    assert asyncio.run(go()) == [Reply("taken", OK[protocol])] * 2
    assert {f"{name} {part} {number}" in collector.log for part in "abc" for number in range(100)} == {True}


def test_what_a_collector_can_not_read_is_rejected(collector: Rotel) -> None:
    found = asyncio.run(send(Peer(f"{collector.url}/v1/traces"), b"\xff" * 20))
    assert [reply.result for reply in found] == ["rejected"]
    found = asyncio.run(send(Peer(f"http://127.0.0.1:{collector.grpc_port}", protocol="grpc"), b"\xff" * 20))
    assert [reply.result for reply in found] == ["rejected"]
    found = asyncio.run(send(Peer(f"{collector.url}/nowhere"), b""))
    assert found == [Reply("rejected", "404", detail="HTTP status 404")]


@pytest.mark.parametrize(("protocol", "compression"), WAYS)
def test_another_sidecar_takes_all_that_is_joined(protocol: str, compression: str) -> None:
    async def go() -> tuple[list[Reply], dict[str, float]]:
        async with desk(tokens=["a-token-of-sixteen"]) as made:
            endpoint = f"http://127.0.0.1:{made.server.port}/v1/traces"
            if protocol == "grpc":
                endpoint = f"http://127.0.0.1:{made.grpc.port}"
            headers = {"authorization": Secret("Bearer a-token-of-sixteen")}
            peer = Peer(endpoint, protocol=protocol, compression=compression, headers=headers)
            replies = await send(peer, spans("a") + spans("b"))
            replies += await send(
                Peer(endpoint, protocol=protocol, headers={"authorization": Secret("Bearer other")}), b""
            )
            return replies, made.counts()

    (taken, refused), counts = asyncio.run(go())
    assert taken == Reply("taken", OK[protocol])
    assert refused[:2] == ("rejected", "401" if protocol == "http" else "UNAUTHENTICATED")
    assert refused.detail.endswith(": missing or wrong credentials")
    assert counts == {"accepted": 200}
