"""What lines of each form say: level and logger, and the requests of access logs."""

import time
from pathlib import Path
from typing import Any

import pytest

from exporter.probes._log_count import Counts
from exporter.probes._log_forms import ROLES, parser
from exporter.probes._log_level import LEVELS, level
from tests.probes.following import following

LINE = '10.0.0.7 - alice [22/Nov/2026:10:00:00 +0000] "{request}" {status} {size} "https://shop.example/" "Mozilla/5.0 {agent}"{rest}'


def said(form: Any, line: str | bytes, pattern: str = "", loggers: tuple[str, ...] = (), **fields: str) -> Any:
    """What a line adds to the counts: (level, logger), or None when it has not the form."""
    counts = Counts(parser(form, fields, pattern), loggers)
    counts.take([line if isinstance(line, bytes) else line.encode()])
    found = counts.taken()
    ((names, count),) = found.lines.items()
    assert count == 1
    return None if found.unparsed else names


JSON: dict[str, tuple[str | bytes, dict[str, str], Any]] = {
    "usual": ('{"level": "INFO", "logger": "shop.api", "x": {"level": 1}}', {}, ("info", "shop.api")),
    "python": ('{"levelname": "WARNING", "name": "root"}', {}, ("warning", "root")),
    "cloud": ('{"severity": "CRITICAL"}', {}, ("critical", "")),
    "ecs with dots": ('{"log.level": "error", "log.logger": "a.b"}', {}, ("error", "a.b")),
    "ecs nested": ('{"log": {"level": "error", "logger": "a.b"}}', {}, ("error", "a.b")),
    "pino": ('{"level": 50}', {}, ("error", "")),
    "gelf": ('{"level": 4}', {}, ("warning", "")),
    "loguru": ('{"record": {"level": {"name": "DEBUG"}}}', {"level": "record.level.name"}, ("debug", "")),
    "named": ('{"level": "x", "sev": "E", "mod": "m"}', {"level": "sev", "logger": "mod"}, ("error", "m")),
    "none": ('{"message": "hello"}', {}, ("", "")),
    "unknown word": ('{"level": "loud"}', {}, ("other", "")),
    "an object for a level": ('{"level": {"a": 1}, "logger": [1]}', {}, ("other", "other")),
    "a bool and a number": ('{"level": true, "logger": 7}', {}, ("other", "other")),
    "no UTF-8": (b'{"level": "info", "logger": "caf\xe9"}', {}, ("info", "caf\ufffd")),
    "no UTF-8 elsewhere": (b'{"m": "\xff\xfe", "level": "info"}', {}, ("info", "")),
    "byte order mark": (b'\xef\xbb\xbf{"level": "info"}', {}, ("info", "")),
    "carriage return": ('{"level": "info"}\r', {}, ("info", "")),
    "text": ("INFO hello", {}, None),
    "a list": ('["info"]', {}, None),
    "cut": ('{"level": "info", "m', {}, None),
    "a long name": ('{"logger": "' + "x" * 101 + '"}', {}, ("", "other")),
}


@pytest.mark.parametrize("case", JSON)
def test_json(case: str) -> None:
    line, fields, expected = JSON[case]
    assert said("json", line, **fields) == expected


LOGFMT: dict[str, tuple[str | bytes, Any]] = {
    "usual": ('ts=1 level=warn logger=shop.db msg="took long" took=3s', ("warning", "shop.db")),
    "quoted": ('lvl="ERROR" name="a b"', ("error", "a b")),
    "a level in a message": ('msg="level=error \\" level=fatal" level=info', ("info", "")),
    "no level": ("a=b", ("", "")),
    "no UTF-8": (b"level=info logger=\xff", ("info", "\ufffd")),
    "text": ("just words", None),
}


@pytest.mark.parametrize("case", LOGFMT)
def test_logfmt(case: str) -> None:
    line, expected = LOGFMT[case]
    assert said("logfmt", line) == expected


TEXT = {
    "2026-11-22 10:00:00,123 [17] ERROR shop.db: lost": "error",
    "[WARNING] low": "warning",
    "2026/11/22 10:00:00 [error] 7#7: *1 open() failed": "error",
    "no error in sight": "",
    "INFORMATIVE text": "",
    "INFO an ERROR was mended": "info",
    "x" * 300 + " ERROR": "",
}


@pytest.mark.parametrize("line", TEXT)
def test_text(line: str) -> None:
    assert said("text", line) == (TEXT[line], "")


def test_a_regular_expressions_groups_are_the_roles() -> None:
    pattern = r"^\S+ (?P<level>\w+) \[(?P<logger>[^\]]*)\]"
    assert said("regex", "10:00 WARN [a.b] x", pattern) == ("warning", "a.b")
    assert said("regex", "10:00 WARN [] x", pattern) == ("warning", "")
    assert said("regex", b"10:00 WARN [\xff] x", pattern) == ("warning", "\ufffd")
    assert said("regex", "else", pattern) is None


@pytest.mark.parametrize("word", ["INFO", "Info", "information", "5", 6, 30, 30.0, " notice ", "I"])
def test_levels_are_said_in_many_words(word: Any) -> None:
    assert level(word) == "info"


@pytest.mark.parametrize(
    "word", [0, 2, 9, 10, 60, 99, 1e300, -1, "²", "99999", [], b"info", float("inf"), float("nan")]
)
def test_whatever_is_said_a_level_is_one_of_six(word: Any) -> None:
    assert level(word) in LEVELS


def test_loggers_are_told_apart_by_name_and_those_below_one_belong_to_it() -> None:
    counted = [said("json", f'{{"logger": "{name}"}}', loggers=("celery", "shop.api"))[1] for name in
               ("celery", "celery.worker.strategy", "shop.api", "shop", "shop.apix", "")]  # fmt: skip
    assert counted == ["celery", "celery", "shop.api", "other", "other", ""]


def test_the_51st_logger_is_one_of_the_others() -> None:
    counts = Counts(parser("json", {}))
    counts.take([b'{"logger": "l%d"}' % (n % 60) for n in range(600)])
    lines = counts.taken().lines
    assert len(lines) == 51
    assert (lines["", "l49"], lines["", "other"]) == (10, 100)


def requests(form: Any, *lines: str, pattern: str = "", **fields: str) -> Any:
    counts = Counts(parser(form, fields, pattern))
    counts.take([line.encode() for line in lines])
    found = counts.taken()
    assert sum(found.lines.values()) == len(lines)
    return found.requests, found.durations, found.response_bytes, found.unparsed


def access(request: str = "GET / HTTP/1.1", status: Any = 200, size: Any = 10, agent: str = "", rest: str = "") -> str:
    return LINE.format(request=request, status=status, size=size, agent=agent, rest=rest)


def test_access_logs_tell_method_status_bytes_and_duration() -> None:
    lines = (
        access(rest=" 0.120"),
        access("POST /x HTTP/1.1", 503, "-", rest=" 1.5 pipe"),
        access(rest=' "10.0.0.9" 0.25'),
        access("\\x16\\x03\\x01", 400, 150),
        access("-", 408, 0),
        access("BREW /pot HTTP/1.1", 418),
        '10.0.0.7 - - [22/Nov/2026:10:00:00 +0000] "HEAD / HTTP/1.0" 304 0',
    )
    assert requests("combined", *lines) == (
        {("GET", "2xx"): 2, ("POST", "5xx"): 1, ("other", "4xx"): 3, ("HEAD", "3xx"): 1},
        [("2xx", 0.12), ("5xx", 1.5), ("2xx", 0.25)],
        180,
        0,
    )


def test_an_escaped_quote_does_not_end_a_field() -> None:
    line = access("GET /%22 HTTP/1.1", agent='(\\"a\\" 1 \\\\', rest=" 0.5")
    assert requests("combined", line) == ({("GET", "2xx"): 1}, [("2xx", 0.5)], 10, 0)


def test_a_duration_is_found_by_its_name() -> None:
    assert requests("combined", access(rest=" ua=0.9 rt=0.2 urt=-"), duration="rt")[1] == [("2xx", 0.2)]


@pytest.mark.parametrize("line", ["", "x", '"', 'a "b" c', 'a "b" 99 1', 'a "b" 2000 1', '""""""""""'])
def test_what_is_no_access_log_is_counted_apart(line: str) -> None:
    assert requests("combined", line) == ({}, [], 0, int(line != ""))


def test_requests_of_other_forms_are_counted_where_the_status_is_named() -> None:
    names = {"status": "http.status", "method": "http.method", "duration": "ms", "bytes": "size"}
    odd = ['{"http": {"status": "ok"}}', '{"http": {"status": 0}}', '{"http": 1, "ms": 3}']
    good = ['{"http": {"status": 201, "method": "put"}, "ms": 1.5, "size": 7}', '{"http.status": "404", "ms": "x"}']
    expected = ({("PUT", "2xx"): 1, ("", "4xx"): 1}, [("2xx", 1.5)], 7, 0)
    assert requests("json", *odd, *good, **names) == expected
    pattern = r"(?P<method>[A-Z]+) \S+ (?P<status>\d+) (?P<duration>[\d.]+)ms"
    assert requests("regex", "GET / 200 12ms", pattern=pattern)[:2] == ({("GET", "2xx"): 1}, [("2xx", 12.0)])
    assert requests("logfmt", "status=500 took=2", status="status", duration="took")[:2] == (
        {("", "5xx"): 1}, [("5xx", 2.0)],
    )  # fmt: skip


@pytest.mark.parametrize("duration", ["-1", '"nan"', '"inf"', "1e99", "true", '"1s"', "[1]", "null"])
def test_a_duration_that_is_none_is_left_out(duration: str) -> None:
    found = requests("json", f'{{"status": 200, "took": {duration}}}', status="status", duration="took")
    assert found[:2] == ({("", "2xx"): 1}, [])


def test_the_roles_are_documented_where_the_groups_are() -> None:
    assert ROLES == ("level", "logger", "status", "method", "duration", "bytes", "path")


def test_series_of_an_access_log(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_text("\n".join([access(rest=" 120"), access(status=500, rest=" 30"), "junk", ""]))
    with following(log, format="combined", duration_unit="ms", **{"from": "start"}) as it:
        it.wait(3)
        assert it.counted() == {("app", "", ""): 3}
        assert it.counted("unparsed_lines_total") == {("app",): 1}
        assert it.counted("requests_total") == {("app", "GET", "2xx"): 1, ("app", "GET", "5xx"): 1}
        assert it.counted("response_bytes_total") == {("app",): 20}
        assert it.counted("bytes_total") == {("app",): log.stat().st_size}
        assert it.memory.observations == {
            ("stack_logs_request_duration_seconds", ("app", "2xx")): [0.12],
            ("stack_logs_request_duration_seconds", ("app", "5xx")): [0.03],
        }


HOSTILE = [b'="' * 30_000, b'a="' + b'\\"a="' * 15_000, b"{" * 60_000, b'"' * 60_000, b"\\" * 60_000, b"[" * 60_000]
HOSTILE += [b'{"level": ' + b"[" * 60_000, b'{"x": ' + b"[" * 60_000, b"x " * 30_000, b'a=b="' * 12_000]


@pytest.mark.parametrize("form", ["text", "json", "logfmt", "combined"])
def test_no_line_takes_long(form: Any) -> None:
    for line in HOSTILE:
        began = time.process_time()
        said(form, line)
        assert time.process_time() - began < 0.1
