"""Personal data of every sort, on spans in every form, is not in what is forwarded; what stands beside it is."""

import json
import uuid
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from exporter.config.application import Scrub
from exporter.ingest.scrub import Scrubbing
from tests.end_to_end.pii_ways import flat
from tests.onward.made import Forwarder, spans, told
from tests.ingest.otlp_made import SHOP, failed, pairs, raised, span, traces
from tests.ingest.test_scrub import VECTORS

PROSE = {"K17", "K25", "K35"}
"""Found as objects and lists, not in prose that repeats their JSON: what the scrubber can't tell there."""


def configured(vector: dict[str, Any]) -> Scrub:
    given = vector["config"]
    return Scrub(
        keys=tuple(given.get("sensitive_fields", ())),
        keep=tuple(given.get("safe_fields", ())),
        rules=("ip", "userpath", *given.get("extra_rules", ())),
    )


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_a_vector_goes_from_a_span_and_scrubbed_again_it_is_the_same(vector: dict[str, Any]) -> None:
    event = vector["event"]
    whole = json.dumps(event)
    stack = "" if vector["id"] in PROSE else f"Traceback (most recent call last):\n  File x\nPiiError: {whole}"
    of = span(
        2, event | flat(event) | {"whole": whole}, name=event.get("transaction", "GET /"), trace_id=uuid.uuid4().bytes,
        events=[raised("PiiError", whole, stack), Span.Event(name="e", attributes=pairs(flat(event)))], status=failed(whole),
        links=[{"trace_id": bytes(15) + b"1", "attributes": []}],
    )  # fmt: skip
    forwarder = Forwarder(configured(vector))
    sent = forwarder.traces(traces(of, resource=SHOP | event.get("extra", {})))
    text = sent.decode(errors="replace")
    assert [one for one in vector["must_not_contain"] if one in text] == []
    assert [one for one in vector["must_contain"] if one not in text] == []
    assert Forwarder(configured(vector)).traces(sent) is sent or forwarder.traces(sent) == sent


def test_what_the_scrubber_has_no_time_for_is_withheld_and_never_raw() -> None:
    forwarder = Forwarder()
    forwarder.rewriter.verdicts._scrubber = Scrubbing(Scrub(), clock=iter(range(10_000_000)).__next__)
    mails = {f"a{number}": f"{'x' * 3_000} bob{number}@example.com" for number in range(60)}
    body = traces(span(2, {"all": mails, "one": "amy@example.com"}))
    [sent] = spans(forwarder.traces(body))
    assert b"@example.com" not in sent.SerializeToString()
    assert told(sent.attributes)["one"] == "[email]"
    assert list(told(sent.attributes)["all"].values())[-1] == "[withheld]"


def test_ones_own_keys_patterns_and_exceptions_hold() -> None:
    config = Scrub(keys=("passport",), keep=("token_hint",), rules=("uuid",), patterns={"part": r"P-\d{4}"})
    given = {"passport.no": "X1", "token_hint": "abc", "ip": "10.0.0.1", "part": "of P-1234", "start": "P-12345"}
    [sent] = spans(Forwarder(config).traces(traces(span(2, given | {"of": str(uuid.UUID(int=1 << 127))}))))
    expected = {"passport.no": "[Filtered]", "part": "of [part]", "start": "[part]5", "of": "[uuid]"}
    assert told(sent.attributes) == given | expected
    anchored = Scrub(patterns={"begin": "^[A-Z]{2}-"})
    [sent] = spans(Forwarder(anchored).traces(traces(span(2, {"a": "AB-1", "b": "1 AB-1"}))))
    assert told(sent.attributes) == {"a": "[begin]1", "b": "1 AB-1"}


def test_a_personal_key_with_json_under_it_does_not_let_the_json_pass() -> None:
    given = {"bob@example.com": '{"password": "hunter2", "a": 1}'}
    sent = Forwarder().traces(traces(span(2, given)))
    assert b"hunter2" not in sent
    assert b"bob@example.com" not in sent


def test_nothing_personal_of_one_span_is_remembered() -> None:
    forwarder = Forwarder()
    forwarder.traces(traces(span(2, {"mail": "bob@example.com", "author": "x"})))
    verdicts = forwarder.rewriter.verdicts
    remembered = [*verdicts.fields, *(key[1] for key in (*verdicts._same, *verdicts._changed))]
    assert [one for one in remembered if b"example" in one] == []
    assert any(b"author" in one for one in remembered)


def test_what_comes_often_is_remembered_within_bounds_and_forgotten() -> None:
    forwarder = Forwarder()
    verdicts = forwarder.rewriter.verdicts
    forwarder.traces(traces(*[span(2, {"mail": "bob@example.com"}) for _ in range(3)]))
    assert [one for one in verdicts.fields if b"bob@" in one]
    for _ in range(64):
        forwarder.traces(traces(span(2, {"author": "x"})))
    assert [one for one in verdicts.fields if b"bob@" in one] == []
    for number in range(12):
        forwarder.traces(traces(*[span(2, {"author": f"{number} {n}"}) for n in range(500)]))
    assert max(len(verdicts.fields), len(verdicts._same), len(verdicts._changed)) <= 4_096
