"""From the start of a process to its first answer to a scrape."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from benchmarks.peers import ROOT
from benchmarks.row import Depth, Missing, Row, compare
from tests.servers import free_port

LONGEST = 30.0


def start(depth: Depth) -> Iterator[Row]:
    program = shutil.which("prometheus")
    if program is None:
        raise Missing("prometheus is not installed")
    found = compare(depth.rounds, _ours, lambda: _prometheus(program))
    yield Row("start", "start to the first scrape", "prometheus", 5.0, *found, "s")


def _ours() -> float:
    with tempfile.TemporaryDirectory(prefix="start-") as made:
        file = Path(made) / "exporter.yaml"
        file.write_text("components: {machine: {kind: host}, disk: {kind: disk, path: /}}\n")
        command = [sys.executable, "-m", "exporter", f"--config.file={file}", f"--storage.path={made}/state"]
        return _first([*command, "--ingest.listen-address=off", "--web.listen-address=127.0.0.1:{port}"], made)


def _prometheus(program: str) -> float:
    with tempfile.TemporaryDirectory(prefix="start-") as made:
        file = Path(made) / "prometheus.yml"
        file.write_text("{}\n")
        command = [program, f"--config.file={file}", f"--storage.tsdb.path={made}/data"]
        return _first([*command, "--web.listen-address=127.0.0.1:{port}"], made)


def _first(command: list[str], folder: str) -> float:
    """Seconds until GET /metrics is answered with 200."""
    port = free_port()
    env = {"PATH": os.environ["PATH"], "HOME": folder, "PYTHONPATH": str(ROOT)}
    with (Path(folder) / "log").open("wb") as log:
        began = time.monotonic()
        process = subprocess.Popen(
            [word.format(port=port) for word in command], stdout=log, stderr=log, env=env, cwd=folder
        )
        try:
            while not _answers(port):
                assert process.poll() is None, (Path(folder) / "log").read_text()
                assert time.monotonic() - began < LONGEST, f"no answer within {LONGEST} s"
                time.sleep(0.005)
            return time.monotonic() - began
        finally:
            process.terminate()
            process.wait(10)


def _answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=LONGEST)
    try:
        connection.request("GET", "/metrics")
        response = connection.getresponse()
        response.read()
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
    return response.status == 200
