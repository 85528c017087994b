"""The systemd unit: systemd's own checks find nothing, and it says of the daemon what the daemon does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from exporter.leave import REFUSED
from exporter.options import parse
from tests.tree import ROOT

UNIT = ROOT / "deploy" / "systemd" / "stack-exporter.service"
PROGRAM = "/opt/stack-exporter/bin/stack-exporter"
EXPOSURE = 15
"""Of 100, at most: 13 at the time of writing. A service without any of it has 96."""


def settings() -> dict[str, list[str]]:
    lines = [line for line in UNIT.read_text().splitlines() if "=" in line and not line.startswith("#")]
    found: dict[str, list[str]] = {}
    for name, _, value in (line.partition("=") for line in lines):
        found.setdefault(name, []).append(value)
    return found


def analyzed(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60)


@pytest.mark.debian
def test_systemd_finds_nothing_wrong_with_it(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    text = UNIT.read_text().replace("#LoadCredential=", "LoadCredential=")
    assert text.count(PROGRAM) == 1
    unit.write_text(text.replace(PROGRAM, str(Path(sys.prefix, "bin", "stack-exporter"))))
    done = analyzed("verify", "--man=no", "--recursive-errors=no", str(unit))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    unit.write_text(text.replace("WatchdogSec=30s", "WatchdogSecs=30s"))
    assert "Unknown key 'WatchdogSecs'" in analyzed("verify", "--man=no", str(unit)).stderr


@pytest.mark.debian
def test_it_may_do_little() -> None:
    done = analyzed("security", "--offline=true", f"--threshold={EXPOSURE}", str(UNIT))
    assert done.returncode == 0, done.stdout[-200:]


def test_what_it_says_of_the_daemon_is_so(monkeypatch: pytest.MonkeyPatch) -> None:
    found = settings()
    program, *flags = found["ExecStart"][0].split()
    environ = {"STATE_DIRECTORY": "/var/lib/stack-exporter"}
    monkeypatch.setattr(os, "access", lambda *_: True)
    options = parse(flags, environ)
    assert (program, str(options.config_file)) == (PROGRAM, "/etc/stack-exporter/exporter.yaml")
    assert (options.storage, options.storage_given) == (Path("/var/lib/stack-exporter"), False)
    assert found["Type"] == ["notify"]
    assert found["RestartPreventExitStatus"] == [str(REFUSED)]
    assert int(found["TimeoutStopSec"][0].removesuffix("s")) > 8
    assert found["ExecReload"] == ["""/bin/sh -c 'kill -HUP "$MAINPID"'"""]


def test_the_page_on_it_names_its_files_as_it_does() -> None:
    page = (ROOT / "docs" / "systemd.md").read_text()
    for path in (
        "/opt/stack-exporter",
        "/etc/stack-exporter/exporter.yaml",
        "/run/credentials/stack-exporter.service/",
    ):
        assert path in page
        assert path in UNIT.read_text()
