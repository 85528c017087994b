"""Requests of access logs, for the service that they are of: method, path, status and seconds, whatever the form."""

import math
from pathlib import Path
from typing import Any

import pytest

from exporter.probes._log_count import Counts
from exporter.probes._log_forms import parser
from tests.probes.following import following

APACHE = '10.0.0.7 - ann [22/Nov/2026:10:00:00 +0000] "{request}" {status} 5 "-" "Mozilla/5.0"{rest}'
GET = ("GET", "/orders/7", 200, 0.5)
JSON = {"status": "code", "method": "verb", "duration": "s", "path": "url.path"}
REGEX = r"(?P<method>[A-Z]+) (?P<path>\S+) (?P<status>\d+) (?P<duration>[\d.]+)"

# form: a line, what else the form needs, and what is seen of it
LINES: dict[str, tuple[str, str, dict[str, str], Any]] = {
    "combined": ("combined", APACHE.format(request="GET /orders/7 HTTP/1.1", status=200, rest=" 0.5"), {}, GET),
    "query": ("combined", APACHE.format(request="GET /orders/7?m=a@b.c HTTP/2", status=200, rest=" 0.5"), {}, GET),
    "quoted": (
        "combined", APACHE.format(request='GET /a\\"b HTTP/1.1', status=404, rest=" 0"), {}, ("GET", "/ab", 404, 0.0),
    ),
    "untimed": ("combined", APACHE.format(request="GET /x HTTP/1.1", status=200, rest=""), {}, ("GET", "/x", 200, math.nan)),
    "no request": ("combined", APACHE.format(request="-", status=400, rest=" 0"), {}, ("other", "", 400, 0.0)),
    "garbage": ("combined", APACHE.format(request="\\x16\\x03", status=400, rest=" 0"), {}, ("other", "", 400, 0.0)),
    "json": ("json", '{"code": 200, "verb": "get", "s": 0.5, "url": {"path": "/orders/7"}}', JSON, GET),
    "json without": ("json", '{"code": 200, "verb": "GET", "s": 0.5}', JSON, ("GET", "", 200, 0.5)),
    "json odd": ("json", '{"code": 200, "verb": "GET", "s": 0.5, "url": {"path": [1]}}', JSON, ("GET", "", 200, 0.5)),
    "logfmt": ("logfmt", 'code=200 verb=GET s=0.5 url.path="/orders/7?x=1"', JSON, GET),
    "regex": ("regex", "GET /orders/7 200 0.5", {}, GET),
}  # fmt: skip


@pytest.mark.parametrize(("form", "line", "fields", "seen"), LINES.values(), ids=LINES)
def test_a_request_is_seen_in_each_form(form: Any, line: str, fields: dict[str, str], seen: Any) -> None:
    pattern = REGEX if form == "regex" else ""
    counts = Counts(parser(form, fields, pattern), every=True)
    counts.take([line.encode()])
    (found,) = counts.taken().seen
    assert found[:3] == seen[:3]
    assert found[3] == seen[3] or (math.isnan(found[3]) and math.isnan(seen[3]))


def test_without_a_service_no_request_is_held() -> None:
    counts = Counts(parser("combined", {}))
    counts.take([LINES["combined"][1].encode()] * 10)
    assert counts.taken().seen == []


def test_a_path_is_held_to_a_kilobyte() -> None:
    counts = Counts(parser("combined", {}), every=True)
    counts.take([APACHE.format(request=f"GET /{'a' * 50_000} HTTP/1.1", status=200, rest="").encode()])
    assert len(counts.taken().seen[0][1]) == 1_024


def test_a_line_that_is_written_is_a_request_of_its_service(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_text("")
    with following(log, format="combined", service="shop") as it:
        with log.open("a") as file:
            file.write(LINES["combined"][1] + "\n" + "junk\n")
        it.wait(2)
        assert it.memory.requests == [("shop", *GET)]
