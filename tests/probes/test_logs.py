"""Logs on real file systems: what a run says of them, and what makes it say otherwise."""

import contextlib
import gzip
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from exporter.probes import _log_names, _log_policy
from exporter.probes.logs import Logs
from tests.mounts import mounted
from tests.probes.following import following
from tests.probing import component, probe, readings

Setting = contextlib.AbstractContextManager[dict[str, Any]]


@contextlib.contextmanager
def missing(tmp: Path) -> Iterator[dict[str, Any]]:
    yield {"path": str(tmp / "app.log")}


@contextlib.contextmanager
def not_a_file(tmp: Path) -> Iterator[dict[str, Any]]:
    yield {"path": str(tmp)}


@contextlib.contextmanager
def permission(tmp: Path) -> Iterator[dict[str, Any]]:
    with mounted(tmp / "m", "fuse", "13") as path:
        yield {"path": str(path / "app.log")}


@contextlib.contextmanager
def io(tmp: Path) -> Iterator[dict[str, Any]]:
    with mounted(tmp / "m", "fuse", "5") as path:
        yield {"path": str(path / "*.log")}


@contextlib.contextmanager
def hung(tmp: Path) -> Iterator[dict[str, Any]]:
    with mounted(tmp / "m", "fuse", "hang") as path:
        yield {"path": str(path / "app.log")}


DOWN: dict[str, Callable[[Path], Setting]] = {
    "missing": missing, "not_a_file": not_a_file, "permission": permission, "io": io, "hung": hung,
}  # fmt: skip


@pytest.mark.parametrize("reason", DOWN)
def test_what_can_not_be_read_is_down_and_its_reason_says_why(reason: str, tmp_path: Path) -> None:
    with DOWN[reason](tmp_path) as fields:
        result = probe("logs", timeout=0.5, files={"app": fields})
    assert (result.outcome, result.reason) == ("unhealthy", reason), result
    assert str(tmp_path) in result.detail


def too_large(folder: Path) -> dict[str, Any]:
    (folder / "app.log").write_bytes(b"x" * 1101)
    return {"policy": {"size": "1kB"}}


def wrong_format(folder: Path) -> dict[str, Any]:
    (folder / "app.log").write_text("plain text\n" * 10)
    return {"format": "json"}


def damaged(folder: Path) -> dict[str, Any]:
    (folder / "app.log.1.gz").write_bytes(gzip.compress(b"hello\n" * 99)[:-8] + bytes(8))  # its checksum
    return {"path": f"{folder}/app.log*"}


def too_many(folder: Path) -> dict[str, Any]:
    for name in "abc":
        (folder / f"{name}.log").touch()
    return {"path": f"{folder}/*.log"}


DEGRADED: dict[str, Callable[[Path], dict[str, Any]]] = {
    "policy": too_large, "format": wrong_format, "damaged": damaged, "too_many": too_many,
}  # fmt: skip
REASONS = DOWN | DEGRADED


@pytest.mark.parametrize("reason", DEGRADED)
def test_what_is_not_as_it_should_be_is_degraded(reason: str, tmp_path: Path) -> None:
    (tmp_path / "app.log").touch()
    fields = {"path": str(tmp_path / "app.log"), "from": "start", **DEGRADED[reason](tmp_path)}
    with mock.patch.object(_log_names, "MOST", 3), following(files={"app": fields}) as it:
        it.settle()
        result = it.run()
    assert (result.outcome, result.reason) == ("degraded", reason)
    assert result.detail.startswith("app")


@pytest.mark.parametrize("reason", REASONS)
def test_the_tables_have_a_row_for_each_reason(reason: str) -> None:
    assert reason in Logs.reasons


def test_one_missing_log_does_not_hide_the_others(tmp_path: Path) -> None:
    (tmp_path / "app.log").write_text("hello\n")
    files = {"errors": {"path": str(tmp_path / "errors.log")}, "app": {"path": str(tmp_path / "app.log")}}
    result = probe("logs", files=files)
    assert (result.reason, result.detail) == ("missing", f"errors: no file is there: {tmp_path}/errors.log")
    assert readings(result)['stack_logs_files{file="app"}'] == 1
    files["errors"]["required"] = False
    assert probe("logs", files=files).outcome == "healthy"


def test_a_pattern_that_matches_nothing_is_missing(tmp_path: Path) -> None:
    assert probe("logs", files={"app": {"path": f"{tmp_path}/none/*.log"}}).reason == "missing"


def test_a_run_reports_the_files_their_rotation_and_the_silence(tmp_path: Path) -> None:
    now = time.time()
    for name, size, age in (("app.log", 500, 10), ("app.log.1", 1000, 86400), ("app.log.2.gz", 100, 5 * 86400)):
        (tmp_path / name).write_bytes(b"x" * size)
        os.utime(tmp_path / name, (now - age, now - age))
    (tmp_path / "app-errors.log").write_bytes(b"x" * 7)
    policy = {"size": "2kB", "keep": "10d", "files": 4, "compressed": True}
    with mock.patch.object(time, "time", lambda: now):
        result = probe("logs", files={"app": {"path": str(tmp_path / "app.log"), "policy": policy}})
    assert result.outcome == "healthy"
    used = {"size": 0.5, "keep": 0.5, "files": 0.5, "compressed": 0.0}
    assert readings(result) == {
        'stack_logs_files{file="app"}': 1,
        'stack_logs_rotated_files{file="app"}': 2,
        'stack_logs_stored_bytes{file="app"}': 1600,
        'stack_logs_largest_file_bytes{file="app"}': 1000,
        'stack_logs_oldest_file_age_seconds{file="app"}': pytest.approx(5 * 86400),
        'stack_logs_last_line_age_seconds{file="app"}': pytest.approx(10, abs=0.01),
        **{f'stack_logs_policy_used_ratio{{file="app",rule="{rule}"}}': pytest.approx(n) for rule, n in used.items()},
        **{f'stack_logs_policy_broken{{file="app",rule="{rule}"}}': 0 for rule in used},
    }


BREACHES: dict[str, tuple[dict[str, Any], str]] = {
    "size": ({"size": "900B"}, "app.log.1 has 1000 bytes of 900"),
    "keep": ({"keep": "4d"}, "app.log.2 is 5.0 days old, of 4"),
    "files": ({"files": 1}, "2 rotated files of one log, of 1"),
    "compressed": ({"compressed": True}, "app.log.2 is not compressed"),
}


@pytest.mark.parametrize("rule", BREACHES)
def test_a_broken_rule_of_the_policy_is_seen_and_named(rule: str, tmp_path: Path) -> None:
    policy, said = BREACHES[rule]
    now = time.time()
    for name, size, age in (("app.log", 500, 10), ("app.log.1", 1000, 86400), ("app.log.2", 100, 5 * 86400)):
        (tmp_path / name).write_bytes(b"x" * size)
        os.utime(tmp_path / name, (now - age, now - age))
    with mock.patch.object(_log_policy, "GRACE", -1.0):
        result = probe("logs", files={"app": {"path": str(tmp_path / "app.log"), "policy": policy}})
    assert (result.outcome, result.reason) == ("degraded", "policy")
    assert result.detail.startswith(f"app, {rule}: ")
    assert result.detail.endswith(said)
    assert readings(result)[f'stack_logs_policy_broken{{file="app",rule="{rule}"}}'] == 1


def test_what_rotates_a_little_late_is_no_breach(tmp_path: Path) -> None:
    (tmp_path / "app.log").write_bytes(b"x" * 1100)
    (tmp_path / "app.log.1").touch()
    (tmp_path / "app.log.2").touch()
    policy = {"size": "1kB", "keep": "1d", "files": 2, "compressed": True}
    assert probe("logs", files={"app": {"path": str(tmp_path / "app.log"), "policy": policy}}).outcome == "healthy"


def test_rotated_files_in_another_folder_are_held_to_the_policy(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "app.log").touch()
    for day in (1, 2, 3):
        (tmp_path / "old" / f"app.log-2026110{day}.gz").touch()
    files = {"app": {"path": f"{tmp_path}/app.log", "rotated": f"{tmp_path}/old/*.gz", "policy": {"files": 2}}}
    assert probe("logs", files=files).reason == "policy"


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "relative": ({"path": "app.log"}, "path: expected an absolute path"),
    "rotated": ({"rotated": "old/*.gz"}, "rotated: expected an absolute path"),
    "no pattern": ({"format": "regex"}, "pattern: it is what format regex needs"),
    "pattern": ({"pattern": "x"}, "pattern: it is what format regex needs"),
    "bad pattern": ({"format": "regex", "pattern": "("}, "pattern: not a regular expression"),
    "group": ({"format": "regex", "pattern": "(?P<host>x)"}, "pattern: the group host is none of level, logger"),
    "field": ({"format": "text", "fields": {"level": "x"}}, "fields.level: format text does not take it"),
    "role": ({"format": "json", "fields": {"host": "x"}}, "fields.host: format json does not take it"),
    "format": ({"format": "xml"}, "Invalid enum value 'xml'"),
    "policy": ({"policy": {"files": -1}}, "Expected `int` >= 0"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_configuration_is_refused(case: str) -> None:
    fields, message = BAD[case]
    with pytest.raises(ValueError) as refused:
        component("logs", files={"app": {"path": "/var/log/app.log", **fields}})
    assert message in str(refused.value)


def test_no_files_are_refused() -> None:
    with pytest.raises(ValueError):
        component("logs", files={})
