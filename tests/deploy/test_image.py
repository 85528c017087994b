"""The image is built for real, and runs as its users run it: read-only, without privileges, as nobody in particular."""

import json
import os
import signal
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

from tests import servers
from tests.deploy.container import Container, run
from tests.deploy.image import Image
from tests.servers.process import wait_until
from tests.tree import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.debian, pytest.mark.timeout(1800), pytest.mark.xdist_group("image")]
UID = 65532


class Running:
    def __init__(self, container: Container, port: int, ingest_port: int, env: dict[str, str]) -> None:
        self.container, self.port, self.ingest_port, self.env = container, port, ingest_port, env

    def get(self, path: str) -> tuple[int, str]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def ready(self) -> bool:
        try:
            return self.get("/readyz")[0] == 200
        except (OSError, HTTPException):
            assert self.container.process.poll() is None, self.container.ended()
            return False


@pytest.fixture
def running(image: Image, tmp_path: Path) -> Iterator[Running]:
    """As the image starts by itself, on ports that are free, with a volume for state."""
    port, ingest_port = servers.free_port(), servers.free_port()
    (state := tmp_path / "state").mkdir()
    os.chown(state, UID, UID)
    env = {
        "STACK_EXPORTER_WEB_LISTEN_ADDRESS": f"127.0.0.1:{port}",
        "STACK_EXPORTER_INGEST_LISTEN_ADDRESS": f"127.0.0.1:{ingest_port}",
        "STACK_EXPORTER_STORAGE_PATH": "/state",
    }
    with Container(image, image.config["Entrypoint"], env=env, mounts={"/state": state}) as container:
        found = Running(container, port, ingest_port, env)
        wait_until(found.ready, 30, "it is ready")
        yield found


def healthy(image: Image, running: Running) -> int:
    """What its HEALTHCHECK says, as an engine runs it."""
    kind, *command = image.config["Healthcheck"]["Test"]
    assert kind == "CMD"
    return run(image, *command, env=running.env)[0]


def test_its_size_on_top_of_the_base_is_the_stated_one(image: Image, capsys: pytest.CaptureFixture[str]) -> None:
    added = (image.size - image.base_size) / 1e6
    with capsys.disabled():
        print(
            f"\nthe image: {image.size / 1e6:.0f} MB, of which the base is {image.base_size / 1e6:.0f}: {added:.0f} MB on top"
        )
    page = (ROOT / "docs" / "compose.md").read_text()
    (stated,) = [word for word in page.split("MB on top of its base")[:-1]]
    assert abs(int(stated.split()[-1]) - added) < 10, f"docs/compose.md says {stated.split()[-1]} MB"


def test_it_runs_as_65532_without_privileges_on_a_read_only_root(image: Image, running: Running) -> None:
    status = Path(f"/proc/{running.container.pid}/status").read_text()
    found = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert [found["Uid"].split(), found["Gid"].split(), found["Groups"].split()] == [[str(UID)] * 4, [str(UID)] * 4, []]
    assert [int(found[f"Cap{name}"], 16) for name in ("Prm", "Eff", "Inh", "Amb")] == [0] * 4
    assert (found["NoNewPrivs"], found["NSpid"].split()[-1]) == ("1", "1")
    mounts = Path(f"/proc/{running.container.pid}/mountinfo").read_text().splitlines()
    (root,) = [fields[5].split(",") for line in mounts if (fields := line.split())[4] == "/"]
    assert "ro" in root
    code, _, said = run(image, "python3", "-c", "open('/opt/stack-exporter/mark', 'w')")
    assert (code, "Read-only file system" in said) == (1, True)


def test_it_answers_metrics_and_keeps_its_state_in_the_volume(image: Image, running: Running, tmp_path: Path) -> None:
    status, page = running.get("/metrics")
    assert status == 200
    assert 'stack_exporter_build_info{version="0.1.0"' in page
    assert 'stack_component_status{component="disk",kind="disk",status="healthy"}' in page or "stack_disk_" in page
    assert [path.name for path in (tmp_path / "state").glob("*.db")] == ["stack-exporter.db"]
    status, page = running.get("/runbooks/ComponentDown")
    assert (status, "ComponentDown" in page) == (200, True)


def test_its_health_check_follows_the_daemon(image: Image, running: Running) -> None:
    assert healthy(image, running) == 0
    os.kill(running.container.pid, signal.SIGSTOP)
    assert healthy(image, running) == 1
    os.kill(running.container.pid, signal.SIGCONT)
    wait_until(lambda: healthy(image, running) == 0, 20, "it is well again")
    os.kill(running.container.pid, signal.SIGTERM)
    code, said, log = running.container.ended(10)
    assert (code, said, "Traceback" in log) == (0, "", False), log
    assert healthy(image, running) == 1


def test_without_a_volume_it_says_that_state_is_in_memory_and_runs(image: Image) -> None:
    env = {"STACK_EXPORTER_WEB_LISTEN_ADDRESS": f"127.0.0.1:{(port := servers.free_port())}"}
    env["STACK_EXPORTER_INGEST_LISTEN_ADDRESS"] = "off"
    with Container(image, image.config["Entrypoint"], env=env) as container:
        wait_until(Running(container, port, 0, env).ready, 30, "it is ready")
        os.kill(container.pid, signal.SIGTERM)
        code, _, log = container.ended(10)
    assert code == 0
    assert "in memory" in log


@pytest.mark.parametrize(
    ("verb", "folder", "pattern"), [("rules", "alert_rules", "*.yml"), ("dashboards", "dashboards", "stack-*.json")]
)
def test_it_writes_rules_and_dashboards(verb: str, folder: str, pattern: str, image: Image, tmp_path: Path) -> None:
    os.chown(tmp_path, UID, UID)
    code, _, wrong = run(image, *image.config["Entrypoint"], verb, "/state/written", mounts={"/state": tmp_path})
    assert (code, wrong) == (0, "")
    packaged = {path.name: path.read_bytes() for path in (ROOT / folder).glob(pattern)}
    assert {path.name: path.read_bytes() for path in (tmp_path / "written").iterdir()} == packaged


def test_every_driver_is_in_it_and_nothing_of_the_build(image: Image) -> None:
    code, said, wrong = run(image, *image.config["Entrypoint"], "metrics", "--output=json")
    assert (code, wrong) == (0, "")
    assert "stack_postgres_" in json.dumps(json.loads(said))
    drivers = "asyncpg, pymysql, pymongo, obstore, dns, h2, cronsim, grpc"
    assert run(image, "python3", "-c", f"import {drivers}")[0] == 0
    installed = {path.name for path in image.root.glob("opt/stack-exporter/lib/python3*/site-packages/*")}
    assert not [name for name in installed if name.startswith(("hatchling", "pip", "setuptools"))]
    assert not (image.root / "etc" / "pip.conf").exists() or not (image.root / "etc" / "pip.conf").read_text()
