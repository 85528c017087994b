"""JSON events and access logs through the daemon: what is sent by hand and what nginx writes are on /metrics."""

import json
import re
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers import daemon
from tests.servers.exporters import Daemon
from tests.servers.process import wait_until

pytestmark = pytest.mark.xdist_group("json_events")

CONFIG = """
service: shop
environment: production
operations: {{bom: {{slow: 30s}}}}
classes: {{ITARViolation: {{severity: critical, security: true}}}}
ai_prices: {{"gpt-4o*": {{input: 2.5, output: 10}}}}
components:
  access:
    kind: logs
    files:
      web: {{path: {folder}/access.log, format: combined, from: start, service: web, fields: {{duration: rt}}}}
"""
LINE = '10.0.0.9 - ann [22/Nov/2026:21:00:00 +0000] "GET {path} HTTP/1.1" {status} 512 "-" "curl/8" rt={took}\n'


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Daemon, Path]]:
    folder = tmp_path_factory.mktemp("logs")
    (folder / "access.log").write_text("")
    with daemon(CONFIG.format(folder=folder)) as server:
        yield server, folder / "access.log"


def send(server: Daemon, body: Any) -> tuple[int, Any]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    url = f"http://127.0.0.1:{server.ingest_port}/api/v1/events"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, method="POST"), timeout=10) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def series(server: Daemon, name: str) -> dict[str, float]:
    """Label texts and values of one sample name."""
    with urllib.request.urlopen(f"{server.url}/metrics", timeout=10) as reply:
        text = reply.read().decode()
    return {m[1]: float(m[2]) for m in re.finditer(rf"^{name}\{{(.*)\}} (\S+)$", text, re.MULTILINE) if float(m[2])}


def test_what_curl_sends_is_counted_by_kind_and_once_for_an_id(running: tuple[Daemon, Path]) -> None:
    server, _ = running
    events = [
        {"type": "error", "id": "e-1", "exception": "ITARViolation", "message": "no", "user": "ann@example.com"},
        {"type": "security", "name": "brute_force", "severity": "high"},
        {"type": "business", "name": "order_placed"},
        {"type": "deploy", "release": "2.0"},
        {"type": "operation", "name": "bom", "duration": 31},
        {"type": "ai_call", "provider": "openai", "model": "gpt-4o-mini", "input_tokens": 1000000, "output_tokens": 0},
        {"type": "cache", "hit": True},
        {"type": "upload", "file_type": "step", "bytes": 1000},
    ]
    assert send(server, events)[0] == 200
    assert send(server, events[0])[1]["data"]["duplicate"] == 1
    shop = 'service="shop"'
    found = series(server, "stack_errors_total")
    assert found == {f'{shop},environment="production",severity="critical",type="ITARViolation"': 1}
    assert series(server, "stack_security_events_total") == {
        f'{shop},type="ITARViolation",severity="critical"': 1,
        f'{shop},type="brute_force",severity="high"': 1,
    }
    assert series(server, "stack_error_groups_new_total") == {f'{shop},severity="critical",team=""': 1}
    assert series(server, "stack_business_events_total") == {f'{shop},type="order_placed"': 1}
    assert series(server, "stack_deploys_total") == {f'{shop},environment="production"': 1}
    assert series(server, "stack_operation_slow_total") == {f'{shop},operation="bom"': 1}
    assert series(server, "stack_operation_slow_threshold_seconds") == {'operation="bom"': 30}
    assert series(server, "stack_ai_cost_dollars_total") == {f'{shop},provider="openai",model="gpt-4o-mini"': 2.5}
    assert series(server, "stack_cache_requests_total") == {f'{shop},cache="default",result="hit"': 1}
    assert series(server, "stack_file_bytes_total") == {f'{shop},operation="upload",type="step"': 1000}
    assert "an operation was slow" in server.log
    assert "ann@example.com" not in server.log
    for path in server.folder.rglob("*"):
        assert not path.is_file() or b"ann@example.com" not in path.read_bytes(), path


def test_requests_of_an_access_log_are_those_of_its_service(running: tuple[Daemon, Path]) -> None:
    server, log = running
    with log.open("a") as file:
        for number in range(20):
            file.write(LINE.format(path=f"/orders/{number}?mail=ann@example.com", status=200, took=0.2))
        file.write(LINE.format(path="/orders/7", status=502, took="-"))
        file.flush()
        web = 'service="web",method="GET",route="/orders/{id}"'
        counted = {f'{web},status="200"': 20.0, f'{web},status="502"': 1.0}
        wait_until(lambda: series(server, "stack_http_server_requests_total") == counted)
        timed = series(server, "stack_http_server_request_duration_seconds_count")
        assert timed == {f'{web},status_class="2xx"': 20}
        # From now on the service tells of its requests itself: the log's are counted no more.
        told = {"type": "request", "service": "web", "method": "GET", "route": "/orders/{id}", "status": 200}
        assert send(server, told | {"duration": 0.1, "at": time.time() + 30})[0] == 200
        file.write(LINE.format(path="/orders/8", status=200, took=0.2))
    wait_until(lambda: sum(series(server, "stack_logs_requests_total").values()) == 22)
    assert series(server, "stack_http_server_requests_total") == {**counted, f'{web},status="200"': 21.0}


def test_a_line_of_curl_is_answered_with_what_was_kept(running: tuple[Daemon, Path]) -> None:
    server, _ = running
    url = f"http://127.0.0.1:{server.ingest_port}/api/v1/events"
    told = subprocess.run(
        ["curl", "-sS", "--max-time", "10", url, "-d", '{"type": "business", "name": "hello"}'],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(told.stdout)["data"]["accepted"] == 1
