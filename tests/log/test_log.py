import asyncio
import dataclasses
import io
import json
import logging
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from exporter import log
from exporter.component import Component
from exporter.probe import Probe, Result
from exporter.probes.redis import Redis
from exporter.state import Record, Run, Verdict
from exporter.values import Secret


@pytest.fixture
def _unchanged() -> Iterator[None]:
    """Logging as it was."""
    root, ours = logging.getLogger(), logging.getLogger("exporter")
    before = root.level, ours.level
    yield
    for handler in [handler for handler in root.handlers if isinstance(handler, log.Lines)]:
        root.removeHandler(handler)
        handler.close()
    root.setLevel(before[0])
    ours.setLevel(before[1])
    logging.captureWarnings(capture=False)


@pytest.fixture
def written(_unchanged: None) -> Callable[[], list[dict[str, Any]]]:
    stream = io.StringIO()
    log.setup("debug", "json", stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


ours = logging.getLogger("exporter.it")


def test_a_line_has_its_fields_in_their_order(written: Callable[[], list[dict[str, Any]]]) -> None:
    token = log.request_id.set("r-1")
    ours.warning(
        "said %s",
        "this",
        extra={"more": {"a": [1, 2.5, None]}, "trace_id": "t", "reason": "refused", "component": "db"},
    )
    log.request_id.reset(token)
    (line,) = written()
    assert list(line) == ["time", "level", "logger", "message", "component", "reason", "request_id", "trace_id", "more"]
    at = line.pop("time")
    assert len(at) == len("2026-01-01T00:00:00.000Z")
    assert at.endswith("Z")
    assert line == {
        "level": "warning",
        "logger": "exporter.it",
        "message": "said this",
        "component": "db",
        "reason": "refused",
        "request_id": "r-1",
        "trace_id": "t",
        "more": {"a": [1, 2.5, None]},
    }


def test_warnings_and_what_asyncio_catches_are_lines_too(written: Callable[[], list[dict[str, Any]]]) -> None:
    async def forget() -> None:
        asyncio.get_running_loop().call_exception_handler({"message": "lost", "exception": ValueError("in asyncio")})

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    asyncio.run(forget())
    warned, caught = written()
    assert (warned["logger"], caught["logger"], caught["message"]) == ("py.warnings", "asyncio", "lost")
    assert "DeprecationWarning: old" in warned["message"]
    assert caught["traceback"].endswith("ValueError: in asyncio\n")


def test_levels_apply_to_ours_and_others_debug_lines_stay_out(written: Callable[[], list[dict[str, Any]]]) -> None:
    ours.debug("ours")
    logging.getLogger("urllib3.connectionpool").debug("theirs")
    log.setup("error", "json", stream := io.StringIO())
    ours.warning("less")
    logging.getLogger("aiohttp.server").error("theirs as well")
    assert [line["message"] for line in written()] == ["ours"]
    assert "theirs as well" in stream.getvalue()
    assert stream.getvalue().count("\n") == 1


def test_a_second_setup_replaces_the_first_and_tells_its_form(written: object) -> None:
    assert not log.is_console()
    log.setup("info", "console", io.StringIO())
    assert log.is_console()


def result(outcome: Any, reason: str = "", detail: str = "", error: BaseException | None = None) -> Result:
    return Result("it", "tcp", 1.0, 0.25, outcome, reason, detail, {}, (), f"00-{7:032x}-{8:016x}-01", error)


def after(*results: Result, critical: bool = False) -> Record:
    """A record of these runs, each of which is its verdict."""
    record = Record(Component("it", "tcp", Probe(), critical=critical))
    for each in results:
        record.result = each
        record.verdict = Verdict(each.outcome, 1.0)
        record.runs.append(Run(each.started, each.duration, each.outcome, each.reason, each.detail))
    return record


def test_a_change_is_one_line_and_no_change_is_none(written: Callable[[], list[dict[str, Any]]]) -> None:
    down = result("unhealthy", "refused", "127.0.0.1:1 refused the connection")
    log.change("healthy", after(result("healthy"), down))
    log.change("unhealthy", after(down, down))
    log.change("unhealthy", after(down, result("healthy")))
    log.change("healthy", after(result("healthy"), down, critical=True))
    log.change("unknown", after())
    lines = written()
    assert [(line["level"], line["message"]) for line in lines] == [
        ("warning", "it is unhealthy"),
        ("info", "it is healthy"),
        ("error", "it is unhealthy"),
    ]
    del lines[0]["time"]
    assert lines[0] == {
        "level": "warning",
        "logger": "exporter.log",
        "message": "it is unhealthy",
        "component": "it",
        "reason": "refused",
        "trace_id": f"{7:032x}",
        "kind": "tcp",
        "status": "unhealthy",
        "before": "healthy",
        "detail": "127.0.0.1:1 refused the connection",
        "duration": 0.25,
    }


def test_a_defect_has_its_traceback_once_per_change(written: Callable[[], list[dict[str, Any]]]) -> None:
    try:
        raise KeyError("a defect")
    except KeyError as error:
        caught = error
    good, bad = result("healthy"), result("unhealthy", "internal", "KeyError in the probe", caught)
    other = result("unhealthy", "internal", "ValueError in the probe", ValueError("another"))
    log.change("healthy", after(good, bad))  # the verdict itself changes only after more of them
    log.change("unhealthy", after(bad, bad))
    log.change("unhealthy", after(bad, other))
    first, second = written()
    assert (first["level"], first["message"], first["reason"]) == ("error", "it is unhealthy", "internal")
    assert "test_log.py" in first["traceback"]
    assert first["traceback"].endswith("KeyError: 'a defect'\n")
    assert (second["message"], second["traceback"]) == ("the probe of it is defective", "ValueError: another\n")


def test_a_traceback_is_without_the_probes_secrets(written: Callable[[], list[dict[str, Any]]]) -> None:
    secret = "hun'ter2\\hunter2"
    error = KeyError((secret, secret.encode()))
    error.__cause__ = ExceptionGroup("two", [ValueError(secret), RuntimeError({secret: 1})])
    error.add_note(f"sent {secret}")
    record = after(result("healthy"), result("unhealthy", "internal", "KeyError in the probe", error))
    guarded = Component("it", "redis", Redis(url=Secret("redis://a/0"), password=Secret(secret)))
    log.change("healthy", dataclasses.replace(record, component=guarded))
    (line,) = written()
    assert (line["traceback"].count("ter2"), line["traceback"].count("[REDACTED]")) == (0, 5)
    assert line["message"] == "it is unhealthy"


def test_repeats_are_told_without_another_line(_unchanged: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "WINDOW", 0.05)
    monkeypatch.setattr("exporter.log.repeats.WINDOW", 0.02)
    stream = io.StringIO()
    log.setup("info", "json", stream)
    for _ in range(5):
        ours.warning("again")
    asyncio.run(asyncio.sleep(0.3))
    assert [json.loads(line).get("repeated") for line in stream.getvalue().splitlines()] == [None, 4]


def test_repeats_are_told_at_the_end(_unchanged: None) -> None:
    stream = io.StringIO()
    log.setup("info", "json", stream)
    for _ in range(3):
        ours.warning("again")
    log.setup("info", "json", io.StringIO())
    assert [json.loads(line).get("repeated") for line in stream.getvalue().splitlines()] == [None, 2]


def test_a_stream_that_fails_stops_nothing(_unchanged: None) -> None:
    class Broken(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    log.setup("info", "json", Broken())
    ours.warning("lost")


def test_a_secret_shows_in_no_line(written: Callable[[], list[dict[str, Any]]]) -> None:
    secret = Secret("hunter2")
    try:
        raise ValueError(f"no route to postgres://me:hunter2@db/x for {secret}")
    except ValueError:
        ours.exception("with %s and %r", secret, [secret], extra={"token": secret, "all": {"x": [secret]}})
    log.setup("info", "json", io.StringIO())
    assert "hunter2" not in json.dumps(written())
    (line,) = written()
    assert line["message"] == "with [REDACTED] and [[REDACTED]]"
    assert (line["token"], line["all"]) == ("[REDACTED]", {"x": ["[REDACTED]"]})


def test_a_process_that_ends_tells_what_it_counted() -> None:
    script = "import sys, logging; from exporter import log; log.setup('info', 'json', sys.stdout)\nfor _ in range(3): logging.getLogger('exporter').error('again')"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=20)
    assert [json.loads(line).get("repeated") for line in done.stdout.splitlines()] == [None, 2]
    assert done.stderr == ""
