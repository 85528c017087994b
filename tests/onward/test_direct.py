"""An attribute that is nothing but an address goes as by the closer look, whatever stands around it."""

import gzip
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from exporter.config.application import Scrub
from exporter.onward.logs import LOG
from exporter.onward.direct import KEYS
from exporter.ingest.otlp_fields import tagged
from tests.onward.made import Forwarder, spans, told
from tests.ingest.otlp_made import logs, pairs, raised, span, traces
from tests.onward.sent import Onward
from tests.onward.test_records_fuzz import record

ADDRESSES = (
    "10.0.0.1", "127.0.0.1", "255.255.255.255", "256.1.1.1", "010.1.1.1", "1.2.3", "1.2.3.4.5", "1.2.3.4 ", " 1.2.3.4",
    "1.2.3.4:80", "::1", "10.0.24.11", "192.168.100.100", "bob@example.com", "x", "", "http://10.0.0.1/a",
)  # fmt: skip
NAMES = (
    "net.peer.ip", "client.address", "0123456789", "remote_addr", "password", "release", "user_agent", "id", "a" * 60,
    "a" * 70, "a" * 130, "10.0.0.1", "\n", "a\nb", "é", "", "cookies", "token_count", "key", "bob@example.com",
)  # fmt: skip


def both(config: Scrub | None = None, ratio: float = 1.0) -> tuple[Forwarder, Forwarder]:
    """As it is, and with the closer look alone."""
    closer = Forwarder(config, ratio)
    closer.rewriter.direct._on = False
    return Forwarder(config, ratio), closer


def field(chance: random.Random) -> bytes:
    """An attribute of a span, as it is or with a length written longer than need be."""
    told = {chance.choice(NAMES): chance.choice((chance.choice(ADDRESSES), 7, [chance.choice(ADDRESSES)]))}
    content = pairs(told)[0].SerializeToString()
    if chance.randrange(12) or len(content) > 127:
        return tagged(9, content)
    return b"\x4a" + bytes((len(content) | 0x80, 0)) + content


def item(chance: random.Random) -> bytes:
    made = b"".join(field(chance) for _ in range(chance.randrange(6)))
    hidden = tagged(9, pairs({"fake": tagged(9, pairs({"client.address": "10.0.0.1"})[0].SerializeToString()).decode()})[0].SerializeToString())  # fmt: skip
    events = [raised("E", chance.choice(ADDRESSES), "at line 1")] if chance.randrange(2) else []
    of = span(2, {}, name=chance.choice(ADDRESSES), events=events).SerializeToString()
    return (
        of + made + (hidden if not chance.randrange(4) else b"") + (tagged(500, b"x") if chance.randrange(2) else b"")
    )


def requests(chance: random.Random, number: int) -> Iterator[bytes]:
    for _ in range(number):
        scopes = [
            b"".join(tagged(2, item(chance)) for _ in range(chance.choice((1, 3, 120 if not chance.randrange(9) else 9))))
            for _ in range(chance.randrange(1, 3))
        ]  # fmt: skip
        yield b"".join(tagged(1, b"".join(tagged(2, scope + tagged(600, b"y")) for scope in scopes)) for _ in range(2))


@pytest.mark.parametrize("config", [Scrub(), Scrub(keep=("remote_addr",)), Scrub(patterns={"a": r"^1.*"})], ids=str)
def test_bytes_are_those_of_the_closer_look(config: Scrub) -> None:
    chance, (direct, closer) = random.Random(11), both(config)
    for body in requests(chance, 150):
        assert direct.traces(body, valid=True) == closer.traces(body, valid=True)


def test_so_they_are_of_what_is_sampled_and_of_requests_that_real_clients_sent() -> None:
    direct, closer = both(ratio=0.5)
    for body in requests(random.Random(12), 30):
        assert direct.traces(body) == closer.traces(body)
    direct, closer = both()
    for name in ("py-django", "py-fastapi-gzip-auth", "py-fastapi", "node-01", "node-03"):
        sent = Path(f"tests/fixtures/captures/otlp-{name}.http").read_bytes().partition(b"\r\n\r\n")[2]
        body = gzip.decompress(sent) if sent[:2] == b"\x1f\x8b" else sent
        assert direct.traces(body) == closer.traces(body)
    assert direct.scrubber.counts["ip"] >= 1


def test_addresses_of_log_records_go_alike() -> None:
    chance, direct, closer = random.Random(13), Onward(), Onward()
    closer._rewriter.direct._on = False
    for _ in range(100):
        given = [record(chance) for _ in range(3)]
        given[1].attributes.extend(pairs({chance.choice(NAMES): chance.choice(ADDRESSES)}))
        assert direct(logs(*given), LOG) == closer(logs(*given), LOG)


def test_a_text_that_looks_like_such_an_attribute_does_not_break_its_span() -> None:
    fake = tagged(9, pairs({"client.address": "10.0.0.1"})[0].SerializeToString()).decode()
    given = {"text": fake, "client.address": "10.0.0.2"}
    [sent] = spans(Forwarder().traces(traces(span(2, given))))
    assert told(sent.attributes) == {"text": fake.replace("10.0.0.1", "[ip]"), "client.address": "[ip]"}


def test_each_is_counted_and_no_address_is_remembered() -> None:
    forwarder = Forwarder()
    of: list[Span] = [span(2, {"client.address": f"10.0.{n}.1"}) for n in range(120)]
    assert [told(one.attributes) for one in spans(forwarder.traces(traces(*of)))] == [{"client.address": "[ip]"}] * 120
    assert forwarder.scrubber.counts == {"ip": 120}
    remembered = forwarder.rewriter.direct._new
    assert remembered == {b"client.address": pairs({"client.address": "[ip]"})[0].SerializeToString()}
    forwarder.traces(traces(*[span(2, {f"k{n}": "10.0.0.1"}) for n in range(KEYS + 10)]))
    assert len(remembered) <= KEYS
