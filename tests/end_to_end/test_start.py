"""How the daemon starts: with nothing configured, with nowhere to write, beside another, and what it then says."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests import servers
from tests.command import command, environment
from tests.servers.exporters import Daemon
from tests.servers.process import wait_until
from tests.unprivileged import NO_OVERRIDE

FOUND = {
    "DATABASE_URL": "postgresql://ann:hushed-one@127.0.0.1:{postgres}/shop?application_name=hushed-two",
    "REDIS_URL": "redis://:hushed-three@127.0.0.1:{redis}/0",
    "CELERY_BROKER_URL": "redis://:hushed-three@127.0.0.1:{redis}/0",
    "MONGODB_URI": "mongodb://root:hushed-four@127.0.0.1:{mongodb}/x?authSource=hushed-five",
    "AMQP_URL": "amqp://guest:hushed-six@127.0.0.1:{rabbitmq}/%2f",
    "KAFKA_URL": "kafka://app:hushed-seven@kafka.internal:9092",
}
SLOW_DRIVER = Path(__file__).parent / "programs" / "slow_driver.py"


def lines(daemon: Daemon) -> list[dict[str, Any]]:
    return [json.loads(line) for line in daemon.log.splitlines()]


@pytest.fixture
def found() -> dict[str, str]:
    ports = {name: servers.free_port() for name in ("postgres", "redis", "mongodb", "rabbitmq")}
    return {name: url.format(**ports) for name, url in FOUND.items()}


def test_without_configuration_what_is_found_is_probed_and_said_without_its_secrets(found: dict[str, str]) -> None:
    with servers.daemon(None, env=found) as daemon:
        wait_until(lambda: "probe_success" in daemon.get("/metrics?component=database").text)
        said = {(line["message"], line.get("variable", "")): line for line in lines(daemon)}
        shown = daemon.log + daemon.get("/metrics").text + daemon.get("/").text + daemon.get("/health/detailed").text
        components = daemon.get("/health/detailed").json()["data"]["components"]
    names = said["probing", ""]["names"]
    kinds_of = {
        "host": "host",
        "disk": "disk",
        "state": "sqlite",
        "listener": "http",
        "database": "postgres",
        "redis": "redis",
        "amqp": "rabbitmq",
        "celery": "celery",
        "mongodb": "mongodb",
    }
    assert names == list(kinds_of)
    assert {one["name"]: one["kind"] for one in components} == kinds_of
    kinds = {
        variable: line["kind"] for (message, variable), line in said.items() if message == "found in the environment"
    }
    assert kinds == {
        "DATABASE_URL": "postgres",
        "REDIS_URL, CELERY_BROKER_URL": "redis",
        "CELERY_BROKER_URL": "celery",
        "MONGODB_URI": "mongodb",
        "AMQP_URL": "rabbitmq",
        "KAFKA_URL": "kafka",
    }
    note = said["found in the environment", "KAFKA_URL"]["note"]
    assert note == "kafka.internal:9092: not probed, there is no kind kafka"
    assert said["listening", ""]["web"] == daemon.url
    assert said["listening", ""]["state"] == str(daemon.folder / "state" / "stack-exporter.db")
    assert "hushed" not in shown


def test_at_a_console_it_prints_what_it_found_what_it_probes_and_what_to_open(found: dict[str, str]) -> None:
    with servers.daemon(None, "--log.format=console", env=found) as daemon:
        shown = wait_until(lambda: daemon.log if "Ctrl-C ends it" in daemon.log else "")
    head = shown.partition("Ctrl-C")[0]
    for title in ("found in the environment", "probing", "open"):
        assert f"\n{title}\n" in head
    rows = [line.split() for line in head.splitlines() if line.startswith("  ")]
    assert ["listener", "http", "every", "15", "s"] in rows
    assert ["metrics", f"{daemon.url}/metrics"] in rows
    assert ["status", "page", f"{daemon.url}/"] in rows
    assert any(row[:2] == ["KAFKA_URL", "kafka"] and "not probed" in " ".join(row) for row in rows)
    assert "hushed" not in shown


@pytest.mark.parametrize("format", ["console", "json"])
def test_nobody_need_read_what_it_says(format: str, tmp_path: Path) -> None:
    theirs, ours = os.pipe()
    os.close(theirs)
    port = servers.free_port()
    flags = [f"--log.format={format}", f"--web.listen-address=127.0.0.1:{port}", "--ingest.listen-address=off"]
    env = environment({"HOME": str(tmp_path), "REDIS_URL": "redis://127.0.0.1:1/0"})
    process = subprocess.Popen([sys.executable, "-m", "exporter", *flags], env=env, stdout=ours, stderr=ours)
    os.close(ours)
    try:
        wait_until(lambda: _is_ready(port))
        time.sleep(0.3)
        assert process.poll() is None
        process.terminate()
        assert process.wait(8) == 0
    finally:
        process.kill()
        process.wait()


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


def test_its_own_listener_and_state_file_are_healthy_from_the_start() -> None:
    with servers.daemon(None) as daemon:
        up = 'stack_component_up{{component="{}",kind="{}"}}'
        for name, kind in (("listener", "http"), ("state", "sqlite")):
            wait_until(lambda name=name, kind=kind: daemon.metrics().get(up.format(name, kind)) == 1)


def test_an_empty_file_is_a_valid_configuration_with_nothing_to_probe() -> None:
    with servers.daemon("# nothing yet\n") as daemon:
        assert daemon.get("/livez").status == daemon.get("/health").status == 200
        assert daemon.metrics()["stack_exporter_config_last_reload_successful"] == 1


def test_a_default_folder_that_cannot_be_written_leaves_state_in_memory_and_says_so(tmp_path: Path) -> None:
    port = servers.free_port()
    program = [*NO_OVERRIDE, sys.executable, "-m", "exporter", f"--web.listen-address=127.0.0.1:{port}"]
    program += ["--ingest.listen-address=off", "--log.format=json"]
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": os.getcwd(), "STATE_DIRECTORY": str(closed / "state")}
    daemon = Daemon("daemon", program, port, tmp_path, url=f"http://127.0.0.1:{port}", env=env)
    with daemon:
        (listening,) = [line for line in lines(daemon) if line["message"] == "listening"]
        assert listening["state"].startswith("in memory")
        assert daemon.stop() == 0


def test_a_default_folder_whose_file_cannot_be_opened_is_said_too(tmp_path: Path) -> None:
    """As on a disk that is full: the folder looks right, and only opening the file tells."""
    port = servers.free_port()
    (tmp_path / "state" / "stack-exporter.db").mkdir(parents=True)
    program = [
        sys.executable,
        "-m",
        "exporter",
        f"--web.listen-address=127.0.0.1:{port}",
        "--ingest.listen-address=off",
    ]
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": os.getcwd(), "STATE_DIRECTORY": str(tmp_path / "state")}
    with Daemon("daemon", program, port, tmp_path, url=f"http://127.0.0.1:{port}", env=env) as daemon:
        messages = [line["message"] for line in lines(daemon)]
        assert "state is kept in memory" in messages
        assert daemon.stop() == 0


def test_a_folder_that_was_asked_for_and_cannot_be_used_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    began = time.monotonic()
    ended = command(f"--storage.path={tmp_path / 'file' / 'state'}", *_elsewhere(), env={"HOME": str(tmp_path)})
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"stack-exporter: {tmp_path / 'file' / 'state'} can't be used for state: Not a directory\n"
    assert time.monotonic() - began < 10


def test_a_port_in_use_is_one_clear_line_and_2(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for flag, advice in (
            ("web.listen-address", "--web.listen-address=:PORT chooses another"),
            ("ingest.listen-address", "--ingest.listen-address=off leaves it out"),
            ("web.health-address", "--web.health-address=:PORT chooses another"),
        ):
            flags = [one for one in _elsewhere() if flag not in one]
            began = time.monotonic()
            ended = command(*flags, f"--{flag}=127.0.0.1:{port}", env={"HOME": str(tmp_path)})
            said = f"stack-exporter: can't listen on 127.0.0.1:{port}: Address already in use; {advice}\n"
            assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", said)
            assert time.monotonic() - began < 10


def test_a_second_daemon_in_the_same_folder_is_refused_and_the_first_goes_on() -> None:
    with servers.daemon(None) as daemon:
        began = time.monotonic()
        ended = command(f"--storage.path={daemon.folder / 'state'}", *_elsewhere(), env={"HOME": str(daemon.folder)})
        assert time.monotonic() - began < 10
        said = f"{daemon.folder / 'state'} is in use by another stack-exporter: one daemon for each folder"
        assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", f"stack-exporter: {said}\n")
        assert daemon.get("/readyz").status == 200


def test_drivers_are_imported_after_it_listens_and_before_the_first_runs() -> None:
    config = 'components: {db: {kind: postgres, dsn: "postgresql://u@127.0.0.1:1/x"}}'
    with servers.daemon(config, program=[sys.executable, str(SLOW_DRIVER)]) as daemon:
        daemon.stop()
        (daemon.folder / "importing").unlink()
        starting = threading.Thread(target=daemon.start)
        starting.start()
        wait_until((daemon.folder / "importing").exists)
        assert daemon.get("/livez").status == 200
        assert daemon.get("/readyz").json()["errors"] == ["starting"]
        assert "stack_probe_success" not in daemon.get("/metrics").text
        starting.join()
        wait_until(lambda: 'stack_probe_success{component="db"' in daemon.get("/metrics").text)


def _elsewhere() -> list[str]:
    return [f"--{one}-address=127.0.0.1:{servers.free_port()}" for one in ("web.listen", "ingest.listen", "web.health")]
