"""Where http lets itself be sent, what it takes along, and what goes through a proxy."""

import socket
import threading

import pytest

from tests import certificates, hostile
from tests.probing import probe, readings

OK = hostile.says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


def to(location: str, status: int = 302) -> hostile.Answer:
    head = f"HTTP/1.1 {status} There\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
    return hostile.says(head.encode("latin-1"))


def test_a_redirect_at_the_same_origin_keeps_credentials_and_resolves_a_relative_location() -> None:
    with hostile.serving(to("../b?c=d e".replace(" ", "%20")), OK) as server:
        result = probe("http", url=server.url + "x/a", bearer_token="t0ken")
    assert result.outcome == "healthy", result.detail
    assert readings(result)["stack_http_redirects"] == 1
    assert server.requests[1].startswith(b"GET /b?c=d%20e HTTP/1.1\r\n")
    assert b"Authorization: Bearer t0ken\r\n" in server.requests[1]


def test_another_origin_gets_no_credentials() -> None:
    secrets = {"headers": {"X-Api-Key": "k3y"}, "basic_auth": {"username": "u", "password": "p"}}
    with hostile.serving(to("/next"), OK) as away, hostile.serving(to(away.url)) as start:
        assert probe("http", url=start.url, **secrets).outcome == "healthy"
    assert b"X-Api-Key: k3y\r\n" in start.requests[0] and b"Authorization: Basic " in start.requests[0]
    assert len(away.requests) == 2
    assert not [request for request in away.requests if b"k3y" in request or b"Authorization" in request]


def test_credentials_do_not_come_back_with_a_redirect_to_where_they_were_dropped() -> None:
    ports: list[int] = []
    with hostile.serving(lambda c, r: to(f"http://127.0.0.1:{ports[0]}/again")(c, r)) as away:
        with hostile.serving(to(away.url), OK) as start:
            ports.append(start.port)
            assert probe("http", url=start.url, bearer_token="t0ken").up
    assert [b"t0ken" in request for request in start.requests] == [True, False]


def test_credentials_in_a_location_are_not_sent() -> None:
    with hostile.serving(OK) as away, hostile.serving(to(away.url.replace("//", "//u:p@"))) as start:
        assert probe("http", url=start.url).up
    assert b"Authorization" not in away.requests[0]


def test_ten_redirects_are_followed_and_not_eleven() -> None:
    with hostile.serving(*[to(f"/{n}") for n in range(10)], OK) as server:
        assert readings(probe("http", url=server.url))["stack_http_redirects"] == 10
    with hostile.serving(to("/again")) as server:
        result = probe("http", url=server.url)
    assert (result.reason, server.connections) == ("redirect", 11)


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "gopher://a/", "http://", "//:80", "http://a:b/", "http://a b/"]
)
def test_what_is_no_http_url_is_not_followed(location: str) -> None:
    with hostile.serving(to(location)) as server:
        assert probe("http", url=server.url).reason == "redirect"


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254", "0xa9fea9fe", "2852039166", "0251.0376.0251.0376", "[::ffff:169.254.169.254]", "[fe80::1]",
        "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::1]", "[fd00:ec2::254]", "168.63.129.16", "100.100.100.200", "0.0.0.0",
        "metadata.example",
    ],
)  # fmt: skip
def test_a_redirect_to_metadata_is_refused_in_every_form(host: str) -> None:
    real = socket.getaddrinfo

    def answer(name: str, *args: object, **kwargs: object) -> object:
        return real("169.254.169.254" if name == "metadata.example" else name, *args, **kwargs)  # type: ignore[arg-type]

    with hostile.serving(to(f"http://{host}/latest/")) as server, hostile.resolver(answer):
        result = probe("http", url=server.url)
    assert (result.reason, server.connections) == ("forbidden_address", 1), result.detail


def test_the_address_that_was_checked_is_the_one_connected_to() -> None:
    asked: list[str] = []

    def rebinding(name: str, *args: object, **kwargs: object) -> object:
        asked.append(name)
        address = "127.0.0.1" if len(asked) == 1 else "169.254.169.254"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0))]

    with hostile.serving(OK) as away, hostile.serving(to(f"http://rebinds.example:{away.port}/")) as server:
        with hostile.resolver(rebinding):
            assert probe("http", url=server.url).up
    assert asked == ["rebinds.example"]


@pytest.mark.parametrize(
    "status,method,expected",
    [(303, "PUT", b"GET"), (302, "POST", b"GET"), (307, "POST", b"POST"), (301, "HEAD", b"HEAD")],
)
def test_the_method_after_a_redirect(status: int, method: str, expected: bytes) -> None:
    with hostile.serving(to("/next", status), OK) as server:
        assert probe("http", url=server.url, method=method).up
    assert server.requests[1].split()[0] == expected


def test_a_body_is_not_sent_on_to_another_origin() -> None:
    with hostile.serving(OK) as away, hostile.serving(to(away.url, 307)) as server:
        result = probe("http", url=server.url, method="POST", body="password=hunter2")
    assert (result.reason, away.connections) == ("redirect", 0)
    assert "hunter2" not in result.detail


def test_a_redirect_can_be_the_answer() -> None:
    with hostile.serving(to("http://169.254.169.254/")) as server:
        assert probe("http", url=server.url, follow_redirects=False, expect={"status": ["3xx"]}).up
        assert probe("http", url=server.url, follow_redirects=False).reason == "status"


def tunnelling(port: int) -> hostile.Answer:
    """A proxy that opens a way to this port, whatever it is asked for."""

    def answer(connection: socket.socket, request: bytes) -> None:
        with socket.create_connection(("127.0.0.1", port)) as onward:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")

            def pump(source: socket.socket, sink: socket.socket) -> None:
                try:
                    while data := source.recv(65536):
                        sink.sendall(data)
                    sink.shutdown(socket.SHUT_WR)
                except OSError:
                    pass

            back = threading.Thread(target=pump, args=(onward, connection))
            back.start()
            pump(connection, onward)
            back.join(5)

    return answer


@pytest.mark.parametrize("sort,reason", [("pair", ""), ("expired", "tls_expired")])
def test_https_goes_through_a_proxy_by_connect(sort: str, reason: str) -> None:
    pair = getattr(certificates, sort)()
    with hostile.serving(OK, tls=pair.context()) as server, hostile.serving(tunnelling(server.port)) as proxy:
        result = probe(
            "http",
            url="https://localhost:8443/",
            proxy=f"http://user:s3cret@{proxy.address}",
            bearer_token="t0ken",
            tls={"ca_file": str(certificates.authority())},
        )
    assert result.reason == reason, result.detail
    assert readings(result)["stack_http_certificate_not_after_timestamp_seconds"] == pair.not_after
    assert proxy.requests[0].startswith(b"CONNECT localhost:8443 HTTP/1.1\r\nHost: localhost:8443\r\n")
    assert b"Proxy-Authorization: Basic dXNlcjpzM2NyZXQ=" in proxy.requests[0]
    assert b"t0ken" not in proxy.requests[0]
    assert all(b"Proxy-Authorization" not in request for request in server.requests)
    assert [phase.name for phase in result.phases][:3] == ["connect", "proxy", "tls"]


def test_http_goes_through_a_proxy_by_its_whole_url() -> None:
    with hostile.serving(OK) as proxy:
        assert probe("http", url="http://app.example/status", proxy=proxy.url).up
    assert proxy.requests[0].startswith(b"GET http://app.example/status HTTP/1.1\r\nHost: app.example\r\n")


def test_a_redirect_through_a_proxy_is_not_followed_to_metadata() -> None:
    with hostile.serving(to("http://0xa9fea9fe/")) as proxy:
        assert probe("http", url="http://app.example/", proxy=proxy.url).reason == "forbidden_address"
