"""`stack-exporter once`: every component run now, as a table or as JSON."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter import once
from exporter.metric import counter, gauge
from exporter.quantity import moment
from tests import certificates, hostile
from tests.command import command, environment, in_terminal

MORE_KINDS = Path(__file__).parent / "end_to_end" / "programs" / "more_kinds.py"
BROKEN = '''
"""Fails."""
from typing import ClassVar
from exporter.probe import Probe
class Broken(Probe, kw_only=True, frozen=True):
    reasons: ClassVar = {}
    async def run(self, out):
        1 / 0
'''
COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    file = tmp_path_factory.mktemp("once") / "exporter.yaml"
    hello = hostile.says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
    with hostile.serving(hello) as good, hostile.serving(hostile.mute) as slow:
        file.write_text(f"""
components:
  site: {{kind: http, url: "{good.url}"}}
  gone: {{kind: tcp, address: "127.0.0.1:{hostile.unused()}"}}
  slow: {{kind: http, url: "{slow.url}", timeout: 700ms}}
  folder: {{kind: disk, path: /tmp, thresholds: {{used: {{warning: 0.0001%, critical: "off"}}}}}}
""")
        yield file


def test_json_has_everything_a_run_found(config: Path) -> None:
    ended = command("once", f"--config.file={config}", "--output=json")
    found = {one["component"]: one for one in json.loads(ended.stdout)}
    assert (ended.returncode, ended.stderr) == (1, "")
    verdicts = {name: (one["kind"], one["status"], one["reason"]) for name, one in found.items()}
    assert verdicts == {
        "site": ("http", "healthy", ""),
        "gone": ("tcp", "unhealthy", "refused"),
        "slow": ("http", "unhealthy", "timeout"),
        "folder": ("disk", "degraded", "threshold"),
    }
    assert set(found["site"]) == {
        "component", "kind", "status", "reason", "message", "duration_seconds", "phases", "readings",
    }  # fmt: skip
    assert {phase["name"] for phase in found["site"]["phases"]} >= {"connect", "processing", "transfer"}
    assert 0.7 <= found["slow"]["duration_seconds"] < 1.2
    readings = {one["metric"]: (one["labels"], one["value"]) for one in found["site"]["readings"]}
    assert readings["stack_http_status_code"] == ({}, 200.0)
    assert readings["stack_http_response_bytes"] == ({}, 2.0)
    assert "threshold" in found["folder"]["message"]


def test_a_table_in_a_pipe_is_plain_one_row_a_component_the_broken_first(config: Path) -> None:
    ended = command("once", f"--config.file={config}", "gone", "folder")
    assert ended.returncode == 1
    assert (COLOUR.findall(ended.stdout), ended.stderr) == ([], "")
    rows = [line for line in ended.stdout.split("\n\n")[0].splitlines() if line[:1].strip()]
    assert [row.split()[0] for row in rows] == ["component", "gone", "folder"]
    assert "✖ unhealthy" in rows[1]
    assert "refused" in rows[1]
    assert max(map(len, ended.stdout.splitlines())) <= 120
    assert "▲ degraded" in rows[2]


def test_readings_are_in_units_and_a_certificate_that_is_odd_brings_no_warning(tmp_path: Path) -> None:
    pem = tmp_path / "odd.der"
    pem.write_bytes(certificates.negative_serial())
    (tmp_path / "exporter.yaml").write_text(f"components: {{tls: {{kind: certificate, files: [{pem}], bundle: true}}}}")
    ended = command("once", f"--config.file={tmp_path / 'exporter.yaml'}", env={"COLUMNS": "300"})
    assert (ended.returncode, ended.stderr) == (0, "")
    ends = moment(certificates.pair().not_after)
    assert f"remaining{{{pem}}} 89 d 23 h" in ended.stdout and f"not_after{{{pem}}} {ends}" in ended.stdout
    assert once.BACKGROUND not in ended.stdout


def test_what_only_a_daemon_sees_is_said_under_a_table_of_kinds_that_have_such(config: Path) -> None:
    shown = command("once", f"--config.file={config}", "folder", env={"COLUMNS": "300"}).stdout
    assert shown.endswith(f"\n\n{once.BACKGROUND}\n")
    assert once.BACKGROUND not in command("once", f"--config.file={config}", "site", env={"COLUMNS": "300"}).stdout


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("stack_x_until_timestamp_seconds", 1.79546e09, "2026-11-23 18:53 UTC"),
        ("stack_x_memory_bytes", 6.71089e07, "64 MiB"),
        ("stack_x_wait_seconds", 3.47717e-05, "34.8 µs"),
        ("stack_x_cpu_seconds_total", 7500.0, "2 h 5 min"),
        ("stack_x_full_ratio", 0.256636, "25.7 %"),
        ("stack_x_keys", 1234567.0, "1\u202f234\u202f567"),
    ],
)
def test_a_value_is_in_the_unit_that_the_metrics_name_ends_with(name: str, value: float, text: str) -> None:
    made = (counter if name.endswith("_total") else gauge)(name, "It.", "component")
    assert once._value(made, value) == text


def test_a_table_in_a_terminal_is_coloured_and_progress_is_shown_while_it_waits(config: Path) -> None:
    status, shown = in_terminal("once", f"--config.file={config}", columns=200)
    assert status == 1
    assert "waiting for slow" in COLOUR.sub("", shown)
    for colour, mark in (("32", "● healthy"), ("33", "▲ degraded"), ("31", "✖ unhealthy")):
        assert f"\x1b[{colour}m{mark}" in shown


def test_nothing_unhealthy_is_0_and_a_named_component_alone_is_run(config: Path) -> None:
    ended = command("once", f"--config.file={config}", "site", "folder", "--output=json")
    assert ended.returncode == 0
    assert [one["component"] for one in json.loads(ended.stdout)] == ["site", "folder"]


def test_an_unknown_name_is_refused_with_those_there_are(config: Path) -> None:
    ended = command("once", f"--config.file={config}", "sight")
    said = "stack-exporter: no component sight; there are: site, gone, slow, folder\n"
    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", said)


def test_a_probe_that_never_ends_does_not_hold_the_command(tmp_path: Path) -> None:
    """Nor does the secret of a component that fails show."""
    with hostile.serving(hostile.mute, ask=False) as silent:
        file = tmp_path / "exporter.yaml"
        dsn = f"postgresql://u:canary-word@{silent.address}/x"
        file.write_text(f'components: {{db: {{kind: postgres, dsn: "{dsn}", timeout: 300ms}}}}')
        ended = command("once", f"--config.file={file}", timeout=10)
    assert ended.returncode == 1
    assert "timeout" in ended.stdout
    assert "canary-word" not in ended.stdout + ended.stderr


def test_without_a_file_and_a_daemon_nothing_is_wrong(tmp_path: Path) -> None:
    """What only a daemon makes, its listener and its file, is left out; the disk is that of the folder's parent."""
    ended = command("once", "--output=json", env={"HOME": str(tmp_path)})
    found = {one["component"]: one["status"] for one in json.loads(ended.stdout)}
    assert (ended.returncode, set(found), ended.stderr) == (0, {"host", "disk"}, "")
    assert list(tmp_path.iterdir()) == []


def test_a_narrow_terminal_has_a_line_a_component_with_the_reason(config: Path) -> None:
    status, shown = in_terminal("once", f"--config.file={config}", "gone", "site", columns=100)
    lines = [line for line in COLOUR.sub("", shown).splitlines() if line.startswith(("gone ", "site ", "component "))]
    assert status == 1
    assert [line.split() for line in lines[:1]] == [["component", "status", "took", "reason"]]
    assert [line.split()[:3] for line in lines[1:]] == [["gone", "✖", "unhealthy"], ["site", "●", "healthy"]]
    assert "refused" in lines[1]


def test_what_has_a_threshold_is_shown_first(config: Path) -> None:
    ended = command("once", f"--config.file={config}", "folder")
    assert "used " in ended.stdout.splitlines()[1]
    assert " %" in ended.stdout.splitlines()[1]


def test_a_defect_of_the_probe_shows_its_traceback(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(BROKEN)
    (tmp_path / "exporter.yaml").write_text("components: {it: {kind: broken}}")
    program = [sys.executable, str(MORE_KINDS), str(tmp_path), "once", f"--config.file={tmp_path / 'exporter.yaml'}"]
    ended = subprocess.run(program, capture_output=True, text=True, timeout=30, env=environment())
    assert ended.returncode == 1
    assert "internal" in ended.stdout
    assert "ZeroDivisionError" in ended.stderr
    assert "broken.py" in ended.stderr
