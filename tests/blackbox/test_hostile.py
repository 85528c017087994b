"""The prober http where servers are hostile or others are in between: bounds, redirects with credentials, proxies."""

import gzip
import socket
import ssl
import time
from pathlib import Path

import pytest

from tests import certificates, hostile
from tests.blackbox.asking import ask, values

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHello"


def http(settings: str = "") -> str:
    return f"{{prober: http, http: {{preferred_ip_protocol: ip4{', ' if settings else ''}{settings}}}}}"


def redirect(to: str, status: int = 302) -> hostile.Answer:
    return hostile.says(f"HTTP/1.1 {status} Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode())


def test_a_large_body_is_sent_as_the_server_takes_it(tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(b"x" * 4_000_000)
    received = 0

    def late(connection: socket.socket, request: bytes) -> None:
        nonlocal received
        time.sleep(0.1)
        received = len(request.partition(b"\r\n\r\n")[2])
        while received < 4_000_000:
            received += len(connection.recv(65536))
        connection.sendall(OK)

    with hostile.serving(late) as server:
        assert values(ask(http(f"method: POST, body_file: {tmp_path}/body"), server.url))["probe_success"] == 1
    assert received == 4_000_000


def test_headers_without_end_are_cut() -> None:
    with hostile.serving(hostile.floods(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n" * 500)) as server:
        run = ask(http(), server.url, seconds=5)
    assert values(run)["probe_duration_seconds"] < 4
    assert values(run)["probe_success"] == 0


def test_a_body_without_end_is_counted_until_the_deadline_and_kept_to_a_limit() -> None:
    flood = hostile.floods(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536)
    with hostile.serving(flood) as server:
        assert values(ask(http(), server.url, seconds=0.5))["probe_success"] == 0
        run = ask(http("fail_if_body_matches_regexp: [y]"), server.url, seconds=8)
    assert values(run)["probe_duration_seconds"] < 7
    assert (values(run)["probe_success"], values(run)["probe_failed_due_to_regex"]) == (0, 1)


def test_a_compressed_bomb_ends_at_the_limit() -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(bomb), bomb)
    with hostile.serving(hostile.says(answer)) as server:
        run = ask(http("compression: gzip, body_size_limit: 1MB"), server.url)
    assert (values(run)["probe_success"], values(run)["probe_http_uncompressed_body_length"]) == (0, 1 << 20)


CREDENTIALS = {
    "basic_auth: {username: a, password: canary}": b"authorization",
    "authorization: {credentials: canary}": b"authorization",
    "bearer_token: canary": b"authorization",
    "headers: {Authorization: canary}": b"authorization",
    "headers: {X-Api-Key: canary}": b"x-api-key",
    "headers: {Cookie: canary}": b"cookie",
    "http_headers: {X-Any: {secrets: [canary]}}": b"x-any",
}


@pytest.mark.parametrize("settings", CREDENTIALS)
def test_credentials_stay_with_the_host_they_are_for(settings: str) -> None:
    header = CREDENTIALS[settings] + b":"
    with hostile.serving(hostile.says(OK)) as other:
        with hostile.serving(redirect(f"http://localhost:{other.port}/")) as server:
            assert values(ask(http(settings), server.url))["probe_success"] == 1
        assert header in server.requests[0].lower()
        assert header not in other.requests[0].lower()
    with hostile.serving(redirect("/there"), hostile.says(OK)) as server:
        assert values(ask(http(settings), server.url))["probe_success"] == 1
        assert header in server.requests[1].lower()


def test_a_body_is_not_sent_on_to_another_host() -> None:
    with hostile.serving(hostile.says(OK)) as other:
        with hostile.serving(redirect(f"http://localhost:{other.port}/", 307)) as server:
            assert values(ask(http("method: POST, body: canary"), server.url))["probe_success"] == 0
    assert other.connections == 0


def test_credentials_come_from_files_that_are_read_each_time(tmp_path: Path) -> None:
    file = tmp_path / "token"
    with hostile.serving(hostile.says(OK)) as server:
        for written, settings in (
            ("one", f"bearer_token_file: {file}"),
            ("two", f"authorization: {{type: Token, credentials_file: {file}}}"),
            ("three", f"http_headers: {{X-Key: {{files: [{file}]}}}}"),
        ):
            file.write_text(written + "\n")
            assert values(ask(http(settings), server.url))["probe_success"] == 1
        file.unlink()
        assert values(ask(http(f"bearer_token_file: {file}"), server.url))["probe_success"] == 0
    heads = [request.decode() for request in server.requests]
    assert len(heads) == 3 or "Authorization" not in heads[3]
    assert "Authorization: Bearer one\r\n" in heads[0]
    assert "Authorization: Token two\r\n" in heads[1]
    assert "X-Key: three\r\n" in heads[2]


def test_a_proxy_is_asked_for_the_whole_url_with_its_own_credentials() -> None:
    with hostile.serving(hostile.says(OK)) as proxy:
        settings = f"skip_resolve_phase_with_proxy: true, proxy_url: 'http://me:pw@{proxy.address}'"
        run = ask(http(settings), "http://shop.example/a?b=c")
    assert (values(run)["probe_success"], "probe_ip_protocol" in values(run)) == (1, False)
    head = proxy.requests[0].decode()
    assert head.startswith("GET http://shop.example/a?b=c HTTP/1.1\r\nHost: shop.example\r\n")
    assert "Proxy-Authorization: Basic bWU6cHc=\r\n" in head


def test_a_proxy_opens_a_tunnel_for_https() -> None:
    context = certificates.pair("shop.example").context()

    def tunnel(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with context.wrap_socket(connection, server_side=True) as secure:
            assert isinstance(secure, ssl.SSLSocket)
            secure.recv(65536)
            secure.sendall(OK)

    with hostile.serving(tunnel) as proxy:
        settings = (
            f"skip_resolve_phase_with_proxy: true, proxy_url: '{proxy.url}', proxy_connect_header: {{X-Way: [a]}}, "
            f"tls_config: {{ca_file: {certificates.authority()}}}"
        )
        run = ask(http(settings), "https://shop.example/")
    assert (values(run)["probe_success"], values(run)["probe_http_ssl"]) == (1, 1)
    assert proxy.requests[0].startswith(b"CONNECT shop.example:443 HTTP/1.1\r\n")
    assert b"X-Way: a\r\n" in proxy.requests[0]
    with hostile.serving(hostile.says(b"HTTP/1.1 403 No\r\n\r\n")) as proxy:
        assert (
            values(ask(http(f"skip_resolve_phase_with_proxy: true, proxy_url: '{proxy.url}'"), "https://a.example/"))[
                "probe_success"
            ]
            == 0
        )
