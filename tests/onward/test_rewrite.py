"""What is forwarded of traces is what came, but for what is personal, invalid or not sampled."""

import json
import random
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from exporter.ingest.otlp_fields import tagged
from tests.onward.made import Forwarder, spans, told
from tests.ingest.otlp_made import SHOP, any_value, as_json, failed, pairs, raised, span, traces

UNKNOWN = tagged(500, b"of a version to come") + tagged(7_000, b"\x08\x01")


def rich(**fields: Any) -> Span:
    """A span with all that a span may have, none of it personal."""
    given: dict[str, Any] = {"trace_state": "vendor=1", "parent_span_id": b"parentid", "flags": 0x101}
    given |= {
        "dropped_attributes_count": 3,
        "dropped_events_count": 4,
        "dropped_links_count": 5,
        "status": failed("no"),
    }
    given |= {"links": [Span.Link(trace_id=bytes(15) + b"1", span_id=b"linkedto", attributes=pairs({"of": "it"}))]}
    given |= {
        "events": [raised("E", "it failed", "at line 1")],
        "attributes": {"http.route": "/items/{id}", "n": 5},
    }
    return span(**(given | fields))


def request(*of: Span) -> ExportTraceServiceRequest:
    made = ExportTraceServiceRequest.FromString(traces(*of))
    made.resource_spans[0].schema_url = "https://opentelemetry.io/schemas/1.27.0"
    scope = made.resource_spans[0].scope_spans[0]
    scope.schema_url = "https://opentelemetry.io/schemas/1.26.0"
    scope.scope.name, scope.scope.version = "opentelemetry.instrumentation.asgi", "0.50b0"
    return made


def test_a_request_in_which_nothing_changes_is_the_very_same_object() -> None:
    body = request(rich(), rich(name="other")).SerializeToString()
    for valid in (True, False):
        rewriting = Forwarder().rewriting(body, valid=valid)
        assert rewriting.body is body
        assert (rewriting.items, rewriting.sampled_out) == (2, 0)


def test_where_one_span_changes_all_others_and_all_that_is_unknown_stay_bit_by_bit() -> None:
    made = request(rich(), rich(attributes={"mail": "bob@example.com", "n": 5}), rich(name="last"))
    expected = ExportTraceServiceRequest.FromString(made.SerializeToString())
    expected.resource_spans[0].scope_spans[0].spans[1].attributes[0].value.string_value = "[email]"
    assert Forwarder().traces(made.SerializeToString()) == expected.SerializeToString()


def test_fields_of_versions_to_come_are_kept_at_all_levels() -> None:
    of = rich(name="bob@example.com").SerializeToString() + UNKNOWN
    scope = tagged(2, of) + tagged(2, rich().SerializeToString() + UNKNOWN) + UNKNOWN
    body = tagged(1, tagged(2, scope) + UNKNOWN) + UNKNOWN
    of = rich(name="[email]").SerializeToString() + UNKNOWN
    scope = tagged(2, of) + tagged(2, rich().SerializeToString() + UNKNOWN) + UNKNOWN
    assert Forwarder().traces(body) == tagged(1, tagged(2, scope) + UNKNOWN) + UNKNOWN


def test_every_text_of_a_span_is_scrubbed_and_its_ids_and_state_are_not() -> None:
    mail = "bob@example.com"
    event = Span.Event(name=f"to {mail}", attributes=pairs({"a": mail}))
    link = Span.Link(trace_id=b"bob@example.com.", span_id=b"a@b.com.", trace_state=mail, attributes=pairs({"l": mail}))
    nested = {"deep": [1, {"mail": mail, "password": ["x"]}], mail: 1, "b": mail.encode(), "card": 4111111111111111}
    of = rich(
        trace_id=b"bob@example.com.", span_id=b"a@b.com.", parent_span_id=b"c@d.com.", trace_state=f"a={mail}",
        name=f"send {mail}", attributes=nested, events=[event], links=[link], status=failed(mail),
    )  # fmt: skip
    made = request(of)
    made.resource_spans[0].resource.attributes.extend(pairs({"owner": mail, "api.token": "abc"}))
    scope = made.resource_spans[0].scope_spans[0].scope
    scope.name, scope.version = mail, mail
    scope.attributes.extend(pairs({"s": mail, "secret": 7}))

    sent = ExportTraceServiceRequest.FromString(Forwarder().traces(made.SerializeToString()))
    resource, scope = sent.resource_spans[0].resource, sent.resource_spans[0].scope_spans[0].scope
    assert told(resource.attributes) == SHOP | {"owner": "[email]", "api.token": "[Filtered]"}
    assert (scope.name, scope.version, told(scope.attributes)) == (
        *("[email]", "[email]"),
        {"s": "[email]", "secret": "[Filtered]"},
    )
    [found] = spans(sent.SerializeToString())
    assert (found.name, found.status.message) == ("send [email]", "[email]")
    deep = [1, {"mail": "[email]", "password": "[Filtered]"}]
    assert told(found.attributes) == {"deep": deep, "[email]": 1, "b": b"[email]", "card": "[card]"}
    assert (found.events[0].name, told(found.events[0].attributes)) == ("to [email]", {"a": "[email]"})
    assert told(found.links[0].attributes) == {"l": "[email]"}
    ids = (found.trace_id, found.span_id, found.parent_span_id, found.trace_state)
    assert ids == (b"bob@example.com.", b"a@b.com.", b"c@d.com.", f"a={mail}")
    assert (found.links[0].trace_id, found.links[0].trace_state) == (b"bob@example.com.", mail)


def test_an_address_that_comes_again_and_again_goes_each_time() -> None:
    forwarder = Forwarder()
    of = [rich(attributes={"net.peer.ip": "10.0.0.1", "n": n, "agent": "Chrome/120.0.0.0"}) for n in range(120)]
    for _ in range(3):
        sent = spans(forwarder.traces(request(*of).SerializeToString()))
        assert [told(one.attributes) for one in sent] == [
            {"net.peer.ip": "[ip]", "n": n, "agent": "Chrome/[ip]"} for n in range(120)
        ]
    several = {"client": "10.0.0.1", "n": 1, "author": "amy", "peer": "10.0.0.2", "last": "x" * 200}
    body = traces(*[span(2, several) for _ in range(5)])
    for _ in range(3):
        sent = spans(forwarder.traces(body))
        assert [told(one.attributes) for one in sent] == [several | {"client": "[ip]", "peer": "[ip]"}] * 5
    chance = random.Random(3)
    for _ in range(40):  # in all orders, and beside what is new
        several = [
            {chance.choice("abc"): chance.choice(("10.0.0.1", "x" * chance.randrange(300), 7)) for _ in range(4)}
            for _ in range(9)
        ]
        body = request(*[rich(attributes=one) for one in several]).SerializeToString()
        expected = [{key: "[ip]" if each == "10.0.0.1" else each for key, each in one.items()} for one in several]
        assert [told(one.attributes) for one in spans(forwarder.traces(body))] == expected


def test_what_is_suspicious_and_stays_is_whole_beside_what_goes() -> None:
    given = [rich(attributes={"author": name, "n": 1}) for name in ("amy", "bob@example.com", "joe")]
    sent = spans(Forwarder().traces(request(*given).SerializeToString()))
    assert [told(one.attributes)["author"] for one in sent] == ["amy", "[email]", "joe"]
    assert [sent[0], sent[2]] == [given[0], given[2]]


def test_spans_that_are_invalid_are_left_out() -> None:
    wrong = [
        rich(trace_id=b"short"), rich(trace_id=bytes(16)), rich(span_id=b""), rich(span_id=bytes(8)),
        rich(start_time_unix_nano=2, end_time_unix_nano=1), rich(start_time_unix_nano=0),
    ]  # fmt: skip
    good = request(rich(), rich(name="last")).SerializeToString()
    rewriting = Forwarder().rewriting(request(rich(), *wrong, rich(name="last")).SerializeToString())
    assert (rewriting.body, rewriting.items, rewriting.sampled_out) == (good, 2, 0)
    rewriting = Forwarder().rewriting(request(*wrong).SerializeToString())
    assert (rewriting.body, rewriting.items) == (b"", 0)


def test_a_scope_and_a_resource_of_which_no_span_remains_go_too() -> None:
    good, wrong = request(rich()).SerializeToString(), request(rich(span_id=b"")).resource_spans[0]
    wrong.scope_spans[0].scope.name = "bob@example.com"
    assert (
        Forwarder().traces(tagged(1, wrong.SerializeToString()) + good + tagged(1, wrong.SerializeToString())) == good
    )


def test_attributes_are_added_to_resources_that_lack_them() -> None:
    added = {"service.name": "billing", "k8s.cluster.name": "eu-1", "deployment.environment.name": "test"}
    forwarder = Forwarder(attributes=added)
    made = request(rich())
    for _ in range(2):
        sent = ExportTraceServiceRequest.FromString(forwarder.traces(made.SerializeToString()))
        assert told(sent.resource_spans[0].resource.attributes) == SHOP | {"k8s.cluster.name": "eu-1"}
        assert forwarder.traces(sent.SerializeToString()) == sent.SerializeToString()
    assert sent.resource_spans[0].scope_spans == made.resource_spans[0].scope_spans
    unnamed = traces(rich(), resource={"service.name": "unknown_service:node", "a": 1})
    [of] = ExportTraceServiceRequest.FromString(forwarder.traces(unnamed)).resource_spans
    assert told(of.resource.attributes) == {"a": 1} | added
    bare = tagged(1, tagged(2, tagged(2, rich().SerializeToString())))
    [of] = ExportTraceServiceRequest.FromString(forwarder.traces(bare)).resource_spans
    assert (told(of.resource.attributes), len(of.scope_spans)) == (added, 1)


def test_a_resource_in_several_parts_is_made_one() -> None:
    parts = [tagged(1, tagged(1, pairs({key: 1})[0].SerializeToString())) for key in ("a", "b")]
    body = tagged(1, parts[0] + tagged(2, tagged(2, rich().SerializeToString())) + parts[1])
    [of] = ExportTraceServiceRequest.FromString(Forwarder(attributes={"b": "x", "c": "y"}).traces(body)).resource_spans
    assert told(of.resource.attributes) == {"a": 1, "b": 1, "c": "y"}


def test_a_request_in_json_becomes_protobuf_with_all_that_it_said() -> None:
    made = request(*[rich(name=f"number {number}") for number in range(120)], rich(name="bob@example.com"))
    rewriting = Forwarder().rewriting(as_json(made), json=True)
    made.resource_spans[0].scope_spans[0].spans[-1].name = "[email]"
    assert rewriting.items == 121
    assert spans(rewriting.body) == list(made.resource_spans[0].scope_spans[0].spans)
    sent = ExportTraceServiceRequest.FromString(rewriting.body).resource_spans
    assert {(of.schema_url, *(scope.schema_url for scope in of.scope_spans)) for of in sent} == {
        ("https://opentelemetry.io/schemas/1.27.0", *["https://opentelemetry.io/schemas/1.26.0"] * 3)
    }
    assert all(scope.scope == made.resource_spans[0].scope_spans[0].scope for scope in sent[0].scope_spans)
    assert json.loads(as_json(made))["resourceSpans"][0]["schemaUrl"]


def test_an_attribute_that_can_not_be_read_goes_and_the_span_stays() -> None:
    deep = any_value("bob@example.com").SerializeToString()
    for _ in range(120):
        deep = tagged(5, tagged(1, deep))
    malformed = b"\x0a\x08password\x12\x7fhunter2"
    of = rich(attributes={"n": 5}).SerializeToString()
    extra = tagged(9, malformed) + tagged(9, b"\x0a\x01d" + tagged(2, deep))
    large = tagged(9, pairs({"token": "x" * 1_100_000})[0].SerializeToString())
    event = tagged(11, b"\x12\xff password")
    body = tagged(1, tagged(2, tagged(2, of + extra + large + event)))
    assert Forwarder().traces(body) == tagged(1, tagged(2, tagged(2, of)))


def test_a_long_request_is_worked_on_in_many_steps() -> None:
    forwarder = Forwarder()
    of = [rich(attributes={"net.peer.ip": f"10.0.{n // 250}.{n % 250}"}) for n in range(2_000)]
    body = request(*of).SerializeToString()
    assert forwarder.rewriting(body).items == 2_000
    assert forwarder.steps > 80


def test_random_bytes_raise_nothing() -> None:
    chance, forwarder = random.Random(5), Forwarder(ratio=0.5, attributes={"a": "b"})
    body = request(rich(), rich(name="bob@example.com", attributes={"password": "x", "l": ["::1"]})).SerializeToString()
    for _ in range(1_500):
        wrong = bytearray(body)
        for _ in range(chance.randrange(1, 4)):
            wrong[chance.randrange(len(wrong))] = chance.randrange(256)
        try:
            forwarder.traces(bytes(wrong))
        except ValueError as error:  # of the cut before
            assert type(error).__name__ in ("Malformed", "TooMany")
