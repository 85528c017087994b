"""The whole daemon: its memory beside the exporters it replaces, and all of it beside a home-made service."""

import importlib.util
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

from benchmarks import load, peers, usage
from benchmarks.row import Depth, Missing, Row, compare
from tests.servers import Server, daemon, free_port, postgres, valkey


def resident(depth: Depth) -> Iterator[Row]:
    """All seven kinds, two components of each that a peer does too, probed five times a second and scraped."""
    with ExitStack() as stack:
        target, cache, database = (stack.enter_context(made()) for made in (peers.target, valkey, postgres))
        others = [peers.blackbox(), peers.redis(cache.url), peers.postgres(database.url), peers.node()]
        blackbox, redis, sql, node = (stack.enter_context(other) for other in others)
        text = f"""\
defaults: {{interval: 200ms}}
components:
  http-0: {{kind: http, url: '{target.url}/'}}
  http-1: {{kind: http, url: '{target.url}/'}}
  tcp-0: {{kind: tcp, address: '127.0.0.1:{target.tcp_port}'}}
  tcp-1: {{kind: tcp, address: '127.0.0.1:{target.tcp_port}'}}
  redis: {{kind: redis, url: '{cache.url}'}}
  postgres: {{kind: postgres, dsn: '{database.url}'}}
  disk: {{kind: disk, path: /}}
  host: {{kind: host}}
  sqlite: {{kind: sqlite, path: '{{state}}'}}
"""
        with tempfile.TemporaryDirectory() as made:
            state = Path(made) / "some.db"
            _sqlite(state)
            ours = stack.enter_context(daemon(text.replace("{state}", str(state))))
            asked = [(blackbox, f"/probe?module=http_2xx&target={target.url}")] * 2
            asked += [(blackbox, f"/probe?module=tcp_connect&target=127.0.0.1:{target.tcp_port}")] * 2
            asked += [(peer, "/metrics") for peer in (redis, sql, node)]
            _loaded(ours, asked, max(4.0, depth.rounds * depth.seconds))
            pairs = []
            for _ in range(depth.rounds):
                load.repeat(ours.port, "/metrics", 2)
                pairs.append(
                    (usage.resident([ours.pid]), usage.resident(peer.pid for peer in (blackbox, redis, sql, node)))
                )
    ratio = median(a / b for a, b in pairs)
    found = median(a for a, _ in pairs), median(b for _, b in pairs), ratio
    yield Row(
        "resident", "memory, seven kinds under load", "blackbox, redis, postgres and node exporters", 0.8, *found, "B"
    )


def homemade(depth: Depth) -> Iterator[Row]:
    """Four HTTP, two PostgreSQL and two Redis checks a second, and a scrape: all the CPU there is to them."""
    for package in ("httpx", "redis", "uvicorn"):
        if importlib.util.find_spec(package) is None:
            raise Missing(f"{package} is not installed (dependency group bench)")
    seconds = 4 * depth.seconds
    with peers.target() as target, valkey() as cache, postgres() as database:
        checks = [f"http-{n}: {{kind: http, url: '{target.url}/'}}" for n in range(4)]
        checks += [f"postgres-{n}: {{kind: postgres, dsn: '{database.url}'}}" for n in range(2)]
        checks += [f"redis-{n}: {{kind: redis, url: '{cache.url}'}}" for n in range(2)]
        text = "defaults: {interval: 1s}\ncomponents:\n" + "".join(f"  {check}\n" for check in checks)
        with daemon(text) as ours, _service(target.url, database.url, cache.url) as theirs:
            time.sleep(2)
            begun = {server: (usage.cpu(server.pid), _runs(server)) for server in (ours, theirs)}
            ratios = []
            for _ in range(max(2, depth.rounds // 2)):  # both at once: the machine is the same for both
                spent = {server: usage.cpu(server.pid) for server in (ours, theirs)}
                time.sleep(seconds)
                spent = {server: usage.cpu(server.pid) - before for server, before in spent.items()}
                ratios.append(spent[ours] / spent[theirs])
            each = [(usage.cpu(server.pid) - cpu) / (_runs(server) - runs) for server, (cpu, runs) in begun.items()]
            yield Row("homemade", "CPU a probe, all told", "a home-made service", 1 / 5, *each, median(ratios), "s")
            scrapes = max(20, int(depth.seconds * 40))
            found = compare(depth.rounds, lambda: _scrape(ours, scrapes), lambda: _scrape(theirs, scrapes))
            yield Row("homemade", "CPU a scrape", "a home-made service", 1 / 3, *found, "s")
            held = usage.resident([ours.pid]), usage.resident([theirs.pid])
            yield Row("homemade", "memory", "a home-made service", 1.0, *held, held[0] / held[1], "B")


def _sqlite(file: Path) -> None:
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE it (x)")
    connection.commit()
    connection.close()


def _loaded(ours: Server, asked: list[tuple[Server, str]], seconds: float) -> None:
    """Probe the peers as often as ours probes by itself, and scrape ours once a second."""
    end = time.monotonic() + seconds
    turn = 0
    while time.monotonic() < end:
        began = time.monotonic()
        for peer, path in asked:
            load.repeat(peer.port, path, 1)
        if turn % 5 == 0:
            assert "stack_probe_runs_total" in load.repeat(ours.port, "/metrics", 1).decode()
        turn += 1
        time.sleep(max(0.0, 0.2 - (time.monotonic() - began)))
    bad = [n for n, value in ours.metrics().items() if n.startswith("stack_probe_success") and value != 1]
    assert not bad, bad


@contextmanager
def _service(url: str, dsn: str, cache: str) -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="homemade-") as made:
        port = free_port()
        command = [sys.executable, "-m", "benchmarks.homemade", str(port), f"{url}/", dsn, cache, "1"]
        with peers.started("homemade", command, port, Path(made), {"PYTHONPATH": str(peers.ROOT)}) as server:
            yield server


def _runs(server: Server) -> float:
    lines = server.get("/metrics").text.splitlines()
    found = [line for line in lines if line.startswith(("check_runs_total{", "stack_probe_runs_total{"))]
    right = ('result="success"', 'result="healthy"')
    bad = [line for line in found if not any(part in line for part in right) and not line.endswith(" 0.0")]
    assert not bad, bad
    return sum(float(line.rpartition(" ")[2]) for line in found)


def _scrape(server: Server, scrapes: int) -> float:
    before = usage.cpu(server.pid)
    load.repeat(server.port, "/metrics", scrapes)
    return (usage.cpu(server.pid) - before) / scrapes
