"""What the kind rabbitmq makes of each thing that a server of AMQP can say, of one that errs and of one that never stops."""

import struct
import time
from typing import Any
from urllib.parse import quote

import pytest

from exporter.probes._amqp import TOTAL, Frames
from tests import hostile
from tests.fakes import amqp
from tests.probes.test_echoes import FORMS, SECRETS, flat, seen
from tests.probing import probe, readings


@pytest.mark.parametrize(
    ("changed", "reason", "detail"),
    [
        ({"header": b"AMQP\0\1\0\0"}, "protocol", "speaks AMQP 1.0, not 0-9-1"),
        ({"header": b"AMQP\0\0\x08\0"}, "protocol", "speaks AMQP 0-8-0, not 0-9-1"),
        ({"header": amqp.start(version=b"\x08\0")}, "protocol", "speaks AMQP 8-0, not 0-9-1"),
        ({"header": b"ABCDEFGH"}, "protocol", "no frame of AMQP: it begins with b'A'"),
        ({"header": b"\x16\x03\x03"}, "protocol", "no frame of AMQP: it begins with b'\\x16'"),
        ({"header": b"\x01\0\0\xff\xff\xff\xff"}, "protocol", "a frame of 4294967303 bytes, more than 8192"),
        ({"header": b"\x01\0\0\0\0\x20\x00"}, "protocol", "a frame of 8200 bytes, more than 8192"),
        ({"header": b"\x01\0\0\0\0\0\x01xy"}, "protocol", "a frame that does not end where it says"),
        ({"header": amqp.frame(1, 0, b"")}, "protocol", "a method without a name"),
        ({"header": amqp.method(0, 10, 10)}, "protocol", "a method that ends before its fields do"),
        ({"header": amqp.start(amqp.short("x") + b"?")}, "protocol", "a field of the unknown type b'?'"),
        # pamqp 3.3 reads this one for ever: an array that claims to be longer than its frame.
        (
            {"header": amqp.start(amqp.short("a") + b"A" + struct.pack(">I", 100))},
            "protocol",
            "a method that ends before its fields do",
        ),
        ({"header": amqp.start(struct.pack(">I", 1 << 31))}, "protocol", "a method that ends before its fields do"),
        ({"header": amqp.start(mechanisms=b"EXTERNAL X")}, "auth", "it offers no PLAIN, only EXTERNAL X"),
        ({"header": amqp.method(0, 10, 30)}, "protocol", "method (10, 30) where (10, 10) is due"),
        ({"header": amqp.frame(3, 1, b"x")}, "protocol", "a frame of type 3 where (10, 10) is due"),
        ({(10, 11): hostile.says()}, "auth", "it closed the connection upon the login"),
        ({(10, 11): amqp.close(403, "ACCESS_REFUSED - no")}, "auth", "ACCESS_REFUSED - no"),
        ({(10, 11): amqp.close(403, "no planted-canary \x1b[2J")}, "auth", "no [REDACTED]  [2J"),
        ({(10, 40): amqp.close(320, "CONNECTION_FORCED - shutdown")}, "closed", "CONNECTION_FORCED - shutdown"),
        (
            {(10, 40): amqp.close(530, "NOT_ALLOWED - vhost connection limit not found")},
            "no_vhost",
            "NOT_ALLOWED - vhost connection limit not found",
        ),
        (
            {(10, 40): amqp.close(530, "access to vhost '/' refused for user 'app': connection limit (5) is reached")},
            "too_many_connections",
            "access to vhost '/' refused for user 'app': connection limit (5) is reached",
        ),
        (
            {(10, 40): amqp.close(530, "access to vhost 'not found' refused for user 'app'")},
            "permission",
            "access to vhost 'not found' refused for user 'app'",
        ),
        ({(10, 40): amqp.close(530, "something else")}, "server_error", "something else"),
        ({(10, 40): amqp.close(504, "")}, "server_error", ""),
        ({(20, 10): amqp.close(504, "channel error", 1)}, "server_error", "channel error"),
        ({(50, 10): amqp.close(541, "crashed")}, "server_error", "crashed"),
        ({(50, 10): amqp.close(406, "odd", 1)}, "server_error", "odd"),
    ],
)
def test_what_is_said_decides(changed: dict[object, Any], reason: str, detail: str) -> None:
    with amqp.fake(changed, queues=["q"])() as fields:
        result = probe("rabbitmq", **fields)
    where = fields["url"].rpartition("@")[2]
    assert (result.reason, result.detail) == (reason, f"{where}: {detail}")


@pytest.mark.parametrize(
    ("changed", "outcome", "reason"),
    [
        ({}, "healthy", ""),
        ({"body": amqp.BLOCKED}, "degraded", "blocked"),
        ({(60, 70): amqp.BLOCKED}, "degraded", "blocked"),
        ({(10, 40): amqp.BLOCKED + amqp.UNBLOCKED + amqp.method(0, 10, 41, amqp.short(""))}, "healthy", ""),
        ({(10, 40): amqp.HEARTBEAT * 3 + amqp.method(0, 10, 41, amqp.short(""))}, "healthy", ""),
        ({"body": amqp.NACK}, "degraded", "canary"),
        ({(60, 70): amqp.EMPTY}, "degraded", "canary"),
        ({(60, 70): amqp.got(b"another")}, "degraded", "canary"),
        ({(60, 70): amqp.got(b"")}, "degraded", "canary"),
        ({(60, 70): amqp.got(b"x", size=1 << 40)}, "unhealthy", "protocol"),
        ({(60, 70): amqp.got(b"") + amqp.frame(3, 1, b"")}, "degraded", "canary"),
        ({(60, 70): amqp.got(b"", size=5) + amqp.frame(3, 1, b"")}, "unhealthy", "protocol"),
        ({(60, 70): amqp.got(b"ab", size=9) + amqp.frame(2, 1, b"")}, "unhealthy", "protocol"),
        ({(60, 70): amqp.got(b"")[:-10]}, "unhealthy", "timeout"),
        ({(10, 50): b""}, "healthy", ""),  # it does not answer a good-bye
        ({(10, 50): hostile.resets()}, "healthy", ""),
    ],
)
def test_what_becomes_of_a_canary(changed: dict[object, Any], outcome: str, reason: str) -> None:
    with amqp.fake(changed, canary=True, queues=["q"])() as fields:
        result = probe("rabbitmq", timeout=1.5, **fields)
    assert (result.outcome, result.reason) == (outcome, reason), result.detail
    found = readings(result)
    assert found['stack_rabbitmq_info{software="FakeMQ",version="1.0"}'] == 1
    assert found['stack_rabbitmq_queue_messages_ready{vhost="/",queue="q"}'] == 7
    assert found['stack_rabbitmq_queue_consumers{vhost="/",queue="q"}'] == 3


@pytest.mark.parametrize("flood", [amqp.HEARTBEAT, amqp.BLOCKED, amqp.frame(8, 0, bytes(1000))])
def test_an_endless_session_is_cut_off_at_its_limit(flood: bytes) -> None:
    with amqp.fake({"header": hostile.floods(b"", flood * 1000)})() as fields:
        result = probe("rabbitmq", **fields)
    where = fields["url"].rpartition("@")[2]
    assert (result.reason, result.detail) == ("protocol", f"{where}: more than 131072 bytes of frames")


def test_what_comes_while_nobody_reads_is_not_kept_beyond_the_limit() -> None:
    frames = Frames("it")
    for _ in range(100):
        frames.data_received(bytes(1 << 16))
    assert len(frames._held) <= TOTAL


def test_frames_that_come_byte_by_byte_are_read() -> None:
    def drip(connection: Any, _: bytes) -> None:
        for byte in amqp.start(amqp.PRODUCT):
            connection.sendall(bytes([byte]))
            time.sleep(0.0002)

    with amqp.fake({"header": drip})() as fields:
        assert probe("rabbitmq", **fields).outcome == "healthy"


@pytest.mark.parametrize("silent", ["header", (10, 11), (10, 40), (20, 10)])
def test_a_broker_that_falls_silent_is_a_timeout(silent: object) -> None:
    with amqp.fake({silent: b""})() as fields:
        result = probe("rabbitmq", timeout=0.2, **fields)
    assert (result.outcome, result.reason) == ("unhealthy", "timeout")
    assert result.detail.partition(": ")[2] == "no end within 0.2 s, in phase login"


def test_a_full_backlog_is_a_connect_timeout() -> None:
    with hostile.full() as port:
        result = probe("rabbitmq", timeout=0.2, url=f"amqp://127.0.0.1:{port}")
    assert (result.outcome, result.reason) == ("unhealthy", "connect_timeout")


def test_every_kind_of_field_in_a_servers_properties_is_passed_over() -> None:
    sizes = {b"t": 1, b"b": 1, b"B": 1, b"s": 2, b"u": 2, b"I": 4, b"i": 4, b"f": 4, b"l": 8, b"L": 8, b"d": 8}
    sizes |= {b"T": 8, b"D": 5, b"V": 0}
    properties = b"".join(amqp.short("x") + kind + bytes(size) for kind, size in sizes.items())
    properties += b"".join(amqp.short("y") + kind + amqp.long(b"abc") for kind in (b"A", b"F", b"x"))
    with amqp.fake({"header": amqp.start(properties + amqp.PRODUCT)})() as fields:
        result = probe("rabbitmq", **fields)
    assert readings(result) == {'stack_rabbitmq_info{software="FakeMQ",version="1.0"}': 1}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("secret", [s for s in SECRETS if s.isascii()])
def test_a_broker_that_sends_the_password_back_in_any_form_does_not_get_it_shown(secret: str, form: str) -> None:
    def echo(connection: Any, method: bytes) -> None:
        told = flat(method.rpartition(b"\0")[2].removesuffix(b"\x05en_US").decode())
        connection.sendall(amqp.close(403, FORMS[form](told)[:255]))

    with amqp.fake({(10, 11): echo})() as fields:
        result = probe("rabbitmq", url=f"amqp://ann:{quote(secret, safe='')}@{fields['url'].rpartition('@')[2]}")
    assert result.reason == "auth"
    assert seen(secret, result.detail) == []
