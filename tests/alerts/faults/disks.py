"""The daemon's own disk goes bad: what is kept on it can't be written, or is found damaged; and back ends are away."""

import json
import socket
import sqlite3
import time
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests import hostile, servers
from tests.alerts.application import JSON, repeating
from tests.alerts.fault import Scene, Steps, provokes
from tests.alerts.faults.exporters import reload
from tests.servers.exporters import Daemon
from tests.servers.process import wait_until

DEPLOY = {"type": "deploy", "service": "shop", "release": "1.4.2"}


def _config(port: int, **more: Any) -> str:
    endpoint = {"traces": [{"endpoint": f"http://127.0.0.1:{port}/v1/traces", "name": "away"}]}
    aged = {"spool_age": {"warning": "off", "critical": "2s"}}
    return json.dumps({"service": "shop", "forward": endpoint, "thresholds": aged} | more)


@provokes("StoreRefusing/warning", "StoreRefusing/critical")
def somebody_has_locked_the_store(scene: Scene) -> Steps:
    with servers.daemon("service: shop\n", check=False) as daemon:
        yield {"scraped": {"with-a-locked-store": [f"127.0.0.1:{daemon.port}"]}}
        with repeating(lambda _: _deploy(daemon)):
            with closing(sqlite3.connect(_state(daemon, "stack-exporter.db"), check_same_thread=False)) as other:
                other.execute("BEGIN IMMEDIATE")
                yield None
            yield None


@provokes("SpoolAging/critical", "SpoolCorrupt/warning", "SpoolNotDurable/info")
def what_waits_for_a_back_end_is_not_kept_well(scene: Scene) -> Steps:
    with ExitStack() as stack:
        ports = servers.free_port(), servers.free_port()
        kept = stack.enter_context(servers.daemon(_config(ports[0]), check=False))
        lost = stack.enter_context(servers.daemon("service: shop\n", check=False))
        jobs = {"with-a-bad-spool": kept, "without-a-spool": lost}
        yield {"scraped": {job: [f"127.0.0.1:{one.port}"] for job, one in jobs.items()}}
        stack.enter_context(repeating(lambda _: _trace(kept)))
        segment = wait_until(lambda: _largest(_state(kept, "spool")), 20, "something waits")
        kept.kill()
        with segment.open("r+b") as file:
            file.seek(segment.stat().st_size - 40)
            file.write(b"\xff" * 40)
        kept.start()
        in_the_way = _state(lost, "spool")
        in_the_way.write_text("this is no folder")
        reload(lost, _config(ports[1]))
        yield None
        in_the_way.unlink()
        reload(lost, "service: shop\n")
        stack.enter_context(hostile.serving(_take, port=ports[0]))
        yield None


def _deploy(daemon: Daemon) -> None:
    """Told of, and refused as long as the store takes nothing."""
    daemon.request("POST", "/api/v1/events", json.dumps([DEPLOY]).encode(), JSON, port=daemon.ingest_port)


def _trace(daemon: Daemon) -> None:
    """A span, by OTLP; to nobody while the daemon is away."""
    now = time.time_ns()
    span = {"traceId": uuid4().hex, "spanId": uuid4().hex[:16], "name": "GET /", "kind": 2}
    span |= {"startTimeUnixNano": str(now - 10**8), "endTimeUnixNano": str(now)}
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span] * 20}]}]})
    with suppress(OSError):
        daemon.request("POST", "/v1/traces", body, JSON, port=daemon.ingest_port)


def _state(daemon: Daemon, name: str) -> Path:
    return daemon.folder / "state" / name


def _largest(folder: Path) -> Path | None:
    """The file in which most waits."""
    files = sorted(folder.rglob("*.spool"), key=lambda file: file.stat().st_size)
    return files[-1] if files and files[-1].stat().st_size > 1000 else None


def _take(connection: socket.socket, _: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
