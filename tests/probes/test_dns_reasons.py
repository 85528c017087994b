"""Every reason of dns and what provokes it, and what must not hold it up."""

import asyncio
import contextlib
import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterator
from typing import Any

import dns.message
import pytest
import uvloop

from exporter.probe import Result
from exporter.probes.dns import DNS
from tests import certificates, hostile, probing
from tests.fakes.nameserver import Answer, over, replies, serving, silent

Fields = contextlib.AbstractContextManager[dict[str, Any]]
SHOP = "shop.example. 60 IN A 192.0.2.1"
CUT = replies(SHOP, flags="TC")
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@contextlib.contextmanager
def at(server: str, **fields: Any) -> Iterator[dict[str, Any]]:
    yield {"server": server, **fields}


@contextlib.contextmanager
def named(answer: Callable[..., object]) -> Iterator[dict[str, Any]]:
    with hostile.resolver(answer):
        yield {"server": "ns.example"}


@contextlib.contextmanager
def answers(answer: Answer, **fields: Any) -> Iterator[dict[str, Any]]:
    with serving(answer) as server:
        yield {"server": server.address, **fields}


@contextlib.contextmanager
def streams(answer: hostile.Answer, context: ssl.SSLContext | None = None, **fields: Any) -> Iterator[dict[str, Any]]:
    with hostile.serving(answer, tls=context, ask=False) as server:
        yield {"server": f"localhost:{server.port}", "protocol": "tcp", **fields}


def over_tls(pair: certificates.Pair, **context: Any) -> Fields:
    tls = {"ca_file": str(certificates.authority())}
    return streams(hostile.mute, pair.context(**context), protocol="tls", tls=tls)


def raw(change: Callable[[bytes], bytes], *after: Answer) -> Answer:
    """A right answer with its bytes changed, and then others."""

    def answer(query: dns.message.Message, protocol: str) -> list[bytes]:
        (wire,) = replies(SHOP)(query, protocol)
        return [change(wire), *(message for each in after for message in each(query, protocol))]

    return answer


def other_id(wire: bytes) -> bytes:
    return bytes([wire[0] ^ 1]) + wire[1:]


def other_name(wire: bytes) -> bytes:
    return wire.replace(b"\x04shop", b"\x04shoq")


REASONS: dict[str, Callable[[], Fields]] = {
    "resolve": lambda: named(hostile.resolves()),
    "nameserver": lambda: named(hostile.no_name_server),
    "refused": lambda: at(f"127.0.0.1:{hostile.unused()}"),
    "unreachable": lambda: at("255.255.255.255"),
    "reset": lambda: streams(hostile.resets()),
    "closed": lambda: streams(hostile.says(b"\x00\x20not all")),
    "protocol": lambda: answers(raw(lambda wire: wire[:-3])),
    "mismatch": lambda: answers(raw(other_id)),
    "no_name": lambda: answers(replies(rcode="NXDOMAIN")),
    "no_answer": lambda: answers(replies("shop.example. 60 IN AAAA ::1")),
    "server_failure": lambda: answers(replies(rcode="SERVFAIL")),
    "denied": lambda: answers(replies(rcode="REFUSED")),
    "malformed": lambda: answers(replies(rcode="FORMERR")),
    "not_implemented": lambda: answers(replies(rcode="NOTIMP")),
    "rcode": lambda: answers(replies(rcode="BADVERS")),
    "unexpected": lambda: answers(replies(SHOP), answers=["192.0.2.2"]),
    "truncated": lambda: answers(CUT),
    "not_authoritative": lambda: answers(replies(SHOP), authoritative=True),
    "not_validated": lambda: answers(replies(SHOP), validated=True),
    "tls_expired": lambda: over_tls(certificates.expired()),
    "tls_not_yet_valid": lambda: over_tls(certificates.not_yet_valid()),
    "tls_untrusted": lambda: over_tls(certificates.self_signed()),
    "tls_hostname": lambda: over_tls(certificates.wrong_host()),
    "tls_version": lambda: over_tls(certificates.pair(), newest=ssl.TLSVersion.TLSv1),
    "tls_plaintext": lambda: streams(hostile.holds(b"220 no TLS here\r\n"), protocol="tls"),
    "tls": lambda: over_tls(certificates.pair(), client_ca=certificates.authority(), newest=ssl.TLSVersion.TLSv1_2),
}


def on(loop: str, *, timeout: float = 1.0, **fields: Any) -> Result:
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        return runner.run(probing.run("dns", timeout=timeout, query="shop.example", **fields))


def test_the_table_has_every_reason() -> None:
    assert set(REASONS) == set(DNS.reasons)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("reason", REASONS)
def test_each_reason_is_provoked(reason: str, loop: str) -> None:
    with REASONS[reason]() as fields:
        # Only that of a wrong id is known at the deadline: the right answer may come till then.
        result = on(loop, timeout=0.3 if reason == "mismatch" else 5.0, **fields)
    assert (result.outcome, result.reason) == ("unhealthy", reason), result.detail
    assert result.detail


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("fields", [{}, {"protocol": "tcp"}])
def test_silence_is_a_timeout(fields: dict[str, Any], loop: str) -> None:
    with answers(silent, **fields) as found:
        result = on(loop, timeout=0.3, **found)
    assert (result.reason, 0.29 <= result.duration < 2.0) == ("timeout", True)


def test_a_full_backlog_is_a_connect_timeout() -> None:
    with hostile.full() as port:
        assert on("uvloop", timeout=0.3, server=f"127.0.0.1:{port}", protocol="tcp").reason == "connect_timeout"


def test_a_length_that_never_comes_true_is_a_timeout() -> None:
    with streams(hostile.drips(b"\xff\xff", b"x", every=0.01)) as fields:
        assert on("uvloop", timeout=0.3, **fields).reason == "timeout"


@pytest.mark.parametrize("wrong", [other_id, other_name])
def test_a_forged_datagram_does_not_keep_the_right_one_out(wrong: Callable[[bytes], bytes]) -> None:
    with answers(raw(wrong, replies(SHOP))) as fields:
        result = on("uvloop", **fields)
    assert result.outcome == "healthy", result.detail


def test_an_answer_that_writes_the_name_in_capitals_is_the_right_one() -> None:
    with answers(raw(lambda wire: wire.replace(b"\x04shop", b"\x04SHOP"))) as fields:
        result = on("uvloop", **fields)
    assert result.outcome == "healthy", result.detail


def test_a_flood_of_forged_datagrams_ends_with_the_deadline() -> None:
    with answers(lambda query, _: [other_id(query.to_wire())] * 5000) as fields:
        assert on("uvloop", timeout=0.3, **fields).reason == "mismatch"


def test_a_datagram_from_elsewhere_is_not_heard() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server, socket.socket(type=socket.SOCK_DGRAM) as other:
        server.bind(("127.0.0.1", 0))
        server.settimeout(2)

        async def both() -> Result:
            loop = asyncio.get_running_loop()
            fields = {"server": "127.0.0.1:%d" % server.getsockname()[1], "query": "shop.example"}
            running = loop.create_task(probing.run("dns", timeout=0.5, **fields))
            wire, client = await loop.run_in_executor(None, server.recvfrom, 4096)
            other.sendto(replies(SHOP)(dns.message.from_wire(wire), "udp")[0], client)
            return await running

        assert asyncio.run(both()).reason == "timeout"


def test_a_refusal_that_leaves_the_question_out_is_understood() -> None:
    with answers(lambda query, _: [struct.pack("!HHHHHH", query.id, 0x8005, 0, 0, 0, 0)]) as fields:
        assert on("uvloop", **fields).reason == "denied"


def wire(query: dns.message.Message, records: bytes, count: int, flags: int = 0x8180) -> bytes:
    asked = query.to_wire()
    return struct.pack("!HHHHHH", query.id, flags, 1, count, 0, 0) + asked[12 : asked.index(b"\0", 12) + 5] + records


FIXED = struct.pack("!HHIH", 1, 1, 60, 4) + b"\xc0\x00\x02\x01"
BROKEN = {
    "nothing": lambda query: b"",
    "a header that is cut": lambda query: query.to_wire()[:2] + b"\x80",
    "no records where 9 are announced": lambda query: wire(query, b"", 9),
    "a record that is cut": lambda query: wire(query, b"\xc0\x0c" + FIXED[:-2], 1),
    "a name that points to itself": lambda query: wire(query, b"\xc0\x1e" + FIXED, 1),
    "a name that points forward": lambda query: wire(query, b"\xc0\xff" + FIXED, 1),
    "a pointer that is cut": lambda query: wire(query, b"\xc0", 1),
    "a name without end": lambda query: wire(query, b"\x3fx", 1),
    "a label of a reserved type": lambda query: wire(query, b"\x80x\0" + FIXED, 1),
    "a name that is too long": lambda query: wire(query, (b"\x3f" + b"x" * 63) * 4 + b"\0" + FIXED, 1),
    "an address of three bytes": lambda query: wire(query, b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 3) + b"abc", 1),
    "an alias that is none": lambda query: wire(query, b"\xc0\x0c" + struct.pack("!HHIH", 5, 1, 60, 1) + b"\xff", 1),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_what_is_no_message_is_a_fault_of_the_protocol(broken: str) -> None:
    with answers(lambda query, _: [BROKEN[broken](query)]) as fields:
        result = on("uvloop", **fields)
    assert (result.reason, "no" in result.detail) == ("protocol", True), result.detail


@pytest.mark.parametrize("record", [b"\xc0\x0c" + FIXED, b"\xc0\x0c" + struct.pack("!HHIH", 2, 1, 60, 2) + b"\xc0\x0c"])
def test_a_message_full_of_long_names_does_not_hold_the_loop(record: bytes) -> None:
    long = ".".join(["a"] * 126)
    size = (65535 - 300) // len(record)
    type_ = "A" if len(record) > 14 else "NS"

    async def worst() -> tuple[Result, float]:
        loop, held = asyncio.get_running_loop(), 0.0
        running = loop.create_task(probing.run("dns", timeout=20, query=long, type=type_, **fields))
        while not running.done():
            at = time.thread_time()
            await asyncio.sleep(0)
            held = max(held, time.thread_time() - at)
        return running.result(), held

    with answers(lambda query, _: [wire(query, record * size, size)], protocol="tcp") as fields:
        result, held = asyncio.run(worst())
    assert result.outcome == "healthy", result.detail
    assert held < 1.0, "seconds of the processor without a turn for others; dnspython's own parser takes 20"


def test_no_detail_has_controls_of_the_servers() -> None:
    with answers(replies('shop.example. 60 IN TXT "\x1b[31mred"'), type="TXT", answers=["blue"]) as fields:
        result = on("uvloop", **fields)
    assert (result.reason, result.detail.isprintable()) == ("unexpected", True)
