"""Head sampling by OpenTelemetry's consistent probability sampling: all participants that are asked agree."""

import random

import pytest

from exporter.ingest import otlp_wire
from exporter.ingest.otlp import Parser, Parsing
from exporter.ingest.otlp_errors import Echoes
from exporter.ingest.otlp_weight import Sampling, weight
from exporter.ingest.values import Request
from tests.onward.made import Forwarder, spans
from tests.ingest.otlp_made import NOW, Desk, Kept, span, traces

HALF = (1 << 55).to_bytes(7, "big")
HIGH, LOW = bytes(9) + HALF, bytes(9) + b"\x7f" + b"\xff" * 6


@pytest.mark.parametrize(
    ("ratio", "digits"),
    [(1 / 2, "8"), (1 / 3, "aaab"), (1 / 4, "c"), (1 / 5, "cccd"), (1 / 10, "e666"), (1 / 16, "f"), (1 / 100, "fd70a"),
     (1 / 1000, "ffbe77"), (1 / 10000, "fff9724"), (1 / 1000000, "ffffef39")],
)  # fmt: skip
def test_thresholds_are_those_of_the_specifications_table(ratio: float, digits: str) -> None:
    assert Sampling(ratio).written(b"\xff" * 16, b"") == b"ot=th:" + digits.encode()


@pytest.mark.parametrize(
    ("state", "trace_id", "written"),
    [
        ("", HIGH, "ot=th:8"),
        ("", LOW, None),
        ("a=1,b=2", HIGH, "ot=th:8,a=1,b=2"),
        ("a=1, ot=p:8;rv:80000000000000;th:4 ,b=2", LOW, "ot=th:8;p:8;rv:80000000000000,a=1,b=2"),
        ("ot=rv:7fffffffffffff", HIGH, None),
        ("ot=rv:80", HIGH, "ot=th:8;rv:80"),
        ("ot=th:8", HIGH, "ot=th:8"),
        ("a=1,ot=th:8", HIGH, "a=1,ot=th:8"),
        ("ot=th:0;a:b", HIGH, "ot=th:8;a:b"),
        ("ot=rv:ffffffffffffff;th:c", LOW, "ot=rv:ffffffffffffff;th:c"),
        ("ot=th:c;x:1,a=1", HIGH, "ot=x:1,a=1"),
        ("ot=th:c,a=1", HIGH, "a=1"),
        ("ot=th:zz,a=1", HIGH, "ot=th:8,a=1"),
        ("ot=th:4,ot=th:c", HIGH, "ot=th:8"),
        ("\xff=\xfe", HIGH, "ot=th:8,\xff=\xfe"),
    ],
)
def test_a_half_is_kept_and_its_trace_state_says_so(state: str, trace_id: bytes, written: str | None) -> None:
    """A stricter threshold stays; one by which the span would not be here goes, as its probability is unknown."""
    sampling = Sampling(0.5)
    given = state.encode("latin-1")
    for _ in range(2):
        assert sampling.kept(trace_id, given) == (written is not None)
        if written is not None:
            assert sampling.written(trace_id, given) == written.encode("latin-1")


def test_what_is_written_keeps_to_the_limits_of_trace_states() -> None:
    sampling = Sampling(0.5)
    many = ",".join(f"k{number}=v" for number in range(32))
    assert sampling.written(HIGH, many.encode()).decode() == "ot=th:8," + many.rsplit(",", 1)[0]
    full = f"ot=rv:{'f' * 14};a:{'x' * 220};b:{'y' * 14}"
    assert sampling.written(LOW, full.encode()).decode() == f"ot=th:8;rv:{'f' * 14}"
    long = f"a={'x' * 200},b={'y' * 120},c={'z' * 120},d=1,e={'w' * 60}"
    assert sampling.written(HIGH, long.encode()).decode() == "ot=th:8," + long.partition(",")[2]


def test_who_keeps_less_keeps_none_that_who_keeps_more_leaves_out() -> None:
    chance = random.Random(11)
    ids = [chance.randbytes(16) for _ in range(20_000)]
    kept = {ratio: {one for one in ids if Sampling(ratio).kept(one, b"")} for ratio in (0.0, 0.1, 0.3, 1.0)}
    assert kept[0.0] == set()
    assert kept[0.1] < kept[0.3] < kept[1.0] == set(ids)
    assert [round(len(kept[ratio]) / len(ids), 2) for ratio in (0.1, 0.3)] == [0.1, 0.3]


def test_spans_of_other_traces_are_left_out_and_counted_and_the_rest_says_its_threshold() -> None:
    body = traces(*[span(2, {"n": n}, trace_id=HIGH if n % 3 else LOW, trace_state="a=1") for n in range(90)])
    expected = traces(*[span(2, {"n": n}, trace_id=HIGH, trace_state="ot=th:8,a=1") for n in range(90) if n % 3])
    rewriting = Forwarder(ratio=0.5).rewriting(body)
    assert (rewriting.items, rewriting.sampled_out) == (60, 30)
    assert spans(rewriting.body) == spans(expected)
    again = Forwarder(ratio=0.5).rewriting(rewriting.body)
    assert again.body is rewriting.body or again.body == rewriting.body
    assert [weight(one.trace_state) for one in spans(again.body)] == [2.0] * 60


def test_a_ratio_of_one_changes_nothing_and_of_nought_forwards_nothing() -> None:
    body = traces(span(2, trace_id=LOW, trace_state="ot=th:c"))
    assert Forwarder(ratio=1.0).rewriting(body).body is body
    rewriting = Forwarder(ratio=0.0).rewriting(body)
    assert (rewriting.body, rewriting.items, rewriting.sampled_out) == (b"", 0, 1)


def test_a_sampled_span_is_scrubbed_too() -> None:
    [one] = spans(Forwarder(ratio=0.5).traces(traces(span(2, {"mail": "bob@example.com"}, trace_id=HIGH))))
    assert (one.attributes[0].value.string_value, one.trace_state) == ("[email]", "ot=th:8")


def test_spans_that_are_left_out_are_measured_without_their_trace_ids() -> None:
    requests: list[Request] = []
    parser = Parser(Desk().scrubber, lambda request: Kept(request, requests), kept=Sampling(0.5).kept)
    parsing = Parsing(parser, NOW, Echoes())
    route = {"http.request.method": "GET", "http.route": "/", "http.response.status_code": 200}
    body = traces(*[span(kind, route, trace_id=one) for one in (HIGH, LOW) for kind in (2, 1)])
    for piece in otlp_wire.cut(body):
        parsing.spans(piece)
    for held, seen in parsing.observed.items():
        held.many(seen)
    assert [one.trace_id for one in requests] == [HIGH.hex(), ""]
    assert [getattr(one, "trace_id", None) for _, one in parsing.batch.measured] == [HIGH.hex(), ""]
