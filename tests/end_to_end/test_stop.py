"""SIGTERM: not ready any more, what is under way finishes, spans are given up in time, exit 0 within 8 s."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from http.client import HTTPException
from pathlib import Path

import pytest

from tests import hostile, servers
from tests.command import environment
from tests.servers.exporters import Daemon
from tests.servers.process import Reply, wait_until

PROGRAMS = Path(__file__).parent / "programs"
TOKEN = {"Authorization": "Bearer a-token-of-ours"}
WEB = "web: {admin_tokens: [a-token-of-ours]}\n"
STUCK = '''
"""Hangs in a thread, and swallows its cancellation."""
import asyncio, time
from typing import ClassVar
from exporter.probe import Probe
class Stuck(Probe, kw_only=True, frozen=True):
    reasons: ClassVar = {}
    async def run(self, out):
        while True:
            try:
                await asyncio.to_thread(time.sleep, 600)
            except asyncio.CancelledError:
                continue
'''


def late(connection: socket.socket, request: bytes) -> None:
    """Answers after a second."""
    time.sleep(1)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")


def test_with_a_hung_probe_slow_clients_and_no_back_end_it_ends_with_0_in_time(tmp_path: Path) -> None:
    (tmp_path / "stuck.py").write_text(STUCK)
    with hostile.serving(hostile.mute) as mute, hostile.serving(hostile.mute) as backend:
        config = f"""{WEB}
components:
  mute: {{kind: http, url: "{mute.url}", interval: 30s, timeout: 30s}}
  stuck: {{kind: stuck, interval: 30s, timeout: 30s}}
forward: {{traces: [{{endpoint: "{backend.url}"}}, {{endpoint: "http://127.0.0.1:{hostile.unused()}"}}]}}
"""
        program = [sys.executable, str(PROGRAMS / "more_kinds.py"), str(tmp_path)]
        with servers.daemon(config, program=program) as daemon, socket.socket() as slow, socket.socket() as reader:
            wait_until(lambda: daemon.metrics()["stack_exporter_probes_running"] == 2)
            slow.connect((daemon.host, daemon.port))
            slow.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nX-Slow: ")
            reader.connect((daemon.host, daemon.port))
            reader.sendall(b"POST /api/v1/cycle HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n")
            reader.sendall(b"Authorization: Bearer a-token-of-ours\r\n\r\n")
            time.sleep(0.2)
            began = time.monotonic()
            assert daemon.stop(8.0) == 0
            assert time.monotonic() - began < 8


def test_it_is_not_ready_before_it_takes_no_more() -> None:
    with servers.daemon("") as daemon:
        seen: list[Reply | None] = []

        def look() -> bool:
            try:
                seen.append(daemon.get("/readyz"))
            except (OSError, HTTPException):
                seen.append(None)
            return seen[-1] is None

        os.kill(daemon.pid, signal.SIGTERM)
        wait_until(look)
        answers = [reply.status for reply in seen if reply is not None]
        assert set(answers) <= {200, 503}
        # For a quarter of a second; one alone may have been on its way when the listener closed.
        assert answers.count(503) >= 5
        (stopping,) = {tuple(reply.json()["errors"]) for reply in seen if reply and reply.status == 503}
        assert stopping == ("stopping",)
        wait_until(lambda: daemon.exit_code is not None, 8)
        assert daemon.exit_code == 0


def test_a_request_under_way_is_finished() -> None:
    with hostile.serving(late) as target:
        config = f'{WEB}components: {{site: {{kind: http, url: "{target.url}", interval: 60s}}}}'
        with servers.daemon(config) as daemon:
            wait_until(lambda: target.requests)
            wait_until(lambda: daemon.metrics()["stack_exporter_probes_running"] == 0)
            replies: list[Reply] = []
            asking = threading.Thread(target=lambda: replies.append(daemon.post("/api/v1/cycle", b"", TOKEN)))
            asking.start()
            wait_until(lambda: len(target.requests) == 2)
            assert daemon.stop(8.0) == 0
            asking.join()
            assert replies[0].status == 200
            assert [one["status"] for one in replies[0].json()["data"]["results"]] == ["healthy"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_it_now(number: signal.Signals) -> None:
    with hostile.serving(hostile.mute) as mute:
        config = f'{WEB}components: {{mute: {{kind: http, url: "{mute.url}", interval: 60s, timeout: 30s}}}}'
        with servers.daemon(config, check=False) as daemon, socket.socket() as asking:
            asking.connect((daemon.host, daemon.port))
            asking.sendall(b"POST /api/v1/cycle HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n")
            asking.sendall(b"Authorization: Bearer a-token-of-ours\r\n\r\n")
            time.sleep(0.2)
            os.kill(daemon.pid, number)
            wait_until(lambda: "stopping" in daemon.log)
            time.sleep(0.4)
            assert daemon.running
            began = time.monotonic()
            os.kill(daemon.pid, number)
            wait_until(lambda: not daemon.running)
            assert daemon.exit_code == 128 + number
            assert time.monotonic() - began < 1


def test_a_sigterm_while_it_starts_ends_it_with_0(tmp_path: Path) -> None:
    file = tmp_path / "exporter.yaml"
    file.write_text('components: {db: {kind: postgres, dsn: "postgresql://u@127.0.0.1:1/x"}}')
    port = servers.free_port()
    program = [sys.executable, str(PROGRAMS / "slow_driver.py"), f"--config.file={file}"]
    program += [f"--web.listen-address=127.0.0.1:{port}", "--ingest.listen-address=off"]
    daemon = Daemon("daemon", program, port, tmp_path, url="", env=environment({"HOME": str(tmp_path)}))
    starting = threading.Thread(target=_start, args=(daemon,))
    starting.start()
    wait_until((tmp_path / "importing").exists)
    os.kill(daemon.pid, signal.SIGHUP)
    assert daemon.stop(8.0) == 0
    starting.join()
    assert "Traceback" not in daemon.log


def test_a_sigterm_at_any_moment_of_the_start_ends_it_without_a_traceback(tmp_path: Path) -> None:
    for delay in (0.05, 0.2, 0.35, 0.5):
        daemon = Daemon(
            f"daemon-{delay}",
            [sys.executable, "-m", "exporter", "--web.listen-address=127.0.0.1:0", "--ingest.listen-address=off"],
            0,
            tmp_path,
            url="",
            env=environment(),
        )
        starting = threading.Thread(target=_start, args=(daemon,))
        starting.start()
        time.sleep(delay)
        # -15 before Python has come to our first line
        assert daemon.stop(8.0) in (0, -signal.SIGTERM)
        starting.join()
        assert "Traceback" not in daemon.log


def test_signals_before_the_configuration_is_read_do_no_harm(tmp_path: Path) -> None:
    """A named pipe holds it there."""
    file = tmp_path / "exporter.yaml"
    os.mkfifo(file)
    process = subprocess.Popen([sys.executable, "-m", "exporter", f"--config.file={file}"], env=environment())
    try:
        with file.open("wb"):
            process.send_signal(signal.SIGHUP)
            time.sleep(0.1)
            assert process.poll() is None
            process.send_signal(signal.SIGTERM)
            assert process.wait(8) == 0
    finally:
        process.kill()
        process.wait()


def _start(daemon: Daemon) -> None:
    try:
        daemon.start()
    except AssertionError as ended:
        assert "ended at its start" in str(ended)
