"""Every reason of tcp and what provokes it, and dialogues with and without TLS."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
import uvloop

from exporter.probe import Result
from exporter.probes.tcp import TCP
from tests import certificates, hostile, probing
from tests.probing import component, probe, readings

Fields = contextlib.AbstractContextManager[dict[str, Any]]
BANNER = ({"expect": "^220 "},)
STARTTLS = (
    {"expect": "^220 ", "send": "EHLO probe"},
    {"expect": "^250-STARTTLS", "send": "STARTTLS"},
    {"expect": "^220 ", "starttls": True},
    {"send": "EHLO again"},
    {"expect": "^250 secure"},
)


@contextlib.contextmanager
def at(address: str, **fields: Any) -> Iterator[dict[str, Any]]:
    yield {"address": address, **fields}


@contextlib.contextmanager
def named(answer: Callable[..., object]) -> Iterator[dict[str, Any]]:
    with hostile.resolver(answer):
        yield {"address": "app.example:25"}


@contextlib.contextmanager
def answers(answer: hostile.Answer, *, tls: ssl.SSLContext | None = None, **fields: Any) -> Iterator[dict[str, Any]]:
    with hostile.serving(answer, tls=tls, ask=False) as server:
        yield {"address": f"localhost:{server.port}", **fields}


def over_tls(pair: certificates.Pair, **context: Any) -> Fields:
    return answers(hostile.mute, tls=pair.context(**context), tls_={"ca_file": str(certificates.authority())})


def mail(pair: certificates.Pair, between: bytes = b"") -> hostile.Answer:
    """A mail server as far as the dialogue above goes."""

    def answer(connection: socket.socket, request: bytes) -> None:
        connection.sendall(b"220 mail.example ESMTP\r\n")
        if connection.recv(100) == b"EHLO probe\r\n":
            connection.sendall(b"250-mail.example\r\n250-SIZE 1000\r\n250-STARTTLS\r\n250 HELP\r\n")
        if connection.recv(100) == b"STARTTLS\r\n":
            connection.sendall(b"220 go on\r\n" + between)
            with pair.context().wrap_socket(connection, server_side=True) as secure:
                if secure.recv(100) == b"EHLO again\r\n":
                    secure.sendall(b"250 secure\r\n")
                    secure.recv(1)

    return answer


REASONS: dict[str, Callable[[], Fields]] = {
    "resolve": lambda: named(hostile.resolves()),
    "nameserver": lambda: named(hostile.no_name_server),
    "refused": lambda: at(f"127.0.0.1:{hostile.unused()}"),
    "unreachable": lambda: at("255.255.255.255:25"),
    "reset": lambda: answers(hostile.resets(), dialogue=BANNER),
    "closed": lambda: answers(hostile.says(), dialogue=BANNER),
    "unexpected": lambda: answers(hostile.says(b"554 no service\r\n"), dialogue=BANNER),
    "protocol": lambda: answers(hostile.holds(b"x" * 9000), dialogue=BANNER),
    "tls_expired": lambda: over_tls(certificates.expired()),
    "tls_not_yet_valid": lambda: over_tls(certificates.not_yet_valid()),
    "tls_untrusted": lambda: over_tls(certificates.self_signed()),
    "tls_hostname": lambda: over_tls(certificates.wrong_host()),
    "tls_version": lambda: over_tls(certificates.pair(), newest=ssl.TLSVersion.TLSv1),
    "tls_plaintext": lambda: answers(hostile.says(b"220 mail.example ESMTP\r\n"), tls_={}),
    "tls": lambda: over_tls(certificates.pair(), client_ca=certificates.authority(), newest=ssl.TLSVersion.TLSv1_2),
}
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


def on(loop: str, fields: dict[str, Any], *, timeout: float = 5.0) -> Result:
    fields = {name.rstrip("_"): value for name, value in fields.items()}
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        return runner.run(probing.run("tcp", timeout=timeout, **fields))


def test_the_table_has_every_reason() -> None:
    assert set(REASONS) == set(TCP.reasons)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("reason", REASONS)
def test_each_reason_is_provoked(reason: str, loop: str) -> None:
    with REASONS[reason]() as fields:
        result = on(loop, fields)
    assert (result.outcome, result.reason) == ("unhealthy", reason), result.detail
    assert result.detail


def test_a_server_that_takes_connections_is_up() -> None:
    with hostile.serving(hostile.mute, ask=False) as server, hostile.serving(hostile.mute, host="::1") as six:
        result = probe("tcp", address=server.address)
        assert probe("tcp", address=f"[::1]:{six.port}").up
    assert (result.outcome, readings(result), [p.name for p in result.phases]) == ("healthy", {}, ["connect"])


def test_a_name_with_addresses_of_both_families_is_up_when_one_answers() -> None:
    def both(*args: object, **kwargs: object) -> object:
        return [(socket.AF_INET6, 1, 6, "", ("::1", 0, 0, 0)), (socket.AF_INET, 1, 6, "", ("127.0.0.1", 0))]

    with hostile.serving(hostile.mute, ask=False) as server, hostile.resolver(both):
        assert probe("tcp", address=f"both.example:{server.port}").up


@pytest.mark.parametrize("loop", LOOPS)
def test_starttls_goes_on_over_tls_and_shows_the_certificate(loop: str) -> None:
    pair = certificates.pair()
    tls = {"ca_file": str(certificates.authority())}
    with answers(mail(pair), dialogue=STARTTLS, tls=None) as fields:
        result = on(loop, fields | {"tls": tls})
    found = readings(result)
    assert result.outcome == "healthy", result.detail
    assert found.pop("stack_tcp_certificate_remaining_seconds") == pytest.approx(pair.not_after - result.started, abs=5)
    assert found == {
        "stack_tcp_certificate_not_before_timestamp_seconds": pair.not_before,
        "stack_tcp_certificate_not_after_timestamp_seconds": pair.not_after,
        "stack_tcp_certificate_verified": 1.0,
    }
    assert [phase.name for phase in result.phases] == ["resolve", "connect", "dialogue", "tls", "dialogue"]


@pytest.mark.parametrize("loop", LOOPS)
def test_a_refused_certificate_after_starttls_still_shows_its_dates(loop: str) -> None:
    pair = certificates.expired()
    with answers(mail(pair), dialogue=STARTTLS) as fields:
        result = on(loop, fields | {"tls": {"ca_file": str(certificates.authority())}})
    assert result.reason == "tls_expired"
    assert readings(result)["stack_tcp_certificate_not_after_timestamp_seconds"] == pair.not_after
    assert readings(result)["stack_tcp_certificate_verified"] == 0.0


def test_text_slipped_in_before_tls_is_refused() -> None:
    with answers(mail(certificates.pair(), b"250 secure\r\n"), dialogue=STARTTLS) as fields:
        result = on("uvloop", fields)
    assert (result.reason, "where TLS was to begin" in result.detail) == ("protocol", True)


def test_any_certificate_is_taken_when_asked_to_and_its_dates_are_shown() -> None:
    pair = certificates.self_signed()
    with hostile.serving(hostile.mute, tls=pair.context(), ask=False) as server:
        result = probe("tcp", address=server.address, tls={"insecure_skip_verify": True})
    assert result.outcome == "healthy", result.detail
    assert readings(result)["stack_tcp_certificate_verified"] == 0.0
    assert readings(result)["stack_tcp_certificate_not_after_timestamp_seconds"] == pair.not_after


def test_what_a_server_said_stands_in_the_detail_without_its_controls_and_without_what_was_sent() -> None:
    dialogue = ({"send": "PASS hunter2"}, {"expect": "^OK"})
    with answers(hostile.says("ERR \x1b[31mno\u202e\r\n".encode()), dialogue=dialogue) as fields:
        result = on("uvloop", fields)
        assert "hunter2" not in repr(component("tcp", **fields).probe)
    assert result.detail.endswith("no line matches '^OK'; the last was 'ERR  [31mno '")


def test_the_deadline_in_a_wrong_answer_is_unexpected_and_in_silence_a_timeout() -> None:
    with answers(hostile.holds(b"554 no service\r\n"), dialogue=BANNER) as fields:
        assert on("uvloop", fields, timeout=0.3).reason == "unexpected"
    with answers(hostile.mute, dialogue=BANNER) as fields:
        assert on("uvloop", fields, timeout=0.3).reason == "timeout"


def test_a_match_goes_into_what_is_sent_and_a_last_line_needs_no_end() -> None:
    heard: list[bytes] = []

    def irc(connection: socket.socket, request: bytes) -> None:
        connection.sendall(b":a NOTICE\r\nPING :42\r\n")
        heard.append(connection.recv(100))
        connection.sendall(b"imok")

    dialogue = ({"expect": r"^PING :(\d+)", "send": r"PONG :\1\2"}, {"expect": "^imok$"})
    with answers(irc, dialogue=dialogue) as fields:
        assert on("uvloop", fields).up
    assert heard == [b"PONG :42\r\n"]


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("flood", [b"250-more\r\n" * 1000, b"x" * 65536])
def test_a_flood_is_left_at_64_kib(flood: bytes, loop: str) -> None:
    with answers(hostile.floods(b"", flood), dialogue=BANNER) as fields:
        result = on(loop, fields)
    assert (result.reason, "bytes" in result.detail) == ("protocol", True)


@pytest.mark.parametrize(
    "fields,message",
    [
        ({"address": "localhost"}, "address: expected host:port"),
        ({"address": "localhost:0"}, "address: expected host:port"),
        ({"address": "u:hunter2@localhost:1"}, "address: expected host:port"),
        ({"address": "::1:25"}, "address: expected host:port"),
        ({"address": "a:1", "dialogue": [{}]}, "a step expects, sends or begins TLS"),
        ({"address": "a:1", "dialogue": [{"expect": "("}]}, "expect: not a regular expression"),
        ({"address": "a:1", "dialogue": [{"expect": r"(.)\1"}]}, "neither look-around nor backreference"),
        ({"address": "a:1", "dialogue": [{"expect": ".{900}"}]}, "pattern too large"),
        ({"address": "a:1", "dialogue": [{"starttls": True}] * 2}, "TLS begins once"),
    ],
)
def test_a_bad_configuration_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message) as refused:
        component("tcp", **fields)
    assert "hunter2" not in str(refused.value)
