"""What measures forwarding measures right: numbered requests, and what the back end that counts them says."""

import gzip

from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from tests.otlp_load import SPANS, TRACES, Numbered, request
from tests.servers.programs.arrivals import Arrived


def ids(body: bytes) -> list[int]:
    (group,) = TracesData.FromString(body).resource_spans
    return [int.from_bytes(span.span_id) for scope in group.scope_spans for span in scope.spans]


def test_numbered_requests_differ_in_the_ids_of_their_spans_alone() -> None:
    template = request()
    bodies = Numbered(template, 3, first=1000)
    assert (len(bodies), bodies.spans) == (3, 3 * SPANS)
    assert [number for body in bodies for number in ids(body)] == list(range(1001, 1001 + 3 * SPANS))
    assert {len(body) for body in bodies} == {len(template)}
    assert Numbered(template, 1)[0] == template


def test_what_arrived_is_counted_once_and_what_came_again_or_out_of_order_is_told() -> None:
    first, second, third = Numbered(request(), 3)
    arrived = Arrived()
    for body in (first, third, third):
        arrived.begin()
        arrived.end(body)
    arrived.begin()
    arrived.begin()
    arrived.end(gzip.compress(second), packed=True)
    arrived.end(b"")
    told = arrived.told()
    assert told.pop("most_a_second") in (2, 3, 4)
    # Of the second request's spans none came before the third's of its trace.
    assert told == {"spans": 3 * SPANS, "again": SPANS, "disorder": SPANS, "requests": 4, "most_at_once": 2}
    assert SPANS % TRACES == 0
