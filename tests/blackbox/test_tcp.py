"""The prober tcp beside blackbox_exporter's: the same series about the same servers."""

import socket
import ssl
import time
from collections.abc import Iterator

import pytest

from tests import certificates, hostile
from tests.blackbox.side import Pair, assert_alike, both

pytestmark = [pytest.mark.debian, pytest.mark.xdist_group("blackbox_tcp")]


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    authority = certificates.authority()
    with both(f"""\
modules:
  connect: {{prober: tcp, timeout: 2s, tcp: {{preferred_ip_protocol: ip4}}}}
  ip6: {{prober: tcp, timeout: 2s}}
  from_here: {{prober: tcp, timeout: 2s, tcp: {{preferred_ip_protocol: ip4, source_ip_address: 127.0.0.9}}}}
  from_nowhere: {{prober: tcp, timeout: 2s, tcp: {{preferred_ip_protocol: ip4, source_ip_address: here}}}}
  tls: {{prober: tcp, timeout: 2s, tcp: {{preferred_ip_protocol: ip4, tls: true, tls_config: {{ca_file: {authority}}}}}}}
  tls_anyone: {{prober: tcp, timeout: 2s, tcp: {{tls: true, tls_config: {{insecure_skip_verify: true}}}}}}
  banner:
    prober: tcp
    timeout: 1s
    tcp: {{query_response: [{{expect: "^SSH-2.0-"}}, {{send: "SSH-2.0-blackbox-ssh-check"}}]}}
  irc:
    prober: tcp
    timeout: 2s
    tcp:
      query_response:
        - send: "NICK prober"
        - send: "USER prober prober prober :prober"
        - expect: "PING :([^ ]+)"
          send: "PONG ${{1}}"
        - expect: "^:[^ ]+ 001"
  named:
    prober: tcp
    timeout: 2s
    tcp: {{query_response: [{{expect: "id=(?P<id>[0-9]+)", send: "$id $1x ${{1}}x $$ $none."}}, {{expect: ok}}]}}
  smtp_starttls:
    prober: tcp
    timeout: 2s
    tcp:
      tls_config: {{ca_file: {authority}}}
      query_response:
        - expect: "^220 ([^ ]+) ESMTP (.+)$"
        - send: "EHLO prober\\r"
        - expect: "^250-STARTTLS"
        - send: "STARTTLS\\r"
        - expect: "^220"
        - starttls: true
        - send: "EHLO prober\\r"
        - expect: "^250-AUTH"
        - send: "QUIT\\r"
""") as running:
        yield running


def converses(*steps: tuple[bytes, bytes]) -> hostile.Answer:
    """Says this, then waits for that."""

    def answer(connection: socket.socket, _: bytes) -> None:
        for say, wait in steps:
            if say:
                connection.sendall(say)
            heard = b""
            while wait not in heard:
                if not (data := connection.recv(4096)):
                    return
                heard += data
        hostile.mute(connection, b"")

    return answer


BANNERS = {
    "right": (hostile.holds(b"SSH-2.0-OpenSSH_9\r\n"), "banner"),
    "right at the second line": (hostile.holds(b"hello\nSSH-2.0-OpenSSH_9\r\n"), "banner"),
    "unended at the end": (hostile.says(b"SSH-2.0-x"), "banner"),
    "another": (hostile.says(b"HTTP/1.1 400 Bad Request\r\n"), "banner"),
    "none": (hostile.says(), "banner"),
    "silence": (hostile.mute, "banner"),
    "another and silence": (hostile.holds(b"220 ready\r\n"), "banner"),
    "no text": (hostile.says(b"\xff\xfe\0\nSSH-2.0-\xff\n"), "banner"),
    "an endless line": (hostile.floods(b"", b"x" * 4096), "banner"),
    "a dialogue": (
        converses(
            (b"", b"USER prober prober prober :prober\n"), (b"PING :a1\r\n", b"PONG a1\n"), (b":x 001\r\n", b"\0")
        ),
        "irc",
    ),
    "a dialogue cut short": (converses((b"", b":prober\n"), (b"PING :a1\r\n", b"PONG a1")), "irc"),
    "groups by name": (converses((b"id=42\n", b"42  42x $ .\n"), (b"ok\n", b"\0")), "named"),
}


@pytest.mark.parametrize(("answer", "module"), BANNERS.values(), ids=BANNERS)
def test_a_dialogue_gives_the_same_series(answer: hostile.Answer, module: str, pair: Pair) -> None:
    with hostile.serving(answer, ask=False) as server:
        assert_alike(pair, target=server.address, module=module)


@pytest.mark.parametrize("module", ["connect", "ip6", "from_here", "from_nowhere"])
def test_a_connection_gives_the_same_series(module: str, pair: Pair) -> None:
    with hostile.serving(hostile.mute, ask=False) as server:
        assert_alike(pair, target=server.address, module=module)
    assert_alike(pair, target=f"127.0.0.1:{hostile.unused()}", module=module)


@pytest.mark.parametrize("target", ["127.0.0.1", "nowhere.invalid:80", "[::1", "a:b:c", "127.0.0.1:", ":1"])
def test_a_target_that_leads_nowhere(target: str, pair: Pair) -> None:
    assert_alike(pair, target=target, module="connect")


@pytest.mark.parametrize("module", ["connect", "tls"])
def test_a_full_backlog_ends_at_the_deadline(module: str, pair: Pair) -> None:
    with hostile.full() as port:
        began = time.monotonic()
        _, ours = assert_alike(pair, target=f"127.0.0.1:{port}", module=module, timeout="0.8")
        assert 0.6 < time.monotonic() - began < 1.5
    assert ours.value("probe_success") == 0


@pytest.mark.parametrize("module", ["tls", "tls_anyone"])
@pytest.mark.parametrize(
    "certificate", [certificates.pair, certificates.expired, certificates.self_signed, certificates.wrong_host]
)
def test_tls_gives_the_same_series(certificate, module: str, pair: Pair) -> None:
    with hostile.serving(hostile.mute, tls=certificate().context(), ask=False) as server:
        assert_alike(pair, target=server.address, module=module)


def test_tls_to_what_speaks_none_or_is_silent(pair: Pair) -> None:
    with hostile.serving(hostile.says(b"220 ready\r\n"), ask=False) as server:
        assert_alike(pair, target=server.address, module="tls")
    with hostile.serving(hostile.mute, ask=False) as server:
        assert_alike(pair, target=server.address, module="tls", timeout="0.8")


def test_a_hostname_is_the_server_name(pair: Pair) -> None:
    """As in releases after 0.23: there the parameter is for http alone."""
    with hostile.serving(hostile.mute, tls=certificates.wrong_host().context(), ask=False) as server:
        theirs, ours = pair.ask(target=server.address, module="tls", hostname="elsewhere.example")
    assert (theirs.value("probe_success"), ours.value("probe_success")) == (0, 1)


@pytest.mark.parametrize("certificate", [certificates.pair, certificates.wrong_host])
def test_starttls_gives_the_same_series(certificate, pair: Pair) -> None:
    context = certificate().context()

    def answer(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"220 mail.example ESMTP Postfix\r\n")
        assert connection.recv(100) == b"EHLO prober\r\n"
        connection.sendall(b"250-mail.example\r\n250-STARTTLS\r\n250 HELP\r\n")
        assert connection.recv(100) == b"STARTTLS\r\n"
        connection.sendall(b"220 go ahead\r\n")
        try:
            with context.wrap_socket(connection, server_side=True) as secure:
                assert secure.recv(100) == b"EHLO prober\r\n"
                secure.sendall(b"250-mail.example\r\n250-AUTH PLAIN\r\n250 HELP\r\n")
                hostile.mute(secure, b"")
        except ssl.SSLError:
            return

    with hostile.serving(answer, ask=False) as server:
        _, ours = assert_alike(pair, target=server.address, module="smtp_starttls")
    assert ours.value("probe_success") == (certificate is certificates.pair)
