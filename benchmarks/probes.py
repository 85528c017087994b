"""CPU of one scheduled probe beside that of the exporter which does the same on request, paced alike."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from urllib.parse import quote

from benchmarks import load, peers, usage
from benchmarks.row import Depth, Row, compare
from tests.servers import Server, daemon, postgres, valkey

INTERVAL = 0.2
"""Seconds between a component's runs; half of them are behind after a pause, and made up for within it."""
MANY = 350
"""Components of the kinds that cost little: 1,750 probes a second, at which the work counts and not waking up for it."""
CUT = 3, 0.01
"""How many runs, and what part of them, may fail: a pause cuts off those under way."""


class Running:
    """A daemon that probes; paused while the peer is measured."""

    def __init__(self, server: Server, kind: str, seconds: float) -> None:
        self.server = server
        self.kind = kind
        self.seconds = seconds
        self.rate = 0.0
        """Probes a second, as last measured."""
        server.pause()

    def runs(self) -> tuple[float, float]:
        """How many runs there were, and how many of them were healthy."""
        metrics = self.server.metrics().items()
        found = {name: value for name, value in metrics if name.startswith("stack_probe_runs_total{")}
        assert all(f'kind="{self.kind}"' in name for name in found), "series are missing"
        return sum(found.values()), sum(value for name, value in found.items() if 'result="healthy"' in name)

    def cost(self) -> float:
        """CPU seconds of the daemon's process a run, everything else that it does included."""
        self.server.resume()
        time.sleep(2 * INTERVAL)
        runs, healthy = self.runs()
        before, began = usage.cpu(self.server.pid), time.monotonic()
        time.sleep(self.seconds)
        used, took = usage.cpu(self.server.pid) - before, time.monotonic() - began
        all_runs, all_healthy = self.runs()
        runs, healthy = all_runs - runs, all_healthy - healthy
        assert runs - healthy <= max(CUT[0], CUT[1] * runs), f"{healthy} of {runs} runs were healthy"
        self.server.pause()
        self.rate = runs / took
        return used / runs


def answers(peer: Server, path: str, running: Running) -> float:
    """CPU seconds of a peer's process an answer at the rate of our runs; the probe behind it must succeed."""
    before = usage.cpu(peer.pid)
    count = max(10, int(running.rate * running.seconds))
    load.paced(peer.port, path, count, running.rate)
    return (usage.cpu(peer.pid) - before) / count


def components(count: int, text: str) -> str:
    lines = "\n".join(f"  it-{number}: {text}" for number in range(count))
    return f"defaults: {{interval: {INTERVAL}s}}\ncomponents:\n{lines}\n"


def http(depth: Depth) -> Iterator[Row]:
    """A scheduled HTTP probe; and run_once alone, in a process of its own."""
    with peers.blackbox() as blackbox, peers.target() as target:
        path = f"/probe?module=http_2xx&target={quote(target.url)}"
        assert b"probe_success 1" in load.repeat(blackbox.port, path, 20)
        text = components(MANY, f"{{kind: http, url: '{target.url}/'}}")
        with daemon(text) as server:
            running = Running(server, "http", depth.seconds)
            found = compare(depth.rounds, running.cost, lambda: answers(blackbox, path, running))
            yield Row("http", "CPU per HTTP probe", "blackbox_exporter", 1 / 4, *found, "s")
            alone = compare(
                depth.rounds, lambda: single("http", f"{target.url}/"), lambda: answers(blackbox, path, running)
            )
            server.resume()
        yield Row("http", "CPU per HTTP probe, run_once alone", "blackbox_exporter", 1 / 4, *alone, "s")


def tcp(depth: Depth) -> Iterator[Row]:
    with peers.blackbox() as blackbox, peers.target() as target:
        path = f"/probe?module=tcp_connect&target=127.0.0.1:{target.tcp_port}"
        assert b"probe_success 1" in load.repeat(blackbox.port, path, 20)
        text = components(MANY, f"{{kind: tcp, address: '127.0.0.1:{target.tcp_port}'}}")
        with daemon(text) as server:
            running = Running(server, "tcp", depth.seconds)
            found = compare(depth.rounds, running.cost, lambda: answers(blackbox, path, running))
            server.resume()
        yield Row("tcp", "CPU per TCP probe", "blackbox_exporter", 1 / 6, *found, "s")


def redis(depth: Depth) -> Iterator[Row]:
    """PING alone, as blackbox_exporter's dialogue does it; and with INFO, as redis_exporter's scrape."""
    with valkey() as server:
        address = f"127.0.0.1:{server.port}"
        with peers.blackbox() as blackbox:
            path = f"/probe?module=redis_ping&target={address}"
            assert b"probe_success 1" in load.repeat(blackbox.port, path, 20)
            text = components(MANY, f"{{kind: redis, url: '{server.url}', info: false}}")
            with daemon(text) as ours:
                running = Running(ours, "redis", depth.seconds)
                found = compare(depth.rounds, running.cost, lambda: answers(blackbox, path, running))
                ours.resume()
            yield Row("redis", "CPU per Redis PING", "blackbox_exporter's dialogue", 1 / 5, *found, "s")
        with peers.redis(server.url) as exporter:
            assert b"redis_up 1" in load.repeat(exporter.port, "/metrics", 20)
            text = components(100, f"{{kind: redis, url: '{server.url}'}}")
            with daemon(text) as ours:
                running = Running(ours, "redis", depth.seconds)
                found = compare(depth.rounds, running.cost, lambda: answers(exporter, "/metrics", running))
                ours.resume()
            yield Row("redis", "CPU per Redis probe with INFO", "redis_exporter, a scrape", 1 / 5, *found, "s")


def sessions(depth: Depth) -> Iterator[Row]:
    with postgres() as server, peers.postgres(server.url) as exporter:
        assert b"pg_up 1" in load.repeat(exporter.port, "/metrics", 20)
        text = components(15, f"{{kind: postgres, dsn: '{server.url}'}}")
        with daemon(text) as ours:
            running = Running(ours, "postgres", depth.seconds)
            found = compare(depth.rounds, running.cost, lambda: answers(exporter, "/metrics", running))
            ours.resume()
        yield Row("postgres", "CPU per PostgreSQL probe", "postgres_exporter, a scrape", 1 / 2, *found, "s")


def single(name: str, argument: object) -> float:
    """What benchmarks.single prints, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.single", name, str(argument)]
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(peers.ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=env, check=False)
    assert done.returncode == 0, done.stderr
    return float(json.loads(done.stdout))
