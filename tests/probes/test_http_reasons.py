"""Every reason of http, and the server that provokes it, on both event loops."""

import asyncio
import contextlib
import gzip
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvloop

from exporter.probe import Result
from exporter.probes.http import HTTP
from tests import certificates, hostile, probing

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Fields = contextlib.AbstractContextManager[dict[str, Any]]


@contextlib.contextmanager
def at(url: str, **fields: Any) -> Iterator[dict[str, Any]]:
    yield {"url": url, **fields}


@contextlib.contextmanager
def answers(answer: hostile.Answer, *, path: str = "", **fields: Any) -> Iterator[dict[str, Any]]:
    with hostile.serving(answer) as server:
        yield {"url": server.url + path, **fields}


@contextlib.contextmanager
def named(answer: Callable[..., object], url: str) -> Iterator[dict[str, Any]]:
    with hostile.resolver(answer):
        yield {"url": url}


@contextlib.contextmanager
def shows(pair: certificates.Pair, **context: Any) -> Iterator[dict[str, Any]]:
    with hostile.serving(hostile.says(OK), tls=pair.context(**context)) as server:
        yield {"url": f"https://localhost:{server.port}/", "tls": {"ca_file": str(certificates.authority())}}


@contextlib.contextmanager
def plaintext() -> Iterator[dict[str, Any]]:
    with hostile.serving(hostile.says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), ask=False) as server:
        yield {"url": f"https://localhost:{server.port}/"}


@contextlib.contextmanager
def unwilling_proxy() -> Iterator[dict[str, Any]]:
    with hostile.serving(hostile.says(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")) as server:
        yield {"url": "https://app.example/", "proxy": server.url}


def redirecting(location: str) -> Fields:
    return answers(hostile.says(f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()))


REASONS: dict[str, Callable[[], Fields]] = {
    "resolve": lambda: named(hostile.resolves(), "http://gone.example/"),
    "nameserver": lambda: named(hostile.no_name_server, "http://app.example/"),
    "refused": lambda: at(f"http://127.0.0.1:{hostile.unused()}/"),
    "unreachable": lambda: at("http://255.255.255.255/"),
    "reset": lambda: answers(hostile.resets(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789")),
    "closed": lambda: answers(hostile.says(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789")),
    "tls_expired": lambda: shows(certificates.expired()),
    "tls_not_yet_valid": lambda: shows(certificates.not_yet_valid()),
    "tls_untrusted": lambda: shows(certificates.self_signed()),
    "tls_hostname": lambda: shows(certificates.wrong_host()),
    "tls_version": lambda: shows(certificates.pair(), newest=ssl.TLSVersion.TLSv1),
    "tls_plaintext": plaintext,
    # By TLS 1.2 a server that wants a client's certificate ends the handshake.
    "tls": lambda: shows(certificates.pair(), client_ca=certificates.authority(), newest=ssl.TLSVersion.TLSv1_2),
    "status": lambda: answers(hostile.says(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")),
    "header": lambda: answers(hostile.says(OK), expect={"headers": {"X-Release": "."}}),
    "body": lambda: answers(hostile.says(OK), expect={"body": "ready"}),
    "json": lambda: answers(hostile.says(OK), expect={"json": {"database": "db"}}),
    "evaluation": lambda: answers(
        hostile.says(b"HTTP/1.1 200 OK\r\n\r\n[" + b"1," * 50_000 + b"1]"),
        expect={"json": {f"e{n}": "sort_by(@, &to_string(@))[*].[@]" for n in range(8)}},
        timeout=1.0,
    ),
    "protocol": lambda: answers(hostile.says(b"SSH-2.0-OpenSSH_9.2\r\n")),
    "encoding": lambda: answers(
        hostile.says(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok")
    ),
    "body_too_large": lambda: answers(hostile.floods(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536)),
    "redirect": lambda: redirecting("file:///etc/passwd"),
    "forbidden_address": lambda: redirecting("http://169.254.169.254/latest/meta-data/"),
    "proxy": unwilling_proxy,
}
DETAILS = {
    "closed": "closed the connection in the body, after 10 bytes of it",
    "status": "status 503, expected 2xx",
    "tls_expired": "certificate has expired",
}
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


def on(loop: str, *, timeout: float = 5.0, **fields: Any) -> Result:
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        return runner.run(probing.run("http", timeout=timeout, **fields))


def test_the_table_has_every_reason() -> None:
    assert set(REASONS) == set(HTTP.reasons)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("reason", REASONS)
def test_each_reason_is_provoked(reason: str, loop: str) -> None:
    for _ in range(3):
        with REASONS[reason]() as fields:
            result = on(loop, **fields)
        if (reason, result.reason) != ("evaluation", "timeout"):
            break  # `evaluation` comes 0.1 s before the deadline, for which a busy machine may stand still
    assert (result.outcome, result.reason) == ("unhealthy", reason), result.detail
    assert DETAILS.get(reason, "") in result.detail
    assert result.detail


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(
    "reason,pair",
    [
        ("tls_expired", certificates.expired),
        ("tls_not_yet_valid", certificates.not_yet_valid),
        ("tls_untrusted", certificates.self_signed),
        ("tls_hostname", certificates.wrong_host),
    ],
)
def test_a_refused_certificate_still_shows_its_dates(reason: str, pair: Callable[[], Any], loop: str) -> None:
    with shows(pair()) as fields:
        result = on(loop, **fields)
    found = probing.readings(result)
    remaining = found.pop("stack_http_certificate_remaining_seconds")
    assert remaining == pytest.approx(pair().not_after - result.started, abs=5)
    assert found == {
        "stack_http_certificate_not_before_timestamp_seconds": pair().not_before,
        "stack_http_certificate_not_after_timestamp_seconds": pair().not_after,
        "stack_http_certificate_verified": 0.0,
    }
    assert result.reason == reason


@pytest.mark.parametrize("loop", LOOPS)
def test_a_mute_server_is_a_timeout_at_the_deadline(loop: str) -> None:
    with hostile.serving(hostile.mute) as server:
        result = on(loop, timeout=0.4, url=server.url)
    assert (result.reason, result.detail.partition(": ")[2]) == ("timeout", "no end within 0.4 s, in phase processing")
    assert 0.39 <= result.duration < 0.9


@pytest.mark.parametrize("loop", LOOPS)
def test_a_full_backlog_is_a_connect_timeout(loop: str) -> None:
    with hostile.full() as port:
        assert on(loop, timeout=0.3, url=f"http://127.0.0.1:{port}/").reason == "connect_timeout"


@pytest.mark.parametrize(
    "first,then",
    [(b"HTTP/1.1 200 OK\r\n", b"X-Drip: 1\r\n"), (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"x")],
    ids=["headers", "body"],
)
def test_a_drip_is_cut_by_the_total_deadline(first: bytes, then: bytes) -> None:
    with hostile.serving(hostile.drips(first, then)) as server:
        result = on("uvloop", timeout=0.4, url=server.url)
    assert result.reason == "timeout"
    assert 0.39 <= result.duration < 0.9


def test_a_mute_name_server_is_a_resolve_timeout_and_holds_one_thread_only() -> None:
    import threading

    answered = threading.Event()

    def hang(*args: object, **kwargs: object) -> object:
        answered.wait(10)
        return hostile.no_name_server()

    with hostile.resolver(hang):
        before = threading.active_count()
        for _ in range(5):
            assert on("uvloop", timeout=0.1, url="http://hangs.example/").reason == "resolve_timeout"
        held = threading.active_count() - before
        answered.set()
    assert held <= 1


def test_a_reset_before_the_answer_is_told_from_one_in_it() -> None:
    with hostile.serving(hostile.resets()) as server:
        assert on("uvloop", url=server.url).reason == "reset"


@pytest.mark.parametrize(
    "answer,reason",
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n0123456789", "closed"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "protocol"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok", "protocol"),
        (b"HTTP/1.1 200 OK\r\nX-Endless: " + b"x" * 70000, "protocol"),
        (b"", "closed"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\nContent-Length: 2\r\n\r\nok", "encoding"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"x" * 1000, mtime=0)[:-9], "encoding"),
    ],
)
def test_a_broken_answer_has_its_reason(answer: bytes, reason: str) -> None:
    with hostile.serving(hostile.says(answer)) as server:
        assert on("uvloop", url=server.url).reason == reason
