"""Envelopes of any content, and broken ones: never 500, and what is counted is what a second reader finds."""

import asyncio
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.web.sentry_captures import captures
from tests.web.sentry_oracle import events
from tests.web.sentry_site import Endpoint, endpoint

TYPES = ("event", "transaction", "span", "log", "session", "sessions", "check_in", "client_report", "feedback")
SKIPPED = ("user_report", "attachment", "profile", "replay_recording", "trace_metric", "of_2031")
FIELDS = ("exception", "message", "tags", "user", "contexts", "request", "spans", "items", "timestamp", "aggregates")
plain = st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(max_size=20)
trees = st.recursive(
    plain | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts | st.sampled_from(FIELDS), inner, max_size=3),
    max_leaves=12,
)
objects = st.dictionaries(st.sampled_from(FIELDS) | texts, trees, max_size=4)
payloads = st.one_of(objects.map(json.dumps), objects.map(json.dumps), trees.map(json.dumps), texts).map(str.encode)


@st.composite
def items(draw: st.DrawFn) -> bytes:
    payload = draw(payloads)
    header: dict[str, Any] = {"type": draw(st.sampled_from((*TYPES, *SKIPPED)))}
    off = draw(st.sampled_from([None, 0, 0, 0, 0, 1, -1, "wrong"]))
    if off is not None:
        header["length"] = len(payload) + off if isinstance(off, int) else off
    return json.dumps(header).encode() + draw(st.sampled_from([b"\n", b"\n", b"\n", b"\r\n"])) + payload


@st.composite
def envelopes(draw: st.DrawFn) -> bytes:
    header = draw(st.dictionaries(st.sampled_from(["event_id", "sent_at", "trace", "sdk"]), trees, max_size=3))
    made = b"\n".join([json.dumps(header).encode(), *draw(st.lists(items(), max_size=5))])
    return made + draw(st.sampled_from([b"", b"\n", b"\n\n"]))


SENT = [
    capture.body for capture in captures() if "Content-Encoding" not in capture.headers and len(capture.body) < 8_000
]


@st.composite
def broken(draw: st.DrawFn) -> bytes:
    """What an SDK sent, or a made one, with a few bytes changed, left out or doubled."""
    data = bytearray(draw(st.sampled_from(SENT) | envelopes()))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        end = draw(st.integers(at, min(len(data), at + 9)))
        data[at:end] = draw(st.sampled_from([b"", b"\n", b'"', b"{", b"0", b"\xff", b"null"]) | st.binary(max_size=4))
    return bytes(data)


def agrees(sentry: Endpoint, runner: asyncio.Runner, data: bytes) -> None:
    before = dict(sentry.counted)
    reply = runner.run(sentry.post(data))
    change = {outcome: count - before.get(outcome, 0) for outcome, count in sentry.counted.items()}
    found = events(data)
    assert reply.status == (200 if found is not None else 400), (reply.body, found)
    if found is None:
        assert change.get("invalid", 0) >= 1
        assert not change.get("accepted")
    else:
        assert sum(change.values()) == found


def fuzz(strategy: st.SearchStrategy[bytes], examples: int) -> None:
    with asyncio.Runner() as runner:
        made = endpoint()
        sentry = runner.run(made.__aenter__())

        @settings(max_examples=examples, deadline=None, database=None)
        @given(strategy)
        def check(data: bytes) -> None:
            agrees(sentry, runner, data)

        try:
            check()
        finally:
            runner.run(made.__aexit__(None, None, None))


def test_made_envelopes_are_counted_as_the_second_reader_counts_them() -> None:
    fuzz(envelopes(), 100)


def test_broken_envelopes_are_refused_where_the_second_reader_refuses_them() -> None:
    fuzz(broken(), 200)
