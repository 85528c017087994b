"""The prober http beside blackbox_exporter's: the same series about the same servers."""

import gzip
import socket
import time
import zlib
from collections.abc import Iterator

import brotli
import pytest

from tests import hostile
from tests.blackbox.side import Pair, assert_alike, both

pytestmark = [pytest.mark.debian, pytest.mark.xdist_group("blackbox_http")]

BODY = b"Hello, is it me you are looking for?\n" * 3
TEXT = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)


def response(body: bytes = BODY, *headers: str, status: str = "200 OK", version: str = "1.1") -> bytes:
    lines = [f"HTTP/{version} {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def redirect(to: str, status: str = "302 Found", *headers: str) -> bytes:
    return response(b"", f"Location: {to}", *headers, status=status)


def site(routes: dict[str, bytes]) -> hostile.Answer:
    """Answers by path."""

    def answer(connection: socket.socket, request: bytes) -> None:
        path = request.split()[1].decode()
        connection.sendall(routes.get(path, response(b"", status="404 Not Found")))
        connection.close()

    return answer


def module(name: str, settings: str) -> str:
    family = "" if "ip6" in settings else "preferred_ip_protocol: ip4, "
    return f"  {name}: {{prober: http, timeout: 2s, http: {{{family}{settings}}}}}\n"


def modules() -> str:
    return "modules:\n" + "".join(
        module(name, settings)
        for name, settings in {
            "http_2xx": "",
            "ip6": "preferred_ip_protocol: ip6",
            "ip6_only": "preferred_ip_protocol: ip6, ip_protocol_fallback: false",
            "codes": "valid_status_codes: [200, 302, 404]",
            "stays": "no_follow_redirects: true",
            "stays_302": "follow_redirects: false, valid_status_codes: [302], fail_if_body_matches_regexp: [x]",
            "no_ssl": "fail_if_ssl: true, tls_config: {insecure_skip_verify: true}",
            "only_ssl": "fail_if_not_ssl: true",
            "http10": 'valid_http_versions: ["HTTP/1.0"]',
            "matches": "fail_if_body_matches_regexp: ['is it (me|you)']",
            "lacks": "fail_if_body_not_matches_regexp: ['looking', 'nowhere']",
            "finds": "fail_if_body_not_matches_regexp: ['looking'], fail_if_body_matches_regexp: ['nowhere']",
            "header": "fail_if_header_matches: [{header: X-Thing, regexp: '^b'}]",
            "header_not": "fail_if_header_not_matches: [{header: x-thing, regexp: '^b', allow_missing: true}]",
            "gzip": "compression: gzip",
            "gzip_asked": "compression: gzip, headers: {Accept-Encoding: gzip}",
            "deflate": "compression: deflate",
            "br": "compression: br",
            "limited": "body_size_limit: 10B",
            "post": "method: POST, body: 'a body', headers: {Content-Type: text/plain, X-Number: 1.10}",
            "head": "method: HEAD",
            "basic": "basic_auth: {username: me, password: open sesame}",
            "bearer": "bearer_token: abcdefgh",
            "vhost": "headers: {Host: shop.example, X-Thing: '1'}",
        }.items()
    )


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with both(modules()) as running:
        yield running


CASES = {
    "plain": (response(), "http_2xx"),
    "404": (response(status="404 Not Found"), "http_2xx"),
    "404 is right": (response(status="404 Not Found"), "codes"),
    "500": (response(status="500 Oh"), "codes"),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", "http_2xx"),
    "http 1.0": (response(version="1.0"), "http10"),
    "not http 1.0": (response(), "http10"),
    "no length": (b"HTTP/1.1 200 OK\r\n\r\n" + BODY, "http_2xx"),
    "chunked": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nHello\r\n0\r\n\r\n", "http_2xx"),
    "100 and then 200": (b"HTTP/1.1 100 Continue\r\n\r\n" + response(), "http_2xx"),
    "body matches": (response(), "matches"),
    "body does not match": (response(), "lacks"),
    "body is right": (response(), "finds"),
    "wrong status and body": (response(status="500 Oh"), "matches"),
    "header matches": (response(BODY, "X-Thing: abc", "X-Thing: bcd"), "header"),
    "header does not match": (response(BODY, "X-Thing: abc"), "header"),
    "header is missing": (response(), "header"),
    "header has to match": (response(BODY, "X-Thing: abc"), "header_not"),
    "header may be missing": (response(), "header_not"),
    "last modified": (response(BODY, "Last-Modified: Wed, 21 Oct 2015 07:28:00 GMT"), "http_2xx"),
    "last modified wrongly": (response(BODY, "Last-Modified: yesterday"), "http_2xx"),
    "gzip": (response(gzip.compress(BODY)), "gzip"),
    "gzip nobody asked for": (response(gzip.compress(BODY), "Content-Encoding: gzip"), "http_2xx"),
    "gzip as asked": (response(gzip.compress(BODY)), "gzip_asked"),
    "gzip cut": (response(gzip.compress(BODY)[:-12]), "gzip"),
    "no gzip": (response(b"plain"), "gzip"),
    "deflate": (response(zlib.compress(BODY)[2:-4]), "deflate"),
    "brotli": (response(brotli.compress(BODY)), "br"),
    "too large": (response(), "limited"),
    "just right": (response(b"0123456789"), "limited"),
    "head": (b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n", "head"),
    "head of a large one": (b"HTTP/1.1 200 OK\r\nContent-Length: 12345678\r\n\r\n", "head"),
    "head of a million": (b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", "head"),
    "head of less than a million": (b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n", "head"),
    "post": (response(), "post"),
    "a host header": (response(), "vhost"),
    "no http": (b"SSH-2.0-OpenSSH\r\n", "http_2xx"),
    "nothing": (b"", "http_2xx"),
    "cut in the head": (b"HTTP/1.1 200 OK\r\nContent-", "http_2xx"),
    "cut in the body": (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nHello", "http_2xx"),
    "not over tls": (response(), "only_ssl"),
}


@pytest.mark.parametrize(("answer", "module"), CASES.values(), ids=CASES)
def test_an_answer_gives_the_same_series(answer: bytes, module: str, pair: Pair) -> None:
    with hostile.serving(hostile.says(answer)) as server:
        assert_alike(pair, target=server.url, module=module)


REDIRECTS = {
    "followed": {"/": redirect("/there"), "/there": TEXT},
    "by a full url": {"/": redirect("{url}there", "301 Moved"), "/there": TEXT},
    "to nowhere": {"/": redirect("/there", "308 Permanent Redirect")},
    "for ever": {"/": redirect("/")},
    "without a location": {"/": response(b"", status="302 Found")},
    "to another scheme": {"/": redirect("ftp://127.0.0.1/")},
    "to a closed port": {"/": redirect("http://127.0.0.1:1/")},
    "with a cookie": {"/": redirect("/there", "303 See Other", "Set-Cookie: a=b"), "/there": TEXT},
    "with a body": {"/": response(BODY, "Location: /there", status="302 Found"), "/there": TEXT},
    "300, which is none": {"/": redirect("/there", "300 Multiple Choices"), "/there": TEXT},
}


@pytest.mark.parametrize("module", ["http_2xx", "stays", "stays_302", "post"])
@pytest.mark.parametrize("routes", REDIRECTS.values(), ids=REDIRECTS)
def test_redirects_give_the_same_series(routes: dict[str, bytes], module: str, pair: Pair) -> None:
    known: dict[str, bytes] = {}
    with hostile.serving(site(known)) as server:
        known |= {path: raw.replace(b"{url}", server.url.encode()) for path, raw in routes.items()}
        assert_alike(pair, target=server.url, module=module)


def test_what_is_asked_is_what_blackbox_asks(pair: Pair) -> None:
    with hostile.serving(hostile.says(response())) as server:
        for module in ("http_2xx", "post", "basic", "bearer", "vhost"):
            assert_alike(pair, target=f"{server.url}a%20path?q=1&r=%2F", module=module)
        assert_alike(pair, target=server.url, module="http_2xx", hostname="shop.example")
        assert_alike(pair, target=server.address, module="http_2xx")

    def parts(request: bytes) -> tuple[str, set[str]]:
        first, *lines = request.decode().partition("\r\n\r\n")[0].split("\r\n")
        return first, {line for line in lines if not line.lower().startswith("user-agent")}

    asked = [parts(request) for request in server.requests]
    assert asked[1::2] == asked[::2]


def test_nothing_listens(pair: Pair) -> None:
    assert_alike(pair, target=f"http://127.0.0.1:{hostile.unused()}/", module="http_2xx")


@pytest.mark.parametrize("target", ["http://nowhere.invalid/", "http://[::1", "http://a b/"])
def test_a_target_that_leads_nowhere(target: str, pair: Pair) -> None:
    assert_alike(pair, target=target, module="http_2xx")


@pytest.mark.parametrize("module", ["http_2xx", "ip6", "ip6_only"])
def test_addresses_are_chosen_alike(module: str, pair: Pair) -> None:
    with hostile.serving(hostile.says(response())) as server:
        assert_alike(pair, target=server.url, module=module)
    with hostile.serving(hostile.says(response()), host="::1") as server:
        assert_alike(pair, target=f"http://[::1]:{server.port}/", module=module)


@pytest.mark.parametrize("answer", [hostile.mute, hostile.holds(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nHi")])
def test_the_scrapes_timeout_is_the_deadline(answer: hostile.Answer, pair: Pair) -> None:
    with hostile.serving(answer) as server:
        began = time.monotonic()
        _, ours = assert_alike(pair, target=server.url, module="http_2xx", timeout="0.8")
        assert time.monotonic() - began < 1.5
    assert 0.25 < ours.value("probe_duration_seconds") < 0.5
    assert ours.value("probe_timeout_seconds") == pytest.approx(0.3)


def test_a_body_that_drips_ends_at_the_deadline(pair: Pair) -> None:
    with hostile.serving(hostile.drips(b"HTTP/1.1 200 OK\r\n\r\n", b"x", every=0.2)) as server:
        theirs, ours = pair.ask(target=server.url, module="http_2xx", timeout="0.9")
    assert ours.value("probe_success") == theirs.value("probe_success") == 0
    assert ours.value("probe_http_status_code") == theirs.value("probe_http_status_code") == 200
