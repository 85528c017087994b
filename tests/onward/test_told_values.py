"""Ids, stack traces and awkward values of what is told as log records."""

import json
import subprocess
import sys
from typing import Any

import pytest
from msgspec.structs import replace

from exporter.ingest.otlp_stack import chain
from exporter.onward.told_stack import stacktrace
from exporter.ingest.values import Frame, Level, Raised, Severity
from tests.ingest.otlp_made import NOW
from tests.onward.test_told import BRUTE_FORCE, ERROR, FRAMES, ORDER, SPAN, TRACE, error, event, only, sent, values


LEVELS: dict[Level, int] = {"debug": 5, "info": 9, "warning": 13, "error": 17, "fatal": 21}
SEVERITIES: dict[Severity, int] = {"low": 9, "medium": 13, "high": 17, "critical": 18}


def test_severities_are_those_of_the_logs_data_model() -> None:
    assert {level: only((error(replace(ERROR, level=level)), "seen")).severity_number for level in LEVELS} == LEVELS
    graded = {each: only((event(replace(BRUTE_FORCE, severity=each)), "seen")).severity_number for each in SEVERITIES}
    assert graded == SEVERITIES


@pytest.mark.parametrize(
    ("trace_id", "span_id", "expected"),
    [
        (TRACE.upper(), SPAN, (TRACE, SPAN)),
        (TRACE, "", (TRACE, "")),
        (TRACE, "0" * 16, (TRACE, "")),
        ("0" * 32, SPAN, ("", "")),
        (TRACE[:-2], SPAN, ("", "")),
        ("z" * 32, SPAN, ("", "")),
        (" 1" * 16, SPAN, ("", "")),
        ("01 " * 10 + "01", SPAN, ("", "")),
        ("\u0661" * 32, SPAN, ("", "")),
    ],
)
def test_ids_that_are_none_are_left_out(trace_id: str, span_id: str, expected: tuple[str, str]) -> None:
    record = only((error(replace(ERROR, trace_id=trace_id, span_id=span_id)), "seen"))
    assert (record.trace_id.hex(), record.span_id.hex()) == expected


@pytest.mark.parametrize("platform", ["python", "javascript", "java", "ruby", ""])
def test_a_stack_trace_is_read_again_as_the_same_frames(platform: str) -> None:
    frames = tuple(replace(frame, module="", in_app=None) for frame in FRAMES)
    if platform == "java":
        frames = (
            Frame("com.shop.Views", "checkout", "Views.java", 10),
            Frame("com.shop.Pay", "charge", "Pay.java", 42),
        )
    causes = (Raised("TimeoutError", "took 5 s", "", frames[1:]), Raised("PaymentError", "declined", "shop", frames))
    read = [(each.type, each.value, each.frames) for each in chain(stacktrace(causes, platform))]
    assert read == [("TimeoutError", "took 5 s", frames[1:]), ("shop.PaymentError", "declined", frames)]


def test_without_frames_there_is_no_stack_trace() -> None:
    assert stacktrace((Raised("A", "b"),), "python") == stacktrace((), "") == ""


def test_a_cause_without_frames_is_told_by_its_name_and_the_whole_is_bounded() -> None:
    text = stacktrace((Raised("KeyError", "k", "builtins"), Raised("A", "b", "shop", FRAMES)), "python")
    assert text.startswith("KeyError: k\n\nThe above exception was the direct cause of")
    assert len(stacktrace((Raised("A", "b", "", FRAMES * 2_000),), "java")) == 64 * 1024


AWKWARD: dict[str, Any] = {
    "lone": "\ud800 surrogate",
    "lo\udfffne": 1,
    "lo\ud800ne": 2,
    "large": 10**40,
    "negative": -(10**400),
    "small": -(2**63),
    "nan": float("nan"),
    "nothing": None,
    "empty": "",
    "deep": json.loads('{"a": [' * 40 + '"bottom"' + "]}" * 40),
    "many": list(range(5_000)),
    "long": "x" * 200_000,
}


def test_whatever_a_value_is_the_request_can_be_read() -> None:
    entries = [
        (error(replace(ERROR, detail={"tags": AWKWARD, "request": [1]}, path="\udc80/x", at=float("inf"))), "new"),
        (error(replace(ERROR, detail={"tags": [["a", 1], ["b"], [], "c", [3, 4], ["d", "e"]]}, at=-5.0)), "new"),
        (event(replace(BRUTE_FORCE, detail={"extra": AWKWARD, "message": 7, "contexts": 3}, at=1e300)), "seen"),
        (event(replace(ORDER, detail={"extra": {str(n): n for n in range(1_000)}, "contexts": {"trace": 1}})), "seen"),
    ]
    records = [r for of in sent(*entries).resource_logs for r in of.scope_logs[0].log_records]  # type: ignore[arg-type]
    tagged = values(records[0].attributes)
    assert (tagged["stack.tag.lone"], tagged["stack.tag.lo?ne"], tagged["url.path"]) == ("? surrogate", 1, "?/x")
    assert (tagged["stack.tag.large"], tagged["stack.tag.small"]) == (1e40, -(2**63))
    assert "stack.tag.empty" not in tagged and "bottom" in str(tagged["stack.tag.deep"])
    raw = {pair.key: pair.value for pair in records[0].attributes}
    assert len(raw["stack.tag.long"].string_value) == 64 * 1024
    assert len(raw["stack.tag.many"].array_value.values) == 1_000
    assert {key for key in values(records[1].attributes) if "tag" in key} == {"stack.tag.a", "stack.tag.d"}
    assert [record.time_unix_nano for record in records] == [0, 0, 2**63 - 1, int(NOW * 1e9)]
    assert len(records[3].attributes) == 128


def test_protobuf_is_imported_with_the_first_that_is_told() -> None:
    code = (
        "import sys; from exporter.onward.told import told; told([], ('errors',)); "
        "sys.exit(any(m.startswith(('google.protobuf', 'opentelemetry')) for m in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=20)
