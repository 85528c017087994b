"""Every reason of the kind s3, and what provokes it: a real SeaweedFS wherever it can."""

import asyncio
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import uvloop

from exporter.probes import _s3_bucket
from exporter.probes.s3 import S3
from tests import certificates, hostile, probing, servers
from tests.fakes import tlsfront
from tests.fakes.s3 import EMPTY, KEYS, error, fake, page, response
from tests.probing import Memory

from tests.servers.seaweedfs import KEYS as ALL
from tests.servers.seaweedfs import READ_ONLY, Seaweedfs

pytestmark = pytest.mark.xdist_group("seaweedfs")
Provoke = Callable[[Seaweedfs], AbstractContextManager[dict[str, Any]]]

SCAN = {"bytes": 10, "objects": 1, "partial": False, "failed": False, "problem": "", "at": time.time(), "seconds": 1.0}


def fixed(endpoint: str) -> Provoke:
    @contextmanager
    def provoke(_: Seaweedfs) -> Iterator[dict[str, Any]]:
        yield {"url": "s3://uploads", "endpoint": endpoint}

    return provoke


def real(keys: tuple[str, str] = ALL, **fields: Any) -> Provoke:
    @contextmanager
    def provoke(server: Seaweedfs) -> Iterator[dict[str, Any]]:
        yield {**server.fields(keys), **fields}

    return provoke


def says(*parts: bytes, **fields: Any) -> Provoke:
    return lambda _: fake(*parts, **fields)()


def answers(answer: hostile.Answer, scheme: str = "http") -> Provoke:
    """To whatever it is asked, be it the beginning of TLS."""

    @contextmanager
    def provoke(_: Seaweedfs) -> Iterator[dict[str, Any]]:
        def converse(connection: socket.socket, request: bytes) -> None:
            connection.recv(1 << 16)
            answer(connection, request)

        with hostile.serving(converse, ask=False) as found:
            yield {"url": "s3://uploads", "endpoint": f"{scheme}://{found.address}", **KEYS}

    return provoke


@contextmanager
def no_name_server(_: Seaweedfs) -> Iterator[dict[str, Any]]:
    with hostile.resolver(hostile.no_name_server):
        yield {"url": "s3://uploads"}


@contextmanager
def clock_is_late(server: Seaweedfs) -> Iterator[dict[str, Any]]:
    """Ours is; the server's is the machine's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_s3_bucket, "time", SimpleNamespace(time=lambda: time.time() - 3600))
        yield server.fields()


def shows(pair: certificates.Pair, **context: Any) -> Provoke:
    @contextmanager
    def provoke(server: Seaweedfs) -> Iterator[dict[str, Any]]:
        with tlsfront.before(server.port, pair.context(**context)) as front:
            yield {
                **server.fields(),
                "endpoint": f"https://{front.address}",
                "tls": {"ca_file": str(certificates.authority())},
            }

    return provoke


def scanned(**found: Any) -> Provoke:
    """A scan that was kept from before."""

    @contextmanager
    def provoke(server: Seaweedfs) -> Iterator[dict[str, Any]]:
        memory = Memory()
        memory.put("usage", {"of": f"s3://uploads/ {server.url}", "prefixes": {"": {**SCAN, **found}}})
        yield {**server.fields(), "quota": "10B", "memory": memory}

    return provoke


TABLE: dict[str, Provoke] = {
    "resolve": fixed("http://nowhere.invalid"),
    "nameserver": no_name_server,
    "refused": lambda server: fixed(f"http://127.0.0.1:{servers.free_port()}")(server),
    "unreachable": fixed("http://255.255.255.255"),
    "reset": answers(hostile.resets(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")),
    "closed": answers(hostile.says(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<List")),
    "tls_expired": shows(certificates.expired()),
    "tls_not_yet_valid": shows(certificates.not_yet_valid()),
    "tls_untrusted": shows(certificates.self_signed()),
    "tls_hostname": shows(certificates.wrong_host()),
    "tls_version": shows(certificates.pair(), newest=ssl.TLSVersion.TLSv1_1),
    "tls_plaintext": answers(hostile.says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "https"),
    "tls": answers(hostile.says(b"\x15\x03\x03\x00\x02\x02\x28"), "https"),  # an alert: handshake_failure
    "auth": real((ALL[0], "another secret key")),
    "permission": real(READ_ONLY, canary=True),
    "clock_skew": clock_is_late,
    "wrong_region": says(error(301, "PermanentRedirect", x_amz_bucket_region="eu-west-1")),
    "no_bucket": real(url="s3://no-such-bucket"),
    "slow_down": says(error(503, "SlowDown")),
    "full": says(response(200, EMPTY), error(507, "XMinioStorageFull"), canary=True),
    "server_error": says(error(500, "InternalError")),
    "unexpected": says(error(400, "InvalidArgument")),
    "protocol": says(response(200, b"<html>Welcome</html>")),
    "body_too_large": says(response(200, EMPTY + b" " * (9 << 20))),
    "encoding": says(response(200, b"\x28\xb5\x2f\xfd", content_encoding="zstd")),
    "canary": says(response(200, EMPTY), response(200), response(200, b"not what was put"), response(204), canary=True),
    "quota": scanned(),
    "scan_incomplete": scanned(bytes=5, partial=True, problem="there are more than the 1000 objects of usage_budget"),
}
DEGRADED = {"slow_down", "full", "canary", "quota", "scan_incomplete"}


@pytest.mark.parametrize("reason", TABLE)
def test_a_reason_is_given_for_what_provokes_it(reason: str, seaweedfs_server: Seaweedfs) -> None:
    for loop in (asyncio.run, uvloop.run):
        with TABLE[reason](seaweedfs_server) as fields:
            result = loop(probing.run("s3", **fields))
        expected = "degraded" if reason in DEGRADED or fields.get("canary") else "unhealthy"
        assert (result.outcome, result.reason) == (expected, reason), (result.detail, result.error)
        assert 0 < len(result.detail) <= 200
        assert result.detail.isprintable()


def test_each_declared_reason_is_provoked() -> None:
    assert set(TABLE) == set(S3.reasons)


SAID: dict[bytes, tuple[str, str]] = {
    error(403, "InvalidAccessKeyId"): ("auth", "list: status 403: InvalidAccessKeyId: So it is."),
    error(400, "ExpiredToken"): ("auth", "list: status 400: ExpiredToken: So it is."),
    error(403, "AccessDenied"): ("permission", "list: status 403: AccessDenied: So it is."),
    error(403, "RequestTimeTooSkewed", date="Thu, 01 Jan 2026 00:00:00 GMT"): ("clock_skew", "s ahead of the server's"),
    error(403, "RequestTimeTooSkewed", "<ServerTime>2100-01-01T00:00:00Z</ServerTime>"): ("clock_skew", "s behind the"),
    error(403, "RequestTimeTooSkewed", "<ServerTime>noon</ServerTime>", date="?"): ("clock_skew", "list: status 403"),
    error(400, "AuthorizationHeaderMalformed", "<Region>eu-west-3</Region>"): ("wrong_region", "is in eu-west-3, not in"),
    error(400, "AuthorizationHeaderMalformed"): ("auth", "list: status 400: AuthorizationHeaderMalformed"),
    error(403, "AccessDenied", x_amz_bucket_region="eu-west-1"): ("permission", "list: status 403: AccessDenied"),
    error(301, "PermanentRedirect", "<Endpoint>s3.example</Endpoint>"): ("wrong_region", "answers at s3.example"),
    response(307, location="http://127.0.0.1:1/"): ("wrong_region", "list: status 307"),
    error(429, "TooManyRequests"): ("slow_down", "list: status 429"),
    error(503, "ServiceUnavailable"): ("slow_down", "list: status 503: ServiceUnavailable"),
    response(503, b"<html>no healthy upstream</html>"): ("server_error", "list: status 503"),
    response(404, b""): ("no_bucket", "list: status 404"),
    response(418, b'<!DOCTYPE x [<!ENTITY a "b"><!ENTITY c "&a;&a;">]><Error><Code>&c;</Code><Message>&#x62;&amp;</Message>'): (
        "unexpected",
        "status 418: &c;: b&",
    ),
    response(200, b'<!DOCTYPE x [<!ENTITY a "b">]><Error>&a;</Error>'): ("protocol", "is not S3"),
    b"SSH-2.0-OpenSSH_9.2\r\n": ("protocol", "not HTTP/1.1"),
    page(1, token=""): ("", ""),
    response(200, EMPTY.replace(b"false", b"true")): ("protocol", "does not say where"),
}  # fmt: skip


@pytest.mark.parametrize("said", SAID)
def test_what_a_server_says_has_its_reason_and_is_asked_for_once(said: bytes) -> None:
    with fake(said)() as fields:
        result = probing.probe("s3", **fields)
    reason, detail = SAID[said]
    assert result.reason == reason, result.detail
    assert detail in result.detail


def test_a_bomb_in_an_error_costs_nothing() -> None:
    """Nine entities of ten each, in 64 KiB: expanded they would be gigabytes."""
    lines = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    body = f'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY l0 "lol">{lines}]><Error><Code>&l9;</Code></Error>'.encode()
    with fake(response(403, body.ljust(65_000)))() as fields:
        result = probing.probe("s3", **fields)
    assert (result.reason, result.detail.partition(": ")[2]) == ("permission", "list: status 403: &l9;")
    assert result.duration < 0.5


def test_an_error_of_more_than_64_kib_is_told_by_its_status_alone() -> None:
    with fake(response(403, b"<Error><Code>SignatureDoesNotMatch</Code>" + b"x" * 70_000))() as fields:
        result = probing.probe("s3", **fields)
    assert (result.reason, result.detail.partition(": ")[2]) == ("permission", "list: status 403")


@pytest.mark.parametrize("fields", [{"access_key_id": ""}, {}])
def test_without_keys_nothing_is_signed_and_a_refusal_says_so(
    fields: dict[str, str], seaweedfs_server: Seaweedfs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    result = probing.probe("s3", url="s3://uploads", endpoint=seaweedfs_server.url, **fields)
    assert (result.reason, "no keys are configured" in result.detail) == ("auth", True)


def test_a_mute_server_is_a_timeout_and_a_full_backlog_one_of_the_connection() -> None:
    with hostile.serving(hostile.mute) as server:
        result = probing.probe("s3", url="s3://uploads", endpoint=server.url, timeout=0.2)
    assert (result.reason, result.detail.partition(": ")[2]) == ("timeout", "no end within 0.2 s, in phase list")
    assert server.connections == 1
    with hostile.full() as port:
        assert (
            probing.probe("s3", url="s3://x", endpoint=f"http://127.0.0.1:{port}", timeout=0.2).reason
            == "connect_timeout"
        )
