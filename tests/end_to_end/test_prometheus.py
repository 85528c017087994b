"""A real Prometheus scrapes the daemon with every kind configured; a real collector has the traces of its exemplars."""

import gzip
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from exporter import catalogue
from tests import hostile, servers
from tests.pages import parsed, parsed_openmetrics
from tests.servers import Server
from tests.servers.exporters import Daemon
from tests.servers.process import wait_until
from tests.servers.telemetry import Rotel

OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}
HELLO = hostile.says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")


@dataclass
class Stack:
    daemon: Daemon
    collector: Rotel


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, postgres_server: Server, valkey_server: Server) -> Iterator[Stack]:
    file = tmp_path_factory.mktemp("stack") / "app.db"
    sqlite3.connect(file).close()
    with hostile.serving(HELLO) as site, servers.rotel() as collector:
        components = {
            "http": f'url: "{site.url}"',
            "tcp": f'address: "127.0.0.1:{valkey_server.port}"',
            "postgres": f'dsn: "{postgres_server.url}"',
            "redis": f'url: "{valkey_server.url}"',
            "disk": f"path: {file.parent}, quota: 1GiB",
            "host": "team: ours",
            "sqlite": f"path: {file}",
        }
        # One that is down, for the phases and reasons of failures.
        down = f'  gone: {{kind: http, url: "http://127.0.0.1:{hostile.unused()}/", critical: true}}\n'
        config = "defaults: {interval: 500ms, timeout: 500ms}\ncomponents:\n" + down
        config += "".join(f"  a_{kind}: {{kind: {kind}, {fields}}}\n" for kind, fields in components.items())
        config += f"""
forward:
  traces:
    - {{endpoint: "{collector.url}", protocol: http}}
    - {{endpoint: "http://127.0.0.1:{collector.grpc_port}", protocol: grpc}}
"""
        with servers.daemon(config) as daemon:
            assert set(components) == set(catalogue.kinds())
            for name in components:
                wait_until(lambda name=name: _ran(daemon, f"a_{name}", name))
            yield Stack(daemon, collector)


def _ran(daemon: Daemon, name: str, kind: str) -> bool:
    return daemon.metrics().get(f'stack_probe_success{{component="{name}",kind="{kind}"}}') == 1


def test_strict_parsers_take_the_live_page_in_both_formats(stack: Stack) -> None:
    text = stack.daemon.get("/metrics")
    openmetrics = stack.daemon.get("/metrics", OPENMETRICS)
    assert text.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert openmetrics.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    plain, strict = parsed(text.text), parsed_openmetrics(openmetrics.text)
    assert {name for name, _ in plain if name.startswith("stack_")} == {
        name for name, _ in strict if name.startswith("stack_")
    }
    assert openmetrics.text.endswith("\n# EOF\n")
    assert ' # {trace_id="' in openmetrics.text
    assert " # {" not in text.text


def test_gzip_is_the_same_page(stack: Stack) -> None:
    packed = stack.daemon.get("/metrics", {"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    names = {line.split("{")[0].split(" ")[0] for line in gzip.decompress(packed.body).decode().splitlines()}
    assert {"stack_probe_success", "stack_redis_memory_used_bytes", "process_open_fds"} <= names


def test_every_kind_has_its_own_series(stack: Stack) -> None:
    text = stack.daemon.get("/metrics").text
    # A plain TCP connection has nothing to tell but its phases.
    for kind in set(catalogue.kinds()) - {"tcp"}:
        assert f"\nstack_{kind}_" in text, kind


@pytest.mark.debian
def test_promtool_has_nothing_to_say_to_the_live_page(stack: Stack) -> None:
    promtool = shutil.which("promtool")
    assert promtool, "promtool is not installed: make packages"
    page = stack.daemon.get("/metrics").body
    said = subprocess.run([promtool, "check", "metrics"], input=page, capture_output=True, timeout=30)
    assert (said.returncode, said.stdout, said.stderr) == (0, b"", b"")


@pytest.mark.debian
def test_a_real_prometheus_scrapes_it_and_stores_exemplars_whose_traces_the_collector_has(stack: Stack) -> None:
    config = f"""
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: stack
    static_configs: [{{targets: ["127.0.0.1:{stack.daemon.port}"]}}]
"""
    began = time.time()
    with servers.prometheus(config) as prometheus:
        wait_until(lambda: [one["value"][1] for one in prometheus.query('up{job="stack"}')] == ["1"], 30)
        successes = prometheus.query("stack_probe_success")
        assert {one["metric"]["component"]: one["value"][1] for one in successes} == {
            **{f"a_{kind}": "1" for kind in catalogue.kinds()}, "gone": "0",
        }  # fmt: skip
        assert prometheus.query("scrape_samples_scraped")[0]["value"][1] != "0"
        query = f"/api/v1/query_exemplars?query=stack_probe_duration_seconds_bucket&start={began - 60}&end={began + 60}"
        found = wait_until(lambda: prometheus.get(query).json()["data"], 10)
        ids = {exemplar["labels"]["trace_id"] for one in found for exemplar in one["exemplars"]}
        components = {one["seriesLabels"]["component"] for one in found}
        assert len(components) >= 7
        assert all(len(one) == 32 for one in ids)
        # A span waits 5 s at most before it is sent, by both protocols.
        wait_until(lambda: [one for one in ids if stack.collector.log.count(one) >= 2], 15)
