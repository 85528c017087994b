"""CPU of one /probe of a target that the request names, beside blackbox_exporter's answer to the same requests."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from benchmarks import load, peers, usage
from benchmarks.row import Depth, Row, compare
from tests.servers import Server, daemon

RATE = 400.0
"""Requests a second, over connections that are kept, to the one and then to the other."""
SUCCESS = b"\nprobe_success 1\n"


def http(depth: Depth) -> Iterator[Row]:
    yield from _rows(depth, "http", "http_2xx", 1 / 4)


def tcp(depth: Depth) -> Iterator[Row]:
    yield from _rows(depth, "tcp", "tcp_connect", 1 / 6)


def _rows(depth: Depth, prober: str, module: str, goal: float) -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="modules-") as made:
        file = Path(made) / "blackbox.yml"
        file.write_text(peers.BLACKBOX)
        config = f"probe: {{modules: {file}, allow: [127.0.0.0/8]}}\n"
        with peers.blackbox() as blackbox, peers.target() as target, daemon(config) as ours:
            to = target.url if prober == "http" else f"127.0.0.1:{target.tcp_port}"
            path = f"/probe?module={module}&target={quote(to)}"
            found = compare(depth.rounds, lambda: _cost(ours, path, depth), lambda: _cost(blackbox, path, depth))
    yield Row(f"probe-{prober}", f"CPU per /probe, {prober}", "blackbox_exporter", goal, *found, "s")


def _cost(server: Server, path: str, depth: Depth) -> float:
    assert SUCCESS in load.repeat(server.port, path, 20), f"{server.name}: the probe fails"
    count = int(RATE * depth.seconds)
    before = usage.cpu(server.pid)
    load.paced(server.port, path, count, RATE)
    return (usage.cpu(server.pid) - before) / count
