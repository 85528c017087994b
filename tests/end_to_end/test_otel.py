"""OpenTelemetry's SDKs for Python and Node against the daemon itself: errors arrive grouped, requests are measured once."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import servers
from tests.servers.exporters import ROOT, Daemon
from tests.servers.process import wait_until

pytestmark = pytest.mark.xdist_group("otel")

ADMIN = {"Authorization": "Bearer a-token-of-ours"}
CONFIG = "web: {admin_tokens: [a-token-of-ours]}\n"
CAPTURES = ROOT / "tests" / "fixtures" / "captures"
SHOP = Path(__file__).parent / "applications" / "otel_shop.py"
NODE, OTEL = Path(sys.executable).with_name("node"), ROOT / "tests" / "javascript" / "otel"
REQUESTS = "stack_http_server_request_duration_seconds_count"


class Stack:
    """A daemon with both OTLP listeners."""

    def __init__(self, daemon: Daemon, grpc_port: int) -> None:
        self.daemon = daemon
        self.urls = {
            "http": f"http://127.0.0.1:{daemon.ingest_port}",
            "grpc": f"http://127.0.0.1:{grpc_port}",
        }

    def figures(self, family: str, service: str) -> dict[str, float]:
        found = self.daemon.metrics().items()
        return {
            name: value
            for name, value in found
            if name.startswith(family + "{") and f'service="{service}"' in name and value
        }

    def errors(self, service: str) -> list[dict[str, Any]]:
        reply = self.daemon.get(f"/api/v1/errors?service={service}", ADMIN)
        assert reply.status == 200, reply.text
        found: list[dict[str, Any]] = json.loads(reply.body)["data"]
        return found

    def whole(self, error: dict[str, Any]) -> str:
        return self.daemon.get(f"/api/v1/errors/{error['id']}", ADMIN).text


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    port = servers.free_port()
    with servers.daemon(CONFIG, f"--ingest.grpc-listen-address=127.0.0.1:{port}") as daemon:
        yield Stack(daemon, port)


ROUTES = {"django": "/orders/{order}", "fastapi": "/orders/{order}"}
RUNS = (("fastapi", "grpc"), ("django", "gzip"), ("celery", "none"))


@pytest.mark.parametrize(("framework", "how"), RUNS)
def test_errors_and_requests_of_python(stack: Stack, framework: str, how: str) -> None:
    url = stack.urls["grpc" if how == "grpc" else "http"]
    environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", "C_FORCE_ROOT": "1"}
    subprocess.run([sys.executable, str(SHOP), framework, how, url], check=True, timeout=60, env=environment)
    (error,) = stack.errors(framework)
    assert (error["type"], error["count"]) == ("PaymentRefused", 3)
    whole = stack.whole(error)
    assert "charge" in whole
    assert "jane.doe" not in whole
    assert sum(stack.figures("stack_errors_total", framework).values()) == 3
    if framework == "celery":
        states = stack.figures("stack_task_duration_seconds_count", framework)
        assert states == {
            f'stack_task_duration_seconds_count{{service="celery",task="shop.{task}",state="{state}"}}': count
            for task, state, count in (("pay", "failure", 3), ("fine", "success", 1))
        }
        return
    counts = stack.figures("stack_http_server_requests_total", framework)
    assert sorted(counts.values()) == [1, 3], counts
    assert all('route="/orders/' in name or 'route="/ok/' in name for name in counts), counts
    assert all('status="500"' in name for name, count in counts.items() if count == 3), counts
    assert sum(stack.figures(REQUESTS, framework).values()) == 4


@pytest.mark.debian
@pytest.mark.parametrize("how", ["protobuf", "json", "grpc"])
def test_errors_and_requests_of_node(stack: Stack, how: str) -> None:
    url = stack.urls["grpc" if how == "grpc" else "http"]
    port = servers.free_port()
    command = [str(NODE), "server.mjs", how, url, str(port)]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
    }
    with subprocess.Popen(command, cwd=OTEL, env=environment, stdin=subprocess.PIPE) as node:
        try:
            shop = servers.Server("shop", [], port, Path(), url="")
            wait_until(lambda: _status(shop, "/ok") == 200, 20)
            assert [_status(shop, f"/orders/{order}") for order in (17, 18, 19)] == [500, 500, 500]
            assert node.stdin is not None
            node.stdin.close()
            assert node.wait(20) == 0
        finally:
            node.kill()
    service = f"node-{how}"
    (error,) = stack.errors(service)
    assert (error["type"], error["count"]) == ("RangeError", 3)
    whole = stack.whole(error)
    assert "server.mjs" in whole
    assert "jane@example.com" not in whole
    failed = {
        name: n
        for name, n in stack.figures("stack_http_server_requests_total", service).items()
        if 'status="500"' in name
    }
    assert sum(failed.values()) == 3


def _status(shop: servers.Server, path: str) -> int:
    try:
        return shop.get(path).status
    except OSError:
        return 0


def _capture(name: str) -> tuple[str, dict[str, str], bytes]:
    head, _, body = (CAPTURES / f"{name}.http").read_bytes().partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    kept = {
        key: value
        for key, value in headers.items()
        if key.lower() in ("content-type", "content-encoding", "authorization")
    }
    return first.split()[1], kept, body


def test_the_captures_replayed_are_all_taken_and_counted_exactly() -> None:
    captures = sorted(path.stem for path in CAPTURES.glob("otlp-*.http"))
    assert len(captures) == 7
    with servers.daemon(CONFIG) as daemon:
        stack = Stack(daemon, 0)
        for again in (False, True):
            for name in captures:
                path, headers, body = _capture(name)
                reply = daemon.request("POST", path, body, headers, port=daemon.ingest_port)
                assert reply.status == 200, (name, again, reply.text)
        # Spans: 3 of Node, 6 and 6 of FastAPI, 1 of Django; six of them recorded an exception.
        events = daemon.metrics()
        found = {
            o: events[f'stack_exporter_ingest_events_total{{source="otlp",outcome="{o}"}}']
            for o in ("accepted", "duplicate", "invalid")
        }
        assert found == {"accepted": 26, "duplicate": 6, "invalid": 0}
        requests = {
            service: sum(stack.figures(REQUESTS, service).values()) for service in ("fastapi", "django", "node-web")
        }
        assert requests == {"fastapi": 8, "django": 2, "node-web": 0}
        errors = {s: [(e["type"], e["count"]) for e in stack.errors(s)] for s in ("fastapi", "django", "node-web")}
        assert errors == {
            "fastapi": [("ZeroDivisionError", 2)],
            "django": [("KeyError", 1)],
            "node-web": [("Error", 3)],
        }
