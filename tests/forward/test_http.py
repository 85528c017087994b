import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psutil
import pytest

from exporter import __version__
from exporter.forward.http import HttpClient
from exporter.forward.ports import Reply
from exporter.forward.reply import LARGEST
from exporter.values import Secret
from tests.forward.backends import Answer, Back, Peer, answers_and_leaves, backend, hangs_up, head, mute, repeats, says
from tests.servers import free_port


@asynccontextmanager
async def client(endpoint: str, **about: Any) -> AsyncIterator[HttpClient]:
    made = HttpClient(Peer(endpoint, **about))
    try:
        yield made
    finally:
        await made.close()


def ask(
    *answers: Answer, times: int = 1, body: bytes = b"spans", pause: float = 0.0, **about: Any
) -> tuple[Reply, Back]:
    """The last reply to so many requests, and the back end that got them."""

    async def run() -> tuple[Reply, Back]:
        async with backend(*answers) as back, client(back.url, **about) as made:
            for _ in range(times):
                reply = await made.send(body)
                await asyncio.sleep(pause)
            return reply, back

    return asyncio.run(run())


def test_a_request_has_the_headers_that_are_configured_and_nothing_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b\n")
    for name, value in (
        ("NETRC", str(netrc)),
        ("HTTP_PROXY", "http://127.0.0.1:1"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=foreign"),
    ):
        monkeypatch.setitem(os.environ, name, value)
        monkeypatch.setitem(os.environ, name.lower(), value)
    headers = {"X-Key": Secret("secret\n"), "content-type": Secret("text/html"), "Content-Encoding": Secret("br")}
    reply, back = ask(headers=headers)
    assert reply == Reply("taken", "200")
    [request] = back.requests
    assert request.line == "POST /v1/traces HTTP/1.1"
    assert request.headers == {
        "host": f"127.0.0.1:{back.port}",
        "accept": "*/*",
        "accept-encoding": "identity",
        "content-type": "application/x-protobuf",
        "content-length": "5",
        "user-agent": f"stack-exporter/{__version__}",
        "x-key": "secret",
    }


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
@pytest.mark.parametrize("size", [5, 3_000_000])
def test_a_body_arrives_as_it_is_however_it_is_packed(compression: str, size: int) -> None:
    body = os.urandom(size // 2) + bytes(size - size // 2)
    reply, back = ask(body=body, compression=compression)
    assert reply == Reply("taken", "200")
    assert back.bodies == [body]
    assert back.requests[0].headers.get("content-encoding", "none") == compression
    assert "transfer-encoding" not in back.requests[0].headers


def test_requests_share_a_connection() -> None:
    _, back = ask(times=3)
    assert (len(back.requests), back.connections) == (3, 1)


def test_a_kept_connection_that_the_back_end_closed_is_no_failure() -> None:
    reply, back = ask(answers_and_leaves(), hangs_up(), says(200), times=2)
    assert reply == Reply("taken", "200")
    assert back.connections == 2
    reply, back = ask(answers_and_leaves(), times=2, pause=0.05)
    assert (reply, back.connections, len(back.requests)) == (Reply("taken", "200"), 2, 2)


def test_a_back_end_that_hangs_up_is_asked_once_on_a_new_connection_and_twice_on_a_kept_one() -> None:
    failed = Reply(
        "later",
        "unreachable",
        detail="it closed the connection without an answer; over TLS it may want a client certificate (cert_file)",
    )
    reply, back = ask(hangs_up())
    assert (reply, len(back.requests)) == (failed, 1)
    reply, back = ask(says(200), hangs_up(), times=2)
    assert (reply, len(back.requests)) == (failed, 3)


def test_a_back_end_that_is_not_there_is_unreachable() -> None:
    async def run() -> Reply:
        async with client(f"http://127.0.0.1:{free_port()}/v1/traces") as made:
            return await made.send(b"")

    reply = asyncio.run(run())
    assert reply[:2] == ("later", "unreachable")
    assert reply.detail == "it refuses connections"


def test_redirects_are_not_followed_and_cookies_not_kept() -> None:
    answer = says(307, headers={"location": "/elsewhere", "set-cookie": "a=b"})

    async def run() -> list[Reply]:
        # By its name, as aiohttp keeps no cookies of addresses.
        async with backend(answer) as back, client(f"http://localhost:{back.port}/v1/traces") as made:
            replies = [await made.send(b""), await made.send(b"")]
            assert [request.line for request in back.requests] == ["POST /v1/traces HTTP/1.1"] * 2
            assert "cookie" not in back.requests[1].headers
            return replies

    assert asyncio.run(run()) == [Reply("rejected", "307", detail="HTTP status 307")] * 2


UNHEARD: dict[str, tuple[Answer, Reply]] = {
    "mute": (mute, Reply("later", "timeout", detail="no answer within 0.3 s")),
    "dripping headers": (repeats(b"HTTP/1.1 200 OK\r\nx: ", b"a", 0.01), Reply("later", "timeout", detail="no answer within 0.3 s")),
    "endless headers": (
        repeats(b"HTTP/1.1 200 OK\r\n", b"x-a: aaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n" * 100),
        Reply("later", "unreachable", detail="its answer is not HTTP/1.1: is it protocol: grpc?"),
    ),
    "an endless header": (
        repeats(b"HTTP/1.1 200 OK\r\nx: ", b"a" * 10_000),
        Reply("later", "unreachable", detail="its answer is not HTTP/1.1: is it protocol: grpc?"),
    ),
    "no HTTP": (hangs_up(b"SSH-2.0-OpenSSH\r\n"), Reply("later", "unreachable", detail="its answer is not HTTP/1.1: is it protocol: grpc?")),
    "half a head": (
        hangs_up(b"HTTP/1.1 200 OK\r\n"),
        Reply("later", "unreachable", detail="it closed the connection without an answer; over TLS it may want a client certificate (cert_file)"),
    ),
    "taken, and its body drips": (repeats(head(200, {}, 100_000), b"a", 0.01), Reply("taken", "200")),
    "taken, and its body ends too soon": (hangs_up(head(200, {}, 100) + b"a"), Reply("taken", "200")),
    "busy, and its body never comes": (
        repeats(head(503, {"retry-after": "7"}, 100), b"", 0.05),
        Reply("later", "503", 7.0, detail="HTTP status 503"),
    ),
    "wrong, and its body never comes": (
        repeats(head(400, {}, 100), b"", 0.05),
        Reply("rejected", "400", detail="HTTP status 400"),
    ),
    "taken, with a reply without an end": (
        repeats(head(200, {}, 10**9), b"a" * 65536),
        Reply("rejected", "200", detail="HTTP status 200 with a reply of more than 65536 bytes"),
    ),
    "busy, with a reply without an end": (
        repeats(head(429, {"content-type": "text/plain"}, None), b"no " * 20_000),
        Reply("later", "429", detail="HTTP status 429: " + ("no " * 100)[:160]),
    ),
    "another content type": (says(200, b"<html>", {"content-type": "text/html"}), Reply("taken", "200")),
    "garbage": (says(200, b"\xff" * 100), Reply("taken", "200")),
    "no content": (says(204), Reply("taken", "204")),
}  # fmt: skip


@pytest.mark.parametrize("name", UNHEARD)
def test_what_a_back_end_answers_that_is_none(name: str) -> None:
    answer, expected = UNHEARD[name]
    assert ask(answer, timeout=0.3)[0] == expected


def test_a_reply_without_an_end_takes_no_memory_and_the_next_request_another_connection() -> None:
    ask(says(200))
    before = psutil.Process().memory_info().rss
    reply, back = ask(repeats(head(200, {}, 10**9), bytes(65536)), times=20)
    assert psutil.Process().memory_info().rss - before < 8_000_000
    assert (reply.result, back.connections) == ("rejected", 20)


def test_a_reply_of_the_largest_size_is_read() -> None:
    body = b"\x0a\x02\x08\x07" + b"\x12" + b"\xf6\xff\x03" + bytes(LARGEST - 8)
    assert ask(says(200, body))[0] == Reply("taken", "200", partial=7)


def test_the_deadline_is_over_all_that_a_request_does() -> None:
    """Its attempts on a kept connection and a new one together."""

    async def run() -> float:
        async with backend(says(200), hangs_up(), mute) as back, client(back.url, timeout=0.3) as made:
            await made.send(b"")
            began = asyncio.get_running_loop().time()
            assert (await made.send(b"")).code == "timeout"
            return asyncio.get_running_loop().time() - began

    assert 0.29 < asyncio.run(run()) < 0.6


def test_what_a_back_end_says_is_told_without_the_headers_that_were_sent() -> None:
    said = b"\x12\x2e" + b"no such token: s3cr3t-t0ken-of-ours\nfor basic"[:46].ljust(46)
    reply, _ = ask(says(401, said), headers={"authorization": Secret("Bearer s3cr3t-t0ken-of-ours")})
    assert reply == Reply(
        "rejected", "401", detail=f"HTTP status 401: {'no such token: [REDACTED] for basic ':<36}".rstrip() + " "
    )
    reply, _ = ask(says(401, b"user a has no pa55word", {"content-type": "text/plain"}), headers={"authorization": Secret("Basic YTpwYTU1d29yZA==")})  # fmt: skip
    assert reply.detail == "HTTP status 401: user a has no [REDACTED]"


@pytest.mark.parametrize(("name", "value"), [("x-key", "a\r\nx: b"), ("x key", "a"), ("", "a"), ("x\n", "a")])
def test_a_header_that_cannot_be_sent_is_told_without_its_value(name: str, value: str) -> None:
    reply, back = ask(headers={name: Secret(value)})
    said = f"the header {name!r} can't be sent: a sign in its name or its value is not allowed"
    assert (reply, back.connections) == (Reply("later", "unreachable", detail=said), 0)
