"""A real systemd starts the unit that is shipped, gives it its secrets, reloads it, and starts it anew when it hangs."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.image import Image
from tests.deploy.machine import Machine, booted, installed
from tests.deploy.test_systemd import UNIT
from tests.servers.process import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.debian, pytest.mark.timeout(1800), pytest.mark.xdist_group("image")]
NAME = "stack-exporter"
CONFIG = """
components:
  machine: {kind: host}
  database: {kind: postgres, dsn: "${file:/run/credentials/stack-exporter.service/database_url}", interval: 1s, fall: 1}
"""
SECRET = "canary-of-the-password"
DROP_IN = """
[Service]
LoadCredential=database_url:/etc/stack-exporter/secrets/database_url
"""
BRIEF = "[Service]\nWatchdogSec=4s\n"
ASK = "import sys, urllib.request as r; print(r.urlopen('http://127.0.0.1:9676' + sys.argv[1]).read().decode())"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, image: Image) -> Iterator[Machine]:
    found = installed(tmp_path_factory.mktemp("systemd"), image.root / "opt" / "stack-exporter")
    found.write("/etc/stack-exporter/exporter.yaml", CONFIG)
    found.write("/etc/stack-exporter/secrets/database_url", f"postgresql://watch:{SECRET}@127.0.0.1:1/shop\n", 0o600)
    found.write(f"/etc/systemd/system/{NAME}.service", UNIT.read_text())
    found.write(f"/etc/systemd/system/{NAME}.service.d/secrets.conf", DROP_IN)
    wants = Path(f"{found.root}/etc/systemd/system/multi-user.target.wants")
    wants.mkdir(exist_ok=True)
    (wants / f"{NAME}.service").symlink_to(f"/etc/systemd/system/{NAME}.service")
    with booted(found):
        wait_until(lambda: found.shown(NAME, "ActiveState") in ("active", "failed"), 60, "it was started")
        yield found
    shutil.rmtree(found.root)


def journal(machine: Machine) -> str:
    return machine.run("journalctl", "--no-pager", "--unit", NAME).stdout


def test_it_is_active_once_it_listens_with_a_user_of_its_own_and_no_privileges(machine: Machine) -> None:
    assert machine.shown(NAME, "ActiveState") == "active", journal(machine)
    assert machine.shown(NAME, "StatusText") == "2 components, http://localhost:9676"
    assert "stack_exporter_build_info" in machine.run("python3", "-c", ASK, "/metrics").stdout
    pid = machine.shown(NAME, "MainPID")
    status = machine.run("cat", f"/proc/{pid}/status").stdout
    found = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert int(found["Uid"].split()[0]) > 60_000
    assert [int(found[f"Cap{name}"], 16) for name in ("Prm", "Eff", "Bnd", "Amb")] == [0] * 4
    assert (found["NoNewPrivs"], found["Seccomp"]) == ("1", "2")


def test_it_has_its_secret_by_a_file_and_nowhere_else(machine: Machine) -> None:
    pid = machine.shown(NAME, "MainPID")
    wait_until(lambda: 'reason="refused"' in machine.run("python3", "-c", ASK, "/metrics").stdout, 20, "it asks by it")
    shown = [f"/proc/{pid}/environ", f"/proc/{pid}/cmdline"]
    assert SECRET not in machine.run("cat", *shown).stdout + machine.run("systemctl", "show", NAME).stdout + journal(
        machine
    )


def test_a_reload_is_over_when_it_is_and_says_when_it_was_refused(machine: Machine) -> None:
    machine.write("/etc/stack-exporter/exporter.yaml", f"{CONFIG}  files: {{kind: disk, path: /var/tmp}}\n")
    pid = machine.shown(NAME, "MainPID")
    assert machine.run("systemctl", "reload", NAME).returncode == 0
    wait_until(lambda: machine.shown(NAME, "StatusText").startswith("3 components"), 10)
    machine.write("/etc/stack-exporter/exporter.yaml", f"{CONFIG}  files: {{kind: none}}\n")
    machine.run("systemctl", "reload", NAME)
    refused = "3 components, http://localhost:9676; the last reload was refused"
    wait_until(lambda: machine.shown(NAME, "StatusText") == refused, 10)
    assert [machine.shown(NAME, name) for name in ("ActiveState", "MainPID")] == ["active", pid]
    machine.write("/etc/stack-exporter/exporter.yaml", CONFIG)


def test_it_is_started_anew_when_it_hangs_and_ends_well_when_it_is_asked_to(machine: Machine) -> None:
    machine.write(f"/etc/systemd/system/{NAME}.service.d/brief.conf", BRIEF)
    machine.run("systemctl", "daemon-reload")
    assert machine.run("systemctl", "restart", NAME).returncode == 0, journal(machine)
    pid = machine.shown(NAME, "MainPID")
    machine.run("sleep", "9")
    assert machine.shown(NAME, "MainPID") == pid, "the watchdog is fed"
    assert machine.run("sh", "-c", f"kill -STOP {pid}").returncode == 0
    wait_until(
        lambda: machine.shown(NAME, "MainPID") not in (pid, "0") and machine.shown(NAME, "ActiveState") == "active",
        60,
        "it is anew",
    )
    assert machine.shown(NAME, "NRestarts") == "1"
    assert "Watchdog timeout" in journal(machine)

    assert machine.run("systemctl", "stop", NAME).returncode == 0
    ended = [machine.shown(NAME, name) for name in ("ActiveState", "Result", "ExecMainStatus")]
    assert ended == ["inactive", "success", "0"]
    state = machine.run("stat", "-c", "%a %n", "/var/lib/private/stack-exporter/stack-exporter.db").stdout
    assert state.split() == ["600", "/var/lib/private/stack-exporter/stack-exporter.db"]
